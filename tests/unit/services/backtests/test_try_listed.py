"""The platform's own backtest of a listed strategy: the same terms for all, and its figures on the card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.backtests.backtest import DEFAULT_CASH
from candlecast.domain.backtests.listed import LONGEST, MOST_ROWS, listed_backtest
from candlecast.domain.backtests.market_fill import PLATFORM_SLIPPAGE
from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.listing import BacktestFigures, ListedBacktest, ListingSort
from candlecast.domain.strategies.record import public_until
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.try_listed import TryListed
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory
from candlecast.services.strategies.browse_market import BrowseMarket
from tests.support.builders import (
    BTC,
    NOW,
    STRATEGY,
    a_market,
    a_strategy,
    a_version,
    after,
    an_external_strategy,
    candles_until,
)
from tests.support.fakes.backtests import FakeEngine, a_summary
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.listings import FakeListingStore
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore


@dataclass
class Bench:
    """The use case over fakes, with one listed strategy on candles of an hour."""

    database: FakeDatabase = field(default_factory=FakeDatabase)
    market_data: FakeMarketData = field(default_factory=FakeMarketData)
    engine: FakeEngine = field(default_factory=FakeEngine)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)

    def __post_init__(self) -> None:
        strategies, history = FakeStrategyStore(self.database), FakeCandleHistory()
        strategies.create_strategy(a_strategy(timeframe=Timeframe.H1))
        self.market_data.put(BTC, Timeframe.H1, candles_until(NOW, 200, Timeframe.H1))
        self.listings = FakeListingStore(self.database)
        self.try_listed = TryListed(
            strategies=strategies,
            inputs=ReadInputs(
                strategies=strategies,
                markets=FakeMarkets(a_market(BTC)),
                history=ReadHistory(history, self.market_data, self.clock, self.metrics),
                funding=ReadFunding(history, self.market_data, self.clock, self.metrics),
                engine=self.engine,
            ),
            engine=self.engine,
            listings=self.listings,
            clock=self.clock,
            metrics=self.metrics,
        )

    @property
    def told(self) -> ListedBacktest | None:
        (card,) = BrowseMarket(self.listings)(is_paper=True, sort=ListingSort.NEWEST, limit=10).items
        return card.backtest


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_figures_are_on_the_card(bench: Bench) -> None:
    bench.try_listed(STRATEGY)
    until = public_until(a_strategy(timeframe=Timeframe.H1), NOW)
    summary = a_summary()
    assert bench.told == ListedBacktest(
        asked_at=NOW,
        version=None,
        figures=BacktestFigures(
            version=None,
            start=until - LONGEST,
            until=until,
            trades=summary.trades,
            return_percent=Decimal("1.23"),
            max_drawdown_percent=Decimal("2.00"),
            buy_and_hold_percent=Decimal("-1.00"),
            win_rate_percent=Decimal("57.14"),
            sharpe_ratio=Decimal("1.50"),
        ),
    )
    assert bench.metrics.counts["BacktestsDone"] == 1


def test_the_return_since_the_version_was_made_stands_apart(bench: Bench) -> None:
    """The author of a version knew all candles before it, and could write any decision for them."""
    released = replace(
        bench.database.strategies[STRATEGY], release=Release(stable=1, released_by="t", released_at=NOW), latest_version=1
    )
    bench.database.strategies[STRATEGY] = released
    bench.database.versions[STRATEGY, 1] = a_version(strategy_id=STRATEGY, number=1, created_at=after(-7_200))
    bench.engine.return_since_made = Decimal("-0.01254")
    bench.try_listed(STRATEGY)
    assert bench.told is not None
    assert bench.told.figures is not None
    assert (bench.told.figures.made_at, bench.told.figures.return_since_made_percent) == (after(-7_200), Decimal("-1.25"))


def test_all_are_tried_on_the_same_terms() -> None:
    for timeframe, span in ((Timeframe.M1, Timeframe.M1.length * MOST_ROWS), (Timeframe.D1, LONGEST)):
        backtest = listed_backtest(a_strategy(timeframe=timeframe), None, NOW)
        plan, settings = backtest.plan, backtest.plan.settings
        assert plan.until == timeframe.floor(public_until(a_strategy(timeframe=timeframe), NOW))
        assert timedelta(0) <= span - (plan.until - plan.start) < timeframe.length
        assert (plan.cash, settings.capital, settings.sizing.value, plan.slippage_bps) == (
            *[DEFAULT_CASH] * 3,
            PLATFORM_SLIPPAGE.bps,
        )
        assert (settings.max_daily_loss_percent, backtest.shows_code) == (Decimal(100), False)


def test_no_decision_is_shown_before_it_is_public(bench: Bench) -> None:
    bench.try_listed(STRATEGY)
    (seen,) = bench.engine.seen
    assert max(candle.open_time for candle in seen.candles) < public_until(a_strategy(timeframe=Timeframe.H1), NOW)


def test_a_failure_is_told_by_its_code(bench: Bench) -> None:
    def during(_: int) -> None:
        raise Reject("STRATEGY_FAILED", "line 3: secret words of the code")

    bench.engine.during = during
    bench.try_listed(STRATEGY)
    assert bench.told is not None
    assert bench.told.figures is not None
    assert (bench.told.figures.refusal, bench.told.figures.return_percent) == ("STRATEGY_FAILED", None)
    assert bench.metrics.counts["BacktestsFailed"] == 1


def test_a_backtest_that_takes_too_long_ends(bench: Bench) -> None:
    def during(_: int) -> None:
        bench.clock.advance(100)

    bench.engine.during = during
    bench.try_listed(STRATEGY)
    assert bench.told is not None
    assert bench.told.figures is not None
    assert bench.told.figures.refusal == "BACKTEST_TOO_SLOW"


def test_nothing_is_written_while_the_candles_cannot_be_had(bench: Bench) -> None:
    bench.market_data.unavailable = True
    with pytest.raises(RetryLater):
        bench.try_listed(STRATEGY)
    assert bench.told is None


@pytest.mark.parametrize("change", [{"visibility": Visibility.PRIVATE}, {"retired_at": NOW}], ids=["private", "retired"])
def test_a_strategy_that_is_listed_no_more_is_not_tried(bench: Bench, change: dict[str, object]) -> None:
    held = bench.database.strategies[STRATEGY]
    bench.database.strategies[STRATEGY] = replace(held, **change)  # type: ignore[arg-type]
    bench.try_listed(STRATEGY)
    assert not bench.engine.seen


def test_signals_from_outside_and_a_strategy_that_is_gone_are_passed_over(bench: Bench) -> None:
    bench.try_listed("gone")
    FakeStrategyStore(bench.database).create_strategy(an_external_strategy("outside"))
    bench.try_listed("outside")
    assert not bench.engine.seen
