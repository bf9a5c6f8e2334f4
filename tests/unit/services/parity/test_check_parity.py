"""Live runs of a day against a backtest: equal, or different for a cause that has a name.

The runs are made by the use case that makes them live, on a strategy of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from candlecast.domain.market.history import KnownCandles, Series, Span
from candlecast.domain.orders.fleet import SignalFill, backtest_fill
from candlecast.domain.parity.parity import Difference, ParityCause, ParityDay
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import Execution, ExecutionStatus
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.values.errors import NotFound, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market.read_history import ReadHistory
from candlecast.services.market.run_candle import RunCandle
from candlecast.services.parity.check_parity import SETTLED, CheckParity
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.strategy import Candles, Parameters, Signals, Strategy
from tests.support.builders import (
    BTC,
    NOW,
    STRATEGY,
    a_candle,
    a_candle_closed,
    a_market,
    a_strategy,
    a_subscription,
    a_version,
    an_external_strategy,
    an_uploaded_strategy,
)
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.history import FakePriceStore
from tests.support.fakes.listings import FakeListingStore
from tests.support.fakes.market_data import FakeMarketData, FakeMarkets
from tests.support.fakes.parity import CodeOf, FakeParityStore
from tests.support.fakes.parity_days import a_parity_day
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore

M1 = Timeframe.M1
SERIES = Series(venue="paper", market=BTC, timeframe=M1)
RUNS = 12
DAY = NOW.date()
ENDED = NOW + timedelta(days=1)


class NoParameters(Parameters):
    """None."""


class Ruled(Strategy[NoParameters]):
    """Decides by a rule of the test."""

    name = "ruled"
    description = "Decides by a rule of the test."

    def __init__(self, rule: Callable[[Candles], Signals]) -> None:
        super().__init__(NoParameters())
        self._rule = rule

    def rows_needed(self) -> int:
        return 2

    def signals(self, candles: Candles) -> Signals:
        return self._rule(candles)


def turns(candles: Candles) -> Signals:
    """Goes with the last step of the price, with a stop below or above."""
    step = np.diff(candles.close, prepend=candles.close[0])
    stop = candles.close * np.where(step > 0, 0.9, 1.1)
    return Signals.from_conditions(long=step > 0, short=step < 0, stop_loss=stop)


def foresees(candles: Candles) -> Signals:
    """From the sixth run on, goes with the next step, which only a backtest knows."""
    following = np.append(candles.close[1:], candles.close[-1]) - candles.close
    knows = (candles.time >= int(close_of(6).timestamp() * 1000)) & (following != 0)
    side = np.where(knows, np.sign(following), turns(candles).side).astype(np.int8)
    return Signals(side=side)


def remembers(candles: Candles) -> Signals:
    """Goes long at each second candle of those that it is shown."""
    second = np.arange(len(candles)) % 2 == 1
    return Signals.from_conditions(long=second, short=~second)


class Tosses:
    """Decides otherwise each time."""

    times = 0

    def __call__(self, candles: Candles) -> Signals:
        self.times += 1
        return Signals(side=np.full(len(candles), self.times % 3, dtype=np.int8))


def fails(candles: Candles) -> Signals:
    """Has a stop on the wrong side of one candle."""
    wrong = candles.time == int((close_of(3) - M1.length).timestamp() * 1000)
    stop = candles.close * np.where(wrong, 1.5, 0.5)
    return Signals.from_conditions(long=candles.close > 0, short=candles.close < 0, stop_loss=stop)


def close_of(run: int) -> datetime:
    """The close of a live run, from 0."""
    return NOW + M1.length * run


def price_at(number: int) -> str:
    """Goes up and down, rests, and trends."""
    return str(100 + number // 7 + (0, 3, 1, 1, 4)[number % 5])


class RecordingFills:
    """`FillStore` that keeps the newest fills by signal."""

    def __init__(self) -> None:
        self.held: dict[str, SignalFill] = {}

    def put_fills(self, strategy_id: str, fills: Sequence[SignalFill]) -> None:
        self.held |= {each.signal_id: each for each in fills}


class World:
    """A followed strategy, and candles around `RUNS` closes from `NOW` on."""

    def __init__(self, rule: Callable[[Candles], Signals], definition: StrategyDefinition | None = None, **changes: Any) -> None:
        strategy = Ruled(rule)
        self.database, self.clock, self.metrics = FakeDatabase(), FakeClock(NOW), RecordingMetrics()
        self.code, self.market_data, self.days = CodeOf(strategy), FakeMarketData(), FakeParityStore()
        self.strategies, self.executions = FakeStrategyStore(self.database), FakeExecutionStore(self.database)
        self.subscriptions = FakeSubscriptionStore(self.database, self.clock)
        self.history, self.listings = FakeCandleHistory(), FakeListingStore(self.database)
        self.fills = RecordingFills()
        self.read = ReadHistory(self.history, self.market_data, self.clock, self.metrics)
        self.strategies.create_strategy(definition or a_strategy(subscriber_count=3, **changes))
        before = 3 * strategy.lookback
        self.publish({NOW + M1.length * number: price_at(number + before) for number in range(-before, RUNS + 3)})
        self.live = RunCandle(
            strategies=self.strategies,
            executions=self.executions,
            prices=FakePriceStore(self.database),
            market_data=self.market_data,
            code=self.code,
            version_of=self.strategies.get_version,
            publish=PublishSignal(FakeSignalStore(self.database), FakeSignalQueue(), self.clock, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
            max_lateness=timedelta(minutes=5),
        )
        self.check = CheckParity(
            strategies=self.strategies,
            subscriptions=self.subscriptions,
            executions=self.executions,
            days=self.days,
            listings=self.listings,
            fills=self.fills,
            markets=FakeMarkets(),
            code=self.code,
            frames=self.code,
            read=self.read,
            clock=self.clock,
            metrics=self.metrics,
        )

    def publish(self, prices: dict[datetime, str]) -> None:
        self.prices = prices
        self.market_data.put(BTC, M1, [a_candle(opened, price) for opened, price in sorted(prices.items())])

    def revise(self, opened: datetime, price: str) -> None:
        self.publish({**self.prices, opened: price})

    def remove(self, opened: datetime) -> None:
        self.publish({at: price for at, price in self.prices.items() if at != opened})

    def run(self, number: int, late: float = 1.0, **message: Any) -> None:
        self.clock.instant = close_of(number) + timedelta(seconds=late)
        self.live(a_candle_closed(candle_close=close_of(number), timeframe=M1, **message), "worker-1")

    def run_all(self) -> World:
        for number in range(RUNS):
            self.run(number)
        return self

    def checked(self, at: datetime = ENDED) -> ParityDay:
        self.clock.instant = at
        found = self.check(STRATEGY, DAY)
        assert found is not None
        return found

    def change(self, run: int, **changes: Any) -> None:
        key = (STRATEGY, close_of(run), 0)
        self.database.executions[key] = replace(self.database.executions[key], **changes)

    def record(self, run: int) -> Execution:
        return self.database.executions[STRATEGY, close_of(run), 0]


def only(day: ParityDay) -> Difference:
    (found,) = day.differences
    return found


def test_runs_of_honest_code_are_equal_to_the_backtest() -> None:
    world = World(turns).run_all()
    assert {world.record(run).status for run in range(RUNS)} == {ExecutionStatus.COMPLETED, ExecutionStatus.NO_SIGNAL}
    day = world.checked()
    assert (day.checked, day.equal, day.otherwise, day.differences, day.missing) == (RUNS, RUNS, 0, (), 0)
    assert day.is_whole
    assert world.days.list_days(STRATEGY, DAY, DAY) == [day]
    assert (world.metrics.counts["ParityChecked"], world.metrics.counts["ParityDifferences"]) == (RUNS, 0)


def test_all_runs_are_decided_in_one_frame_if_none_differs() -> None:
    world = World(turns).run_all()
    runs = world.code.runs
    world.checked()
    assert (world.code.frames, world.code.runs - runs) == (1, 0)


def test_a_look_ahead_that_begins_after_the_upload_is_named() -> None:
    day = World(foresees).run_all().checked()
    assert day.differences
    assert {each.cause for each in day.differences} == {ParityCause.LOOK_AHEAD}
    assert min(each.candle_close for each in day.differences) > close_of(6)
    assert (day.checked, day.equal + day.otherwise) == (RUNS, RUNS)
    assert all(each.recorded != each.recomputed for each in day.differences)


def test_a_decision_that_depends_on_more_than_the_lookback_is_named() -> None:
    day = World(remembers).run_all().checked()
    assert {each.cause for each in day.differences} == {ParityCause.LOOKBACK}


def test_chance_is_named() -> None:
    day = World(Tosses()).run_all().checked()
    assert ParityCause.CHANCE in day.causes
    assert ParityCause.LOOK_AHEAD not in day.causes


def test_a_revised_candle_is_named_with_its_row_before_and_after() -> None:
    world = World(turns).run_all()
    opened = close_of(4) - M1.length
    was = a_candle(opened, world.prices[opened])
    world.revise(opened, "250")
    day = world.checked()
    assert day.causes == {ParityCause.REVISED: RUNS - 4}  # each later run has the candle among its own
    assert {(each.row, each.before, each.after) for each in day.differences} == {(opened, was, a_candle(opened, "250"))}
    assert day.differences[0].candle_close == close_of(4)
    differs = [each.candle_close for each in day.differences if each.decides_otherwise]
    assert differs[0] in (close_of(4), close_of(5))
    assert (day.otherwise, day.equal) == (len(differs), 4)


def test_a_revision_that_the_store_has_noticed_names_a_row_that_no_run_of_the_day_saw_first() -> None:
    world = World(turns)
    opened = close_of(-3) - M1.length
    world.run(0)
    world.clock.instant = close_of(1)
    world.read(SERIES, Span(close_of(-9), close_of(0)))
    was = a_candle(opened, world.prices[opened])
    world.revise(opened, "250")
    world.clock.instant = close_of(2)
    world.read(SERIES, Span(close_of(-9), close_of(2)))
    found = only(world.checked())
    assert (found.cause, found.row, found.before, found.after) == (ParityCause.REVISED, opened, was, a_candle(opened, "250"))


def test_a_candle_that_was_revised_after_others_had_read_it_is_asked_for_again_and_named() -> None:
    world = World(turns).run_all()
    opened = close_of(4) - M1.length
    was = a_candle(opened, world.prices[opened])
    all_runs = Span(close_of(-6), close_of(RUNS))
    world.read(SERIES, all_runs)  # as a backtest of that noon
    world.revise(opened, "250")
    assert world.read(SERIES, all_runs).revisions == (), "a reader who doubts nothing does not notice"
    day = world.checked()
    assert {(each.cause, each.row, each.before, each.after) for each in day.differences} == {
        (ParityCause.REVISED, opened, was, a_candle(opened, "250"))
    }
    assert world.metrics.counts["CandlesRevised"] == 1


def test_a_day_is_asked_for_once_more_and_not_by_each_check() -> None:
    world = World(turns).run_all()
    behind = {close_of(run): price_at(run) for run in range(RUNS, RUNS + 2 * world.code.strategy.lookback)}
    world.publish({**world.prices, **behind})
    world.read(SERIES, Span(close_of(-6), close_of(RUNS)))
    requests = world.market_data.requests
    world.checked()
    assert world.market_data.requests == requests + 1
    world.checked()
    assert world.market_data.requests == requests + 1


def test_a_revised_candle_that_nobody_has_noted_has_no_row() -> None:
    world = World(turns)
    world.run(0)
    world.revise(close_of(-3) - M1.length, "250")
    found = only(world.checked())
    assert (found.cause, found.row, found.before) == (ParityCause.REVISED, None, None)


def test_a_candle_that_is_missing_now_is_a_gap() -> None:
    world = World(turns)
    world.run(3)
    opened = close_of(3) - M1.length
    was = a_candle(opened, world.prices[opened])
    world.remove(opened)
    found = only(world.checked())
    assert (found.cause, found.row, found.before, found.after) == (ParityCause.GAP, opened, was, None)


def test_a_candle_that_has_appeared_since_is_a_gap() -> None:
    world = World(turns)
    whole, opened = world.prices, close_of(3) - M1.length
    world.remove(opened)
    world.run(3, late=31)
    assert world.record(3).reason == "CANDLE_NOT_PUBLISHED"
    world.publish(whole)
    found = only(world.checked())
    assert (found.cause, found.row, found.after) == (ParityCause.GAP, opened, a_candle(opened, whole[opened]))
    assert found.recorded == "none: CANDLE_NOT_PUBLISHED"


def test_a_run_without_candles_that_the_store_lacks_too_is_equal() -> None:
    world = World(turns)
    world.remove(close_of(3) - M1.length)
    world.run(3, late=31)
    world.run(5)
    assert world.record(5).reason == "CANDLES_GAP"
    day = world.checked()
    assert (day.checked, day.equal, day.missing) == (2, 2, 1)


def test_a_run_that_came_too_late_is_the_clocks() -> None:
    world = World(turns)
    world.run(1, late=301)
    found = only(world.checked())
    assert (found.cause, found.recorded) == (ParityCause.CLOCK, "none: CANDLE_TOO_LATE")
    assert found.recomputed is not None
    assert found.decides_otherwise is (found.recomputed != "HOLD")


def test_a_run_that_never_ended_is_the_clocks() -> None:
    world = World(turns).run_all()
    world.change(2, status=ExecutionStatus.RUNNING, signal=None)
    found = only(world.checked())
    assert (found.cause, found.candle_close, found.recorded) == (ParityCause.CLOCK, close_of(2), "none: RUNNING")


def test_a_close_without_a_run_is_the_clocks_once_somebody_follows() -> None:
    world = World(turns)
    world.subscriptions.write(a_subscription(created_at=close_of(1) + timedelta(seconds=1)), None, 1)
    for number in (0, 3, 5):
        world.run(number)
    day = world.checked(at=close_of(6) + SETTLED - timedelta(seconds=1))
    # the close of run 2 was announced a minute before, when nobody followed yet
    assert [(each.candle_close, each.cause) for each in day.differences] == [(close_of(4), ParityCause.CLOCK)]
    assert (day.checked, day.equal, day.is_whole) == (4, 3, False)


def test_closes_before_anybody_followed_are_not_missed() -> None:
    world = World(turns)
    world.subscriptions.write(a_subscription(created_at=ENDED), None, 1)
    for number in (0, 9):
        world.run(number)
    assert world.checked().checked == 2


def test_another_text_of_the_code_cannot_be_recomputed_and_is_counted_apart() -> None:
    world = World(turns).run_all()
    world.code.text = "second"
    day = world.checked()
    assert (day.checked, day.equal, day.otherwise, day.causes) == (0, 0, 0, {ParityCause.CODE: RUNS})


@pytest.mark.parametrize("is_gone", [True, False])
def test_code_that_is_gone_and_records_of_before_are_counted_apart(is_gone: bool) -> None:
    world = World(turns)
    world.run(0)
    world.code.is_gone = is_gone
    if not is_gone:
        world.change(0, seen=None, strategy_version=None)
    day = world.checked()
    assert (day.checked, day.causes, day.refusal) == (0, {ParityCause.CODE: 1}, None)


def test_runs_of_several_versions_are_compared_each_with_its_own() -> None:
    world = World(turns, an_uploaded_strategy(subscriber_count=3))
    for number in (1, 2):
        version = a_version(number, lookback=Ruled(turns).lookback)
        world.database.versions[STRATEGY, number] = version
    world.run(0, strategy_id=STRATEGY)
    held = world.record(0)
    other = replace(held, audience=replace(held.audience, number=2), leads=False, strategy_version=a_version(2).digest)  # type: ignore[type-var]
    world.database.executions[STRATEGY, close_of(0), 2] = other
    assert (world.checked().checked, world.checked().equal) == (2, 2)
    world.database.executions[STRATEGY, close_of(0), 2] = replace(other, strategy_version="another")
    day = world.checked()
    assert (day.equal, day.causes, only(day).version) == (1, {ParityCause.CODE: 1}, 2)


def test_a_retired_strategys_entry_was_published_as_what_it_closes() -> None:
    world = World(turns, retired_at=NOW).run_all()
    actions = {signal.action.value for run in range(RUNS) if (signal := world.record(run).signal) is not None}
    assert actions == {"EXIT_LONG", "EXIT_SHORT"}
    assert world.checked().equal == RUNS


def test_a_task_that_a_later_comparison_has_answered_is_not_made_again() -> None:
    world = World(turns).run_all()
    world.checked(ENDED)
    for asked_at in (ENDED - timedelta(hours=1), ENDED):
        assert world.check(STRATEGY, DAY, asked_at) is None
    assert world.code.frames == 1
    assert world.check(STRATEGY, DAY, ENDED + timedelta(seconds=1)) is not None
    assert world.check(STRATEGY, DAY) is not None
    assert world.code.frames == 3


def test_retiring_a_strategy_excuses_no_run_before() -> None:
    world = World(turns, retired_at=NOW).run_all()
    changed = replace(world.strategies.get_strategy(STRATEGY), retired_at=close_of(6))
    world.database.strategies[STRATEGY] = changed
    exits = {run for run in range(RUNS) if (signal := world.record(run).signal) is not None and not signal.action.is_entry}
    before = {run for run in exits if run < 6}
    day = world.checked()
    assert before
    assert exits > before
    assert {each.candle_close for each in day.differences} == {close_of(run) for run in before}
    assert day.otherwise == len(before)


def test_a_refused_frame_says_nothing_of_the_runs_that_are_the_same() -> None:
    world = World(fails).run_all()
    assert world.record(3).reason == "LEVEL_INVALID"
    day = world.checked()
    assert (day.equal, day.causes, day.otherwise) == (0, {ParityCause.UNEXAMINED: RUNS}, 0)
    assert (day.refusal, day.checked) == ("LEVEL_INVALID", 0)  # nothing was compared with later candles beside it


def test_code_that_refuses_one_candle_of_the_day_is_not_equal_for_that() -> None:
    """It looks ahead, and its last candle has a wrong stop, so that no frame shows the look-ahead."""

    def hides(candles: Candles) -> Signals:
        last = candles.time == int((close_of(RUNS - 1) - M1.length).timestamp() * 1000)
        side = np.where(last, 1, foresees(candles).side).astype(np.int8)
        return Signals(side=side, stop_loss=np.where(last, candles.close * 1.5, np.nan))

    day = World(hides).run_all().checked()
    assert (day.equal, day.checked, day.refusal) == (0, 0, "LEVEL_INVALID")


def test_a_refusal_that_does_not_come_again_is_chance() -> None:
    world = World(turns).run_all()
    world.change(1, status=ExecutionStatus.FAILED, reason="STRATEGY_TOO_SLOW", signal=None)
    found = only(world.checked())
    assert (found.cause, found.recorded) == (ParityCause.CHANCE, "refused: STRATEGY_TOO_SLOW")


def test_only_the_first_differences_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.services.parity.check_parity.MAX_EXAMINED", 3)
    world = World(remembers).run_all()
    for run in range(RUNS):
        world.change(run, status=ExecutionStatus.NO_SIGNAL, signal=None)
    runs = world.code.runs
    day = world.checked()
    assert day.causes == {ParityCause.CHANCE: 3, ParityCause.UNEXAMINED: RUNS - 3}
    assert day.otherwise == RUNS
    assert (world.code.runs - runs, world.code.frames) == (3, 4)


def test_a_market_that_the_venue_has_no_more_leaves_gaps() -> None:
    world = World(turns)
    world.run(0)

    def gone(series: Series, span: Span, doubted: Span) -> KnownCandles:
        world.market_data._candles.clear()
        return world.read(series, span, doubted)

    world.check = replace(world.check, read=gone)
    assert only(world.checked()).cause is ParityCause.GAP


def test_each_signal_of_the_day_has_the_fill_of_a_backtest_at_the_next_candles_open() -> None:
    world = World(turns).run_all()
    world.checked()
    signals = {run: signal for run in range(RUNS) if (signal := world.record(run).signal) is not None}
    assert len(signals) > 3
    for run, signal in signals.items():
        following = a_candle(close_of(run), world.prices[close_of(run)])
        found = world.fills.held[signal.signal_id]
        assert (found.issued_at, found.fill) == (signal.issued_at, backtest_fill(signal, following, a_market()))
    assert len(world.fills.held) == len(signals)


def test_a_signal_whose_next_candle_has_not_closed_has_no_fill_yet() -> None:
    world = World(turns)
    runs = [run for run in range(RUNS) if world.prices[close_of(run) - M1.length] != world.prices[close_of(run - 1) - M1.length]]
    for run in range(runs[0] + 1):
        world.run(run)
    world.remove(close_of(runs[0]))
    world.checked()
    signal = world.record(runs[0]).signal
    assert signal is not None
    assert signal.signal_id not in world.fills.held


def test_only_the_newest_signals_of_a_day_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.services.parity.check_parity.RECENT_SIGNALS", 2)
    world = World(turns).run_all()
    world.checked()
    newest = [signal.signal_id for run in range(RUNS) if (signal := world.record(run).signal) is not None][-2:]
    assert set(world.fills.held) == set(newest)


def test_a_market_that_the_catalogue_lacks_fills_nothing() -> None:
    world = World(turns).run_all()
    world.check = replace(world.check, markets=FakeMarkets(venue="elsewhere"))
    assert world.checked().equal == RUNS
    assert world.fills.held == {}


def test_the_share_of_the_last_thirty_days_stands_on_the_card() -> None:
    world = World(turns).run_all()
    for back in (1, 28, 29, 40):
        world.days.put_day(a_parity_day(DAY - timedelta(days=back)))
    world.checked()
    share = world.database.listed_parities[STRATEGY]
    assert share == ParityShare(days=3, checked=RUNS + 20, equal=RUNS + 18, otherwise=2, compared_at=ENDED)
    world.checked(ENDED + timedelta(hours=1))
    assert world.database.listed_parities[STRATEGY].checked == RUNS + 20, "the same day counts once"


def test_a_card_that_cannot_be_written_leaves_the_day_to_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(turns).run_all()

    def refused(strategy_id: str, parity: ParityShare) -> None:
        raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)

    monkeypatch.setattr(world.listings, "put_parity", refused)
    with pytest.raises(RetryLater):
        world.checked()
    assert world.days.held == {}


def test_a_day_without_runs_is_told_as_compared_so_that_nobody_waits_for_it() -> None:
    world = World(turns)
    assert (world.checked().checked, world.checked().is_whole) == (0, True)
    world.check(STRATEGY, (ENDED + timedelta(days=3)).date())
    later = world.days.held[STRATEGY, (ENDED + timedelta(days=3)).date()]
    assert (later.checked, later.until.date(), later.is_whole) == (0, later.day, False)
    assert world.market_data.requests == 0


def test_a_source_from_outside_is_not_compared() -> None:
    world = World(turns)
    world.strategies.create_strategy(an_external_strategy("outside"))
    assert world.check("outside", DAY) is None
    assert world.days.held == {}
    with pytest.raises(NotFound):
        world.check("nobody", DAY)


def test_code_that_does_not_answer_is_asked_later() -> None:
    world = World(turns).run_all()
    world.code.unavailable = True
    with pytest.raises(RetryLater):
        world.checked()
    assert world.days.held == {}


def test_a_day_that_has_not_ended_is_checked_as_far_as_its_runs_have_settled() -> None:
    world = World(turns).run_all()
    day = world.checked(at=close_of(4) + SETTLED)
    assert (day.checked, day.equal, day.until, day.is_whole) == (5, 5, close_of(5), False)


def test_a_price_with_another_number_of_zeros_is_the_same() -> None:
    world = World(turns)
    world.run(0)
    opened = close_of(-1) - M1.length
    world.revise(opened, world.prices[opened] + ".00")
    assert world.checked().equal == 1


def test_a_difference_is_told_in_words() -> None:
    day = World(foresees).run_all().checked()
    told = [each.recorded or "" for each in day.differences]
    assert any(text.startswith(("LONG at ", "SHORT at ")) for text in told), told
