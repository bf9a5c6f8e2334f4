"""The runner computes each backtest once, tells its progress, and leaves a state that its tenant understands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.backtests.backtest import LEASE, TIME_LIMIT, Backtest, BacktestStatus
from candlecast.domain.backtests.sweep import SweepPlan
from candlecast.domain.market.funding import FundingRate
from candlecast.domain.values.errors import DomainError, InvalidValue, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.backtests.cancel_backtest import CancelBacktest
from candlecast.services.backtests.end_dead_backtest import EndDeadBacktest
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.run_backtest import RunBacktest
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory
from tests.support.builders import BTC, NOW, STRATEGY, TENANT, VENUE, a_market, a_strategy, a_version, candles_until
from tests.support.fakes.backtests import (
    BACKTEST,
    FakeBacktestStore,
    FakeEngine,
    FakeResults,
    a_backtest,
    a_plan,
    a_summary,
    a_task,
)
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

UNAVAILABLE = RetryLater("TOLD_TO_FAIL", after_seconds=1)


@dataclass
class Bench:
    """The runner over fakes, with one built-in strategy and one backtest that waits."""

    store: FakeBacktestStore = field(default_factory=FakeBacktestStore)
    market_data: FakeMarketData = field(default_factory=FakeMarketData)
    engine: FakeEngine = field(default_factory=FakeEngine)
    results: FakeResults = field(default_factory=FakeResults)
    clock: FakeClock = field(default_factory=FakeClock)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)

    def __post_init__(self) -> None:
        self.strategies = FakeStrategyStore(FakeDatabase())
        self.strategies.create_strategy(a_strategy())
        self.market_data.put(BTC, Timeframe.M1, candles_until(NOW, 200))
        history = FakeCandleHistory()
        inputs = ReadInputs(
            strategies=self.strategies,
            markets=FakeMarkets(a_market(BTC)),
            history=ReadHistory(history, self.market_data, self.clock, self.metrics),
            funding=ReadFunding(history, self.market_data, self.clock, self.metrics),
            engine=self.engine,
        )
        self.run = RunBacktest(
            backtests=self.store,
            inputs=inputs,
            engine=self.engine,
            results=self.results,
            clock=self.clock,
            metrics=self.metrics,
        )
        self.cancel = CancelBacktest(self.store, self.clock)
        self.store.create_backtest(a_backtest())

    @property
    def found(self) -> Backtest:
        return self.store.find_backtest(TENANT, BACKTEST)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_backtest_ends_with_its_results_and_numbers(bench: Bench) -> None:
    bench.run(a_task(), "worker-1")
    found = bench.found
    assert (found.status, found.summary, found.code_version, found.tries) == (BacktestStatus.DONE, a_summary(), "c0de", 1)
    assert set(bench.results.kept) == {(TENANT, BACKTEST)}
    assert bench.metrics.counts["BacktestsDone"] == 1


def test_a_task_that_is_none_of_the_backtests_is_refused(bench: Bench) -> None:
    bench.store.create_backtest(
        a_backtest(backtest_id="swept", plan=a_plan(sweep=SweepPlan(axes={"a": (1,)}, trials_of_a_part=1)))
    )
    for task in (a_task(part=0), a_task(backtest_id="swept")):
        with pytest.raises(InvalidValue, match="part"):
            bench.run(task, "worker-1")
    assert (bench.found.status, bench.engine.seen) == (BacktestStatus.QUEUED, [])


def test_candles_before_the_first_are_read_for_its_decision(bench: Bench) -> None:
    bench.run(a_task(), "worker-1")
    (seen,) = bench.engine.seen
    assert seen.candles[0].open_time == NOW - timedelta(minutes=120 + 59)
    assert (len(seen.candles), seen.market, seen.version) == (179, a_market(BTC), None)


def test_settlements_of_the_span_and_the_one_before_it_are_read(bench: Bench) -> None:
    rates = [FundingRate(NOW - timedelta(minutes=minutes), Decimal("0.0001")) for minutes in (1_000, 200, 120, 60, 0)]
    bench.market_data.fundings[VENUE, BTC] = rates
    bench.run(a_task(), "worker-1")
    (seen,) = bench.engine.seen
    assert list(seen.funding) == rates[1:4]


def test_a_span_may_begin_decades_before_its_market(bench: Bench) -> None:
    until = Timeframe.D1.floor(NOW)
    bench.market_data.put(BTC, Timeframe.D1, candles_until(until, 200, Timeframe.D1))
    bench.market_data.fundings[VENUE, BTC] = [FundingRate(until - timedelta(days=1), Decimal("0.0001"))]
    plan = a_plan(timeframe=Timeframe.D1, start=until - timedelta(days=9_000), until=until)
    bench.store.backtests[TENANT, BACKTEST] = a_backtest(plan=plan, version=bench.found.version)
    bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.error_code) == (BacktestStatus.DONE, None)
    (seen,) = bench.engine.seen
    assert (len(seen.candles), len(seen.funding)) == (200, 1)


def test_the_version_of_the_plan_is_computed(bench: Bench) -> None:
    bench.strategies.database.versions[STRATEGY, 2] = a_version(2, lookback=11)
    known = bench.found
    bench.store.backtests[TENANT, BACKTEST] = a_backtest(plan=a_plan(version=2), version=known.version)
    bench.run(a_task(), "worker-1")
    (seen,) = bench.engine.seen
    assert (seen.version, len(seen.candles)) == (a_version(2, lookback=11), 130)


def test_progress_is_told_every_two_seconds(bench: Bench) -> None:
    told: list[int] = []

    def during(row: int) -> None:
        told.append(bench.found.rows_done)
        bench.clock.advance(1)

    bench.engine.during = during
    bench.run(a_task(), "worker-1")
    assert sorted(set(told)) == [row for row in range(119) if row == 0 or row % 2 == 1]
    assert bench.found.rows_done == 120


def test_progress_that_cannot_be_told_stops_nothing(bench: Bench) -> None:
    def during(row: int) -> None:
        bench.store.unavailable = 0 < row < 60
        bench.clock.advance(1)

    bench.engine.during = during
    bench.run(a_task(), "worker-1")
    assert bench.found.status is BacktestStatus.DONE


def test_a_cancelled_backtest_stops_at_its_next_word(bench: Bench) -> None:
    rows: list[int] = []

    def during(row: int) -> None:
        rows.append(row)
        bench.clock.advance(1)
        if row == 30:
            bench.cancel(TENANT, BACKTEST)

    bench.engine.during = during
    bench.run(a_task(), "worker-1")
    assert rows[-1] in (30, 31, 32)
    assert bench.found.status is BacktestStatus.CANCELLED
    assert not bench.results.kept


def test_a_backtest_that_was_cancelled_in_the_queue_is_not_computed(bench: Bench) -> None:
    bench.cancel(TENANT, BACKTEST)
    bench.run(a_task(), "worker-1")
    assert not bench.engine.seen


def test_a_backtest_that_was_forgotten_is_not_computed(bench: Bench) -> None:
    bench.store.backtests.clear()
    bench.run(a_task(), "worker-1")
    assert not bench.engine.seen


def test_a_second_delivery_waits_while_the_first_is_at_it(bench: Bench) -> None:
    def during(row: int) -> None:
        if row == 5:
            with pytest.raises(RetryLater, match="BACKTEST_RUNS"):
                bench.run(a_task(), "worker-2")

    bench.engine.during = during
    bench.run(a_task(), "worker-1")
    assert (len(bench.engine.seen), bench.found.status) == (1, BacktestStatus.DONE)


def test_the_backtest_of_a_killed_worker_is_begun_again_and_its_ghost_writes_nothing(bench: Bench) -> None:
    class Killed(BaseException):
        pass

    def die(row: int) -> None:
        if row == 50:
            raise Killed

    bench.engine.during = die
    with pytest.raises(Killed):
        bench.run(a_task(), "worker-1")
    bench.clock.advance(LEASE.total_seconds())
    bench.engine.during = None
    bench.run(a_task(), "worker-2")
    assert (bench.found.status, bench.found.tries) == (BacktestStatus.DONE, 2)


def test_a_worker_whose_lease_another_has_taken_stops(bench: Bench) -> None:
    def during(row: int) -> None:
        if row == 50:
            bench.clock.advance(LEASE.total_seconds())
            taken = bench.found.begun("worker-2", bench.clock.now())
            bench.store.save_backtest(taken)
            bench.clock.instant = NOW + timedelta(seconds=5)

    bench.engine.during = during
    with pytest.raises(RetryLater, match="BACKTEST_RUNS"):  # its task stays, as the other worker may die
        bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.worker) == (BacktestStatus.RUNNING, "worker-2")
    assert not bench.results.kept


def test_of_two_workers_at_once_one_waits_and_keeps_its_task(bench: Bench) -> None:
    bench.store.during = lambda: bench.store.save_backtest(bench.found.begun("worker-2", NOW))
    with pytest.raises(RetryLater, match="BACKTEST_RUNS"):
        bench.run(a_task(), "worker-1")
    assert (bench.found.worker, bench.engine.seen) == ("worker-2", [])


def test_a_cancellation_at_the_begin_wins(bench: Bench) -> None:
    bench.store.during = lambda: bench.cancel(TENANT, BACKTEST)
    bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.engine.seen) == (BacktestStatus.CANCELLED, [])


def test_a_write_whose_answer_was_lost_is_ours_still(bench: Bench) -> None:
    """The SDK repeats a write whose answer was lost, and the repeat meets the first."""

    def lost() -> None:
        known = bench.found
        bench.store.backtests[TENANT, BACKTEST] = known.begun("worker-1", NOW)
        object.__setattr__(bench.store.backtests[TENANT, BACKTEST], "version", known.version + 1)

    bench.store.during = lost
    bench.run(a_task(), "worker-1")
    assert bench.found.status is BacktestStatus.DONE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Reject("STRATEGY_FAILED", "line 3: NameError"), "STRATEGY_FAILED"),
        (InvalidValue("too bold", code="COSTS_INVALID"), "COSTS_INVALID"),
    ],
)
def test_a_failure_of_the_strategy_ends_the_backtest_with_its_reason(bench: Bench, error: DomainError, code: str) -> None:
    bench.engine.error = error
    bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.error_code, bench.found.error_message) == (BacktestStatus.FAILED, code, error.message)
    assert bench.metrics.counts["BacktestsFailed"] == 1
    assert not bench.results.kept


def test_a_span_without_a_candle_ends_the_backtest(bench: Bench) -> None:
    bench.market_data.put(BTC, Timeframe.M1, candles_until(NOW - timedelta(hours=2), 60))
    bench.run(a_task(), "worker-1")
    assert bench.found.error_code == "BACKTEST_WITHOUT_CANDLES"


def test_a_backtest_that_takes_too_long_ends(bench: Bench) -> None:
    bench.engine.during = lambda row: bench.clock.set(NOW + TIME_LIMIT + timedelta(seconds=row))
    bench.run(a_task(), "worker-1")
    assert bench.found.error_code == "BACKTEST_TOO_SLOW"


def test_a_backtest_waits_for_a_venue_that_is_silent(bench: Bench) -> None:
    bench.market_data.unavailable = True
    with pytest.raises(RetryLater, match="VENUE_UNAVAILABLE"):
        bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.worker) == (BacktestStatus.QUEUED, None)
    bench.market_data.unavailable = False
    bench.run(a_task(), "worker-2")
    assert (bench.found.status, bench.found.tries) == (BacktestStatus.DONE, 2)


@pytest.mark.parametrize("part", ["engine", "results"])
def test_a_backtest_waits_for_a_part_that_does_not_answer(bench: Bench, part: str) -> None:
    getattr(bench, part).error = UNAVAILABLE
    with pytest.raises(RetryLater, match="TOLD_TO_FAIL"):
        bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.worker) == (BacktestStatus.QUEUED, None)


def test_an_unforeseen_error_gives_the_backtest_back(bench: Bench) -> None:
    def during(row: int) -> None:
        raise KeyError(row)

    bench.engine.during = during
    with pytest.raises(KeyError):
        bench.run(a_task(), "worker-1")
    assert (bench.found.status, bench.found.worker) == (BacktestStatus.QUEUED, None)


def test_a_strategy_that_is_gone_ends_the_backtest(bench: Bench) -> None:
    bench.strategies.database.strategies.clear()
    bench.run(a_task(), "worker-1")
    assert bench.found.error_code == "NOT_FOUND"


def test_a_market_that_is_gone_ends_the_backtest(bench: Bench) -> None:
    bench.store.backtests[TENANT, BACKTEST] = a_backtest(plan=a_plan(market="DOGE/USDT:USDT"), version=1)
    bench.run(a_task(), "worker-1")
    assert bench.found.error_code == "UNKNOWN_MARKET"


def test_a_dead_letter_ends_its_backtest(bench: Bench) -> None:
    end = EndDeadBacktest(bench.store, bench.clock)
    end(a_task(), "UNFORESEEN:ValueError")
    assert (bench.found.status, bench.found.error_code) == (BacktestStatus.FAILED, "UNFORESEEN:ValueError")
    ended = bench.found
    end(a_task(), "ANOTHER")
    end(a_task(backtest_id="forgotten"), "ANOTHER")
    assert bench.found == ended
