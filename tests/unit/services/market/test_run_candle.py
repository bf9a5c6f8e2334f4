"""A candle closes: each due strategy decides once, on closed candles alone, also when others hold the same message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.market.candle import Candle
from candlecast.domain.market.seen import SeenCandles
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import CAUGHT_UP, LEASE, MISSED, Execution, ExecutionStatus
from candlecast.domain.strategies.version import strategy_version
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.domain.values.ids import candle_signal_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.strategies import Evaluation
from candlecast.runtime.batch import pause_seconds
from candlecast.runtime.compose.consumer import MAX_RECEIVES
from candlecast.services.market.run_candle import PUBLICATION_WAIT, RunCandle
from candlecast.services.signals.publish_signal import PublishSignal
from tests.support.builders import BTC, NOW, STRATEGY, VENUE, a_candle, a_candle_closed, a_strategy, after, candles_until
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.history import FakePriceStore
from tests.support.fakes.market_data import FakeMarketData, FakeStrategyCode
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

D = Decimal
LONG = Evaluation(action=Action.LONG, price=D(100), stop_loss=D(95), atr=D(2), confidence=D("0.7"), logs=("crossed",))
LATENESS = timedelta(minutes=5)


class Runner:
    """Strategies `names` on one market with followers, one second after a minute's close."""

    def __init__(self, *names: str, lookback: int = 10) -> None:
        self.database, self.clock, self.metrics = FakeDatabase(), FakeClock(after(1)), RecordingMetrics()
        self.market_data, self.code, self.queue = FakeMarketData(), FakeStrategyCode(lookback), FakeSignalQueue()
        self.executions, self.prices = FakeExecutionStore(self.database), FakePriceStore(self.database)
        self.strategies = FakeStrategyStore(self.database)
        for name in names or (STRATEGY,):
            self.strategies.create_strategy(a_strategy(name, subscriber_count=3))
        self.market_data.put(BTC, Timeframe.M1, candles_until(NOW, 20))
        signals = FakeSignalStore(self.database)
        self.run = RunCandle(
            strategies=self.strategies,
            executions=self.executions,
            prices=self.prices,
            market_data=self.market_data,
            code=self.code,
            version_of=self.strategies.get_version,
            publish=PublishSignal(signals, self.queue, self.clock, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
            max_lateness=LATENESS,
        )

    def __call__(self, worker: str = "worker-1", **message: Any) -> None:
        self.run(a_candle_closed(**message), worker)

    def execution(self, name: str = STRATEGY) -> Execution:
        return self.database.executions[name, NOW, 0]

    def statuses(self) -> dict[str, ExecutionStatus]:
        return {name: execution.status for (name, _, _), execution in self.database.executions.items()}


def test_a_decision_becomes_one_signal_and_a_complete_record() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    runner()
    (shard,) = runner.queue.sent
    signal = shard.signal
    assert signal.signal_id == candle_signal_id(STRATEGY, NOW)
    assert (signal.action, signal.price, signal.stop_loss, signal.atr, signal.confidence) == (
        Action.LONG,
        D(100),
        D(95),
        D(2),
        D("0.7"),
    )
    assert (signal.candle_close, signal.issued_at, signal.correlation_id) == (NOW, after(1), "correlation-1")
    assert signal.strategy_version == strategy_version(runner.database.strategies[STRATEGY])
    record = runner.execution()
    assert (record.status, record.signal, record.subscriber_count, record.logs) == (
        ExecutionStatus.COMPLETED,
        signal,
        3,
        ("crossed",),
    )
    assert (record.drift_seconds, record.worker, record.finished_at, record.duration_ms) == (1.0, "worker-1", after(1), 0.0)


def test_no_decision_is_recorded_as_no_signal() -> None:
    runner = Runner()
    runner()
    assert (runner.execution().status, runner.queue.sent) == (ExecutionStatus.NO_SIGNAL, [])


def test_each_run_keeps_which_candles_and_code_its_decision_rests_on() -> None:
    """A HOLD and a failure too: later both are decided again, and must come out as they did."""
    runner = Runner("acts", "holds", "fails", lookback=4)
    runner.code.decisions |= {"acts": LONG, "fails": Reject("STRATEGY_FAILED", "no")}
    runner()
    for name in ("acts", "holds", "fails"):
        record = runner.execution(name)
        assert record.seen == SeenCandles.of(candles_until(NOW, 4))
        assert record.strategy_version == strategy_version(runner.database.strategies[name])


def test_a_run_without_candles_has_seen_none() -> None:
    runner = Runner()
    runner.clock.set(NOW + LATENESS + timedelta(milliseconds=1))
    runner()
    record = runner.execution()
    assert (record.status, record.seen, record.strategy_version) == (ExecutionStatus.SKIPPED, None, None)


def test_candles_are_fetched_once_for_all_strategies() -> None:
    runner = Runner("a", "b", "c")
    runner()
    assert (runner.market_data.requests, len(runner.code.evaluated)) == (1, 3)


def test_a_market_that_nobody_follows_costs_nothing() -> None:
    runner = Runner()
    runner(market="ETH/USDT:USDT")
    assert (runner.market_data.requests, runner.database.executions) == (0, {})


def test_the_last_close_is_kept_for_views() -> None:
    runner = Runner()
    runner()
    assert runner.prices.get_prices(VENUE, [BTC])[BTC].price == D(100)


# -- once ----------------------------------------------------------------------------------------------------------------------


def test_a_repeat_after_the_run_does_nothing_for_ever() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    runner()
    for seconds in (0, 60, 200):
        runner.clock.advance(seconds)
        runner("worker-2")
    assert (len(runner.code.evaluated), len(runner.queue.sent)) == (1, 1)
    assert runner.metrics.counts["ExecutionsDuplicate"] == 3


def test_of_two_holders_at_once_one_runs() -> None:
    runner = Runner()

    def decide(_: StrategyDefinition, __: Sequence[Candle]) -> Evaluation:
        if len(runner.code.evaluated) == 1:
            runner("worker-2")
        return LONG

    runner.code.decisions[STRATEGY] = decide
    runner()
    assert (len(runner.code.evaluated), len(runner.queue.sent), runner.execution().worker) == (1, 1, "worker-1")


class Died(BaseException):
    """The process is gone."""


def test_a_crashed_holders_signal_is_published_and_not_computed_anew() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    publish = runner.run.publish

    def dies(*_: Any, **__: Any) -> Any:
        raise Died

    runner.run = replace(runner.run, publish=dies)  # type: ignore[arg-type]
    with pytest.raises(Died):
        runner()
    runner.run = replace(runner.run, publish=publish)
    runner.code.decisions[STRATEGY] = Evaluation(action=Action.SHORT, price=D(100))
    runner("worker-2")
    assert runner.queue.sent == []  # the lease of the dead holder has not ended
    runner.clock.advance(LEASE.total_seconds())
    runner("worker-3")
    assert [shard.signal.action for shard in runner.queue.sent] == [Action.LONG]
    assert (len(runner.code.evaluated), runner.execution().status) == (1, ExecutionStatus.COMPLETED)


def test_a_holder_that_crashed_before_it_decided_is_replaced_after_its_lease() -> None:
    runner = Runner()

    def dies(_: StrategyDefinition, __: Sequence[Candle]) -> Evaluation:
        raise Died

    runner.code.decisions[STRATEGY] = dies
    with pytest.raises(Died):
        runner()
    runner.code.decisions[STRATEGY] = LONG
    runner.clock.advance(LEASE.total_seconds())
    runner("worker-2")
    assert (len(runner.queue.sent), runner.execution().worker) == (1, "worker-2")


def test_a_queue_that_refuses_the_signal_is_tried_again_once_the_lease_has_ended() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    runner.queue.fail_next()
    with pytest.raises(RetryLater) as raised:
        runner()
    assert raised.value.after_seconds == LEASE.total_seconds()
    runner.clock.advance(raised.value.after_seconds)
    runner("worker-2")
    assert (len(runner.code.evaluated), len(runner.queue.sent)) == (1, 1)


@pytest.mark.parametrize("landed", [True, False], ids=["its answer is lost", "it is refused"])
@pytest.mark.parametrize("method", ["begin", "keep_signal", "finish"])
def test_a_store_that_fails_in_the_middle_delays_a_signal_and_does_not_lose_it(
    monkeypatch: pytest.MonkeyPatch, method: str, landed: bool
) -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    works = getattr(runner.executions, method)

    def fails(execution: Execution) -> None:
        if landed:
            works(execution)
        raise RetryLater("STORE_UNAVAILABLE", "throttled", after_seconds=2)

    with monkeypatch.context() as patched:
        patched.setattr(runner.executions, method, fails)
        with pytest.raises(RetryLater) as raised:
            runner()
    runner.clock.advance(pause_seconds(raised.value, receives=1))
    runner("worker-2")
    assert runner.execution().status is ExecutionStatus.COMPLETED
    assert {shard.signal.signal_id for shard in runner.queue.sent} == {candle_signal_id(STRATEGY, NOW)}
    assert {shard.signal.action for shard in runner.queue.sent} == {Action.LONG}


# -- each for itself -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        Reject("STRATEGY_FAILED", "division by zero"),
        Evaluation(action=Action.LONG, price=D(100), stop_loss=D(-5)),
        Evaluation(action=Action.LONG, price=D("NaN")),
        Evaluation(action=Action.LONG, price=D(100), take_profits=(TakeProfit(D(110)), TakeProfit(D(120)))),
    ],
)
def test_one_broken_strategy_fails_in_its_own_record_and_stops_no_other(broken: Evaluation | DomainError) -> None:
    runner = Runner("a", "b", "c")
    runner.code.decisions.update({"a": LONG, "b": broken, "c": LONG})
    runner()
    assert runner.statuses() == {
        "a": ExecutionStatus.COMPLETED,
        "b": ExecutionStatus.FAILED,
        "c": ExecutionStatus.COMPLETED,
    }
    assert runner.execution("b").reason
    assert (len(runner.queue.sent), runner.metrics.counts["ExecutionsFailed"]) == (2, 1)


def test_code_that_cannot_be_loaded_fails_in_its_own_record() -> None:
    runner = Runner("a", "b")

    class HalfBroken(FakeStrategyCode):
        def lookback(self, definition: StrategyDefinition) -> int:
            if definition.strategy_id == "a":
                raise Reject("STRATEGY_INVALID", "no such module")
            return 5

    runner.run = replace(runner.run, code=HalfBroken())
    runner()
    assert runner.statuses() == {"a": ExecutionStatus.FAILED, "b": ExecutionStatus.NO_SIGNAL}


# -- closed candles only ---------------------------------------------------------------------------------------------------------


def test_a_strategy_sees_its_lookback_up_to_this_close_and_nothing_later() -> None:
    runner = Runner(lookback=4)
    seen: list[Candle] = []

    class Leaking(FakeMarketData):
        """A venue that always answers with the candle in the making, for any arguments."""

        def candles(self, *_: Any) -> Sequence[Candle]:
            return (*candles_until(NOW, 20), a_candle(NOW, "999"))

    def decide(_: StrategyDefinition, candles: Sequence[Candle]) -> Evaluation:
        seen.extend(candles)
        return LONG

    runner.code.decisions[STRATEGY] = decide
    runner.run = replace(runner.run, market_data=Leaking())
    runner()
    assert [candle.close_time(Timeframe.M1) for candle in seen] == [after(-180), after(-120), after(-60), NOW]
    assert runner.prices.get_prices(VENUE, [BTC])[BTC].price == D(100)


# -- candles that come late ------------------------------------------------------------------------------------------------------


def test_a_candle_that_is_not_published_is_waited_for_and_then_recorded_as_skipped() -> None:
    runner = Runner()
    runner.market_data.put(BTC, Timeframe.M1, candles_until(after(-60), 20))
    receives, waited = 0, 0
    while receives < MAX_RECEIVES["candle"]:
        receives += 1
        try:
            runner()
        except RetryLater as error:
            pause = pause_seconds(error, receives)
            waited += pause
            runner.clock.advance(pause)
        else:
            break
    assert receives < MAX_RECEIVES["candle"]
    assert waited >= PUBLICATION_WAIT.total_seconds() - 1
    assert (runner.execution().status, runner.execution().reason) == (ExecutionStatus.SKIPPED, "CANDLE_NOT_PUBLISHED")
    assert (runner.metrics.counts["CandlesMissed"], runner.code.evaluated) == (1, [])


def test_a_candle_that_is_published_while_it_is_waited_for_is_run() -> None:
    runner = Runner()
    runner.market_data.put(BTC, Timeframe.M1, candles_until(after(-60), 20))
    with pytest.raises(RetryLater, match="CANDLE_NOT_PUBLISHED"):
        runner()
    assert runner.database.executions == {}
    runner.market_data.put(BTC, Timeframe.M1, candles_until(NOW, 20))
    runner.clock.advance(2)
    runner()
    assert runner.execution().status is ExecutionStatus.NO_SIGNAL


def test_a_candle_that_is_too_late_is_recorded_as_skipped_without_asking_the_venue() -> None:
    runner = Runner("a", "b")
    runner.clock.set(NOW + LATENESS + timedelta(milliseconds=1))
    runner()
    assert {(e.status, e.reason) for e in runner.database.executions.values()} == {(ExecutionStatus.SKIPPED, "CANDLE_TOO_LATE")}
    assert (runner.market_data.requests, runner.metrics.counts["CandlesMissed"]) == (0, 2)
    runner()
    assert runner.metrics.counts["CandlesMissed"] == 2


def test_what_a_crashed_holder_had_decided_is_told_however_late_since_it_may_be_an_exit() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = Evaluation(action=Action.EXIT, price=D(100))
    runner.queue.fail_next()
    with pytest.raises(RetryLater):
        runner()
    runner.clock.set(NOW + LATENESS + timedelta(seconds=60))
    runner("worker-2")
    assert [shard.signal.action for shard in runner.queue.sent] == [Action.EXIT]
    assert runner.execution().status is ExecutionStatus.COMPLETED


def test_a_market_that_left_the_venue_is_recorded_as_skipped() -> None:
    runner = Runner()
    runner.run = replace(runner.run, market_data=FakeMarketData())
    runner()
    assert (runner.execution().status, runner.execution().reason) == (ExecutionStatus.SKIPPED, "UNKNOWN_MARKET")


def test_a_silent_venue_leaves_no_record_so_that_the_message_comes_again() -> None:
    runner = Runner()
    runner.market_data.unavailable = True
    with pytest.raises(RetryLater):
        runner()
    assert runner.database.executions == {}


# -- candles that no firing announced in their time ----------------------------------------------------------------------------


def test_a_missed_candle_leaves_a_record_that_says_so_and_asks_nobody() -> None:
    runner = Runner("one", "two")
    runner.code.decisions["one"] = LONG
    runner(missed=True)
    assert runner.statuses() == {"one": ExecutionStatus.SKIPPED, "two": ExecutionStatus.SKIPPED}
    assert {runner.execution(name).reason for name in ("one", "two")} == {MISSED}
    assert (runner.metrics.counts["CandlesMissed"], runner.code.evaluated, runner.market_data.requests) == (2, [], 0)
    assert runner.queue.sent == []


def test_a_strategy_that_catches_up_decides_a_missed_candle_and_publishes_nothing() -> None:
    runner = Runner("one", "two")
    runner.database.strategies["one"] = replace(runner.database.strategies["one"], catches_up=True)
    runner.code.decisions["one"] = runner.code.decisions["two"] = LONG
    runner(missed=True)
    caught, missed = runner.execution("one"), runner.execution("two")
    assert (caught.status, caught.reason, missed.reason) == (ExecutionStatus.SKIPPED, CAUGHT_UP, MISSED)
    assert caught.signal is not None
    assert (caught.signal.action, caught.logs) == (Action.LONG, ("crossed",))
    assert caught.seen is not None
    assert missed.signal is None
    assert runner.queue.sent == []
    assert runner.metrics.counts["CandlesMissed"] == 2
    assert runner.prices.get_prices(VENUE, [BTC]) == {}


def test_a_missed_candle_that_was_run_after_all_is_left_alone() -> None:
    runner = Runner()
    runner.code.decisions[STRATEGY] = LONG
    runner()
    before = runner.execution()
    runner(missed=True)
    assert runner.execution() == before
    assert len(runner.queue.sent) == 1


def test_catching_up_waits_for_code_that_does_not_answer_and_not_for_a_candle() -> None:
    runner = Runner()
    runner.database.strategies[STRATEGY] = replace(runner.database.strategies[STRATEGY], catches_up=True)
    runner.code.decisions[STRATEGY] = RetryLater("SANDBOX_UNAVAILABLE", after_seconds=1)
    with pytest.raises(RetryLater):
        runner(missed=True)
    assert runner.execution().status is ExecutionStatus.RUNNING
    absent = Runner()
    absent.database.strategies[STRATEGY] = replace(absent.database.strategies[STRATEGY], catches_up=True)
    absent.market_data.put(BTC, Timeframe.M1, candles_until(after(-60), 20))
    absent(missed=True)
    assert (absent.execution().status, absent.execution().reason) == (ExecutionStatus.SKIPPED, "CANDLE_NOT_PUBLISHED")
    gone = Runner()
    gone.database.strategies[STRATEGY] = replace(gone.database.strategies[STRATEGY], catches_up=True)
    gone.market_data._candles.clear()
    gone(missed=True)
    assert gone.execution().reason == "UNKNOWN_MARKET"
