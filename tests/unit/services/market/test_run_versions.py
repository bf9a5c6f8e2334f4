"""A candle closes on a strategy with versions: each follower gets the decision of one version, before and after a release."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.market.candle import Candle
from candlecast.domain.signals.audience import BUCKETS, Audience
from candlecast.domain.signals.signal import Action, Signal
from candlecast.domain.strategies.definition import SourceSettings, StrategyDefinition
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.strategies.versions import Release
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import NotFound, Reject, RetryLater
from candlecast.domain.values.ids import candle_signal_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.strategies import Evaluation
from candlecast.services.market.run_candle import RunCandle
from candlecast.services.signals.publish_signal import PublishSignal
from tests.support.builders import (
    BTC,
    NOW,
    STRATEGY,
    TENANT,
    a_candle_closed,
    a_strategy,
    a_subscription,
    a_version,
    after,
    an_uploaded_strategy,
    candles_until,
)
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.executions import FakeExecutionStore
from tests.support.fakes.history import FakePriceStore
from tests.support.fakes.market_data import FakeMarketData, FakeStrategyCode
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

LONG = Evaluation(action=Action.LONG, price=Decimal(100), stop_loss=Decimal(95))
SHORT = Evaluation(action=Action.SHORT, price=Decimal(100), stop_loss=Decimal(105))
OVER = LEASE + timedelta(seconds=1)


def a_release(**changes: Any) -> Release:
    return Release(**{"stable": 1, "released_by": TENANT, "released_at": NOW, **changes})


SHARED = a_release(candidate=2, share_percent=20)
STABLE, CANDIDATE = Audience(number=1, bucket_from=20, bucket_to=BUCKETS), Audience(number=2, bucket_to=20)


class Runner:
    """One strategy with three versions on one market, a second after the candle's close."""

    def __init__(self, release: Release = SHARED, *, uploaded: bool = True, pins: Sequence[int] = (), **definition: Any) -> None:
        self.database, self.clock, self.metrics = FakeDatabase(), FakeClock(after(1)), RecordingMetrics()
        self.market_data, self.code, self.queue = FakeMarketData(), FakeStrategyCode(), FakeSignalQueue()
        self.executions, self.strategies = FakeExecutionStore(self.database), FakeStrategyStore(self.database)
        self.uploaded = uploaded
        made = an_uploaded_strategy if uploaded else a_strategy
        counted = {"release": release, "subscriber_count": 3, "pinned_count": len(pins), **definition}
        self.strategies.create_strategy(made(**counted))
        for number in (1, 2, 3):
            self.database.versions[STRATEGY, number] = a_version(number, lookback=10 + number)
        for place, number in enumerate(pins):
            pinned = a_subscription(f"pinned-{place}", pinned_version=number)
            self.database.subscriptions[pinned.tenant_id, pinned.subscription_id] = pinned
        self.market_data.put(BTC, Timeframe.M1, candles_until(NOW, 20))
        self.signals = FakeSignalStore(self.database)
        self.run = RunCandle(
            strategies=self.strategies,
            executions=self.executions,
            prices=FakePriceStore(self.database),
            market_data=self.market_data,
            code=self.code,
            version_of=self.strategies.get_version,
            publish=PublishSignal(self.signals, self.queue, self.clock, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
            max_lateness=timedelta(minutes=5),
        )

    def __call__(self, worker: str = "worker-1", **message: Any) -> None:
        self.run(a_candle_closed(strategy_id=STRATEGY if self.uploaded else None, **message), worker)

    def change(self, **changes: Any) -> None:
        self.database.strategies[STRATEGY] = replace(self.database.strategies[STRATEGY], **changes)

    def release(self, release: Release) -> None:
        self.change(release=release)

    def runs(self) -> dict[int | None, Execution]:
        return {run.version: run for run in self.database.executions.values()}

    def statuses(self) -> dict[int | None, ExecutionStatus]:
        return {number: run.status for number, run in self.runs().items()}

    def sent(self) -> dict[Audience | None, Signal]:
        return {shard.audience: shard.signal for shard in self.queue.sent}


@pytest.mark.parametrize("uploaded", [True, False], ids=["uploaded", "built-in"])
def test_each_version_decides_for_its_own_followers_as_one_decision(uploaded: bool) -> None:
    runner = Runner(uploaded=uploaded)
    runner.code.versions = {(STRATEGY, 1): LONG, (STRATEGY, 2): SHORT}
    runner()
    sent = runner.sent()
    assert {audience: signal.action for audience, signal in sent.items()} == {STABLE: Action.LONG, CANDIDATE: Action.SHORT}
    assert {signal.strategy_version for signal in sent.values()} == {a_version(1).digest, a_version(2).digest}
    assert {signal.order_root for signal in sent.values()} == {candle_signal_id(STRATEGY, NOW)}
    assert len({signal.signal_id for signal in sent.values()}) == 2
    assert runner.statuses() == {1: ExecutionStatus.COMPLETED, 2: ExecutionStatus.COMPLETED}
    assert runner.code.evaluated_versions == [1, 2]


def test_a_pinned_version_runs_for_those_who_pinned_it() -> None:
    runner = Runner(pins=[3])
    runner.code.decisions[STRATEGY] = LONG
    runner()
    assert list(runner.sent()) == [STABLE, CANDIDATE, Audience(number=3)]


def test_a_version_that_nobody_gets_is_not_run() -> None:
    runner = Runner(pins=[3, 3, 1])
    runner.code.decisions[STRATEGY] = LONG
    runner()
    assert (runner.code.evaluated_versions, runner.statuses()) == ([1, 3], dict.fromkeys((1, 3), ExecutionStatus.COMPLETED))


def test_an_upload_that_nobody_follows_costs_nothing() -> None:
    runner = Runner(subscriber_count=0)
    runner()
    assert (runner.market_data.requests, runner.database.executions) == (0, {})


def test_each_version_gets_its_own_lookback_and_candles_are_fetched_once() -> None:
    runner, seen = Runner(pins=[3]), []

    def decide(_: StrategyDefinition, candles: Sequence[Candle]) -> Evaluation:
        seen.append(len(candles))
        return LONG

    runner.code.decisions[STRATEGY] = decide
    runner()
    assert (seen, runner.market_data.requests) == ([11, 12, 13], 1)


def test_a_message_of_an_upload_runs_no_other_strategy_and_the_markets_message_no_upload() -> None:
    runner = Runner()
    runner.strategies.create_strategy(a_strategy("built-in", subscriber_count=1))
    runner()
    assert {strategy for strategy, _ in runner.code.evaluated} == {STRATEGY}
    runner.run(a_candle_closed(), "worker-2")
    assert [strategy for strategy, _ in runner.code.evaluated] == [STRATEGY, STRATEGY, "built-in"]


def test_entries_of_uploaded_code_are_bounded_as_a_senders_and_exits_are_not() -> None:
    runner = Runner()
    runner.code.versions = {(STRATEGY, 1): LONG, (STRATEGY, 2): Evaluation(action=Action.EXIT, price=Decimal(100))}
    runner()
    bounds = {shard.signal.action: shard.max_notional for shard in runner.queue.sent}
    assert bounds == {Action.LONG: SourceSettings().max_signal_notional, Action.EXIT: None}
    built_in = Runner(uploaded=False)
    built_in.code.decisions[STRATEGY] = LONG
    built_in()
    assert [shard.max_notional for shard in built_in.queue.sent] == [None, None]


@pytest.mark.parametrize(("decided", "published"), [(LONG, Action.EXIT_SHORT), (SHORT, Action.EXIT_LONG)])
def test_a_retired_strategy_closes_and_opens_nothing(decided: Evaluation, published: Action) -> None:
    runner = Runner(a_release(), retired_at=NOW)
    runner.code.decisions[STRATEGY] = decided
    runner()
    (signal,) = runner.sent().values()
    assert (signal.action, signal.stop_loss) == (published, None)
    assert runner.runs()[1].signal == signal


# -- each for itself -----------------------------------------------------------------------------------------------------------


def test_a_version_that_fails_stops_no_other() -> None:
    runner = Runner(pins=[3])
    runner.code.decisions[STRATEGY] = LONG
    runner.code.versions[STRATEGY, 1] = Reject("SANDBOX_TIMEOUT", "30 seconds are over")
    runner()
    completed = ExecutionStatus.COMPLETED
    assert runner.statuses() == {1: ExecutionStatus.FAILED, 2: completed, 3: completed}
    assert (runner.runs()[1].reason, list(runner.sent())) == ("SANDBOX_TIMEOUT", [CANDIDATE, Audience(number=3)])


def test_a_version_whose_row_is_gone_fails_alone() -> None:
    runner = Runner()
    del runner.database.versions[STRATEGY, 1]
    runner.code.decisions[STRATEGY] = LONG
    runner()
    assert (runner.runs()[1].reason, list(runner.sent())) == ("NOT_FOUND", [CANDIDATE])


def test_a_sandbox_that_is_throttled_is_asked_again_soon_and_only_for_its_own_version() -> None:
    runner = Runner()
    runner.code.versions = {
        (STRATEGY, 1): LONG,
        (STRATEGY, 2): RetryLater("SANDBOX_UNAVAILABLE", "throttled", after_seconds=2),
    }
    with pytest.raises(RetryLater) as raised:
        runner()
    assert (raised.value.after_seconds, list(runner.sent())) == (2, [STABLE])
    runner.code.versions[STRATEGY, 2] = LONG
    runner.clock.advance(2)
    runner("worker-2")
    assert (list(runner.sent()), len(runner.queue.sent)) == ([STABLE, CANDIDATE], 2)
    assert runner.code.evaluated_versions == [1, 2, 2]


def test_a_sandbox_that_is_throttled_for_too_long_misses_the_candle() -> None:
    runner = Runner(a_release())
    runner.code.decisions[STRATEGY] = RetryLater("SANDBOX_UNAVAILABLE", "throttled", after_seconds=2)
    with pytest.raises(RetryLater):
        runner()
    runner.clock.advance(301)
    runner("worker-2")
    assert (runner.runs()[1].status, runner.runs()[1].reason) == (ExecutionStatus.SKIPPED, "CANDLE_TOO_LATE")


def test_a_store_that_fails_one_version_keeps_no_other_from_its_followers(monkeypatch: pytest.MonkeyPatch) -> None:
    runner, kept = Runner(), []
    runner.code.decisions[STRATEGY] = LONG
    works = runner.executions.keep_signal

    def fails_first(execution: Execution) -> None:
        kept.append(execution.version)
        if execution.version == 1:
            raise RetryLater("STORE_UNAVAILABLE", "throttled", after_seconds=2)
        works(execution)

    with monkeypatch.context() as patched:
        patched.setattr(runner.executions, "keep_signal", fails_first)
        with pytest.raises(RetryLater):
            runner()
    assert list(runner.sent()) == [CANDIDATE]
    runner.clock.advance(OVER.total_seconds())
    runner("worker-2")
    assert (list(runner.sent()), len(runner.queue.sent)) == ([CANDIDATE, STABLE], 2)


# -- a release between a crash and the retry -----------------------------------------------------------------------------------


class Died(BaseException):
    """The process was killed."""


RELEASES = [
    a_release(),
    a_release(candidate=2, share_percent=60),
    a_release(stable=2, previous=1),
    a_release(candidate=3, share_percent=20),
    a_release(stable=3, candidate=1, share_percent=99),
]


@pytest.mark.parametrize("released", RELEASES, ids=["rolled back", "a larger share", "everybody", "another one", "all changed"])
@pytest.mark.parametrize("call", range(12))
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_release_between_a_crash_and_the_retry_reaches_nobody_twice_and_nobody_not_at_all(
    released: Release, call: int, after_effect: bool
) -> None:
    runner = Runner(pins=[3])
    runner.code.decisions[STRATEGY] = LONG
    calls = iter(range(1_000))

    def dying(works: Any) -> Any:
        def call_of_port(*arguments: Any, **named: Any) -> Any:
            dies = next(calls) == call
            if dies and not after_effect:
                raise Died
            result = works(*arguments, **named)
            if dies:
                raise Died
            return result

        return call_of_port

    with pytest.MonkeyPatch.context() as patched:
        for port, method in (
            (runner.executions, "begin"),
            (runner.executions, "keep_signal"),
            (runner.executions, "finish"),
            (runner.queue, "send_shards"),
        ):
            patched.setattr(port, method, dying(getattr(port, method)))
        with pytest.raises(Died):
            runner()
    began = bool(runner.database.executions)
    runner.release(released)
    runner.clock.advance(OVER.total_seconds())
    runner("worker-2")
    audiences = set(runner.sent())
    frozen = [STABLE, CANDIDATE, Audience(number=3)] if began else released.audiences([3])
    assert audiences == set(frozen)
    for bucket in range(BUCKETS):
        assert sum(each.bucket_from <= bucket < each.bucket_to for each in audiences if each is not None) == 1
    assert {signal.order_root for signal in runner.sent().values()} == {candle_signal_id(STRATEGY, NOW)}
    assert set(runner.statuses().values()) == {ExecutionStatus.COMPLETED}


def test_a_frozen_version_with_a_longer_lookback_than_the_present_one_gets_its_candles() -> None:
    runner = Runner(a_release(stable=3))
    runner.executions.begin(
        Execution(
            strategy_id=STRATEGY,
            candle_close=NOW,
            scheduled_at=NOW,
            started_at=NOW,
            worker="dead",
            status=ExecutionStatus.RUNNING,
            drift_seconds=0,
            lease_expires_at=NOW,
            correlation_id="correlation-1",
            audience=Audience(number=3, bucket_to=BUCKETS),
        )
    )
    runner.release(a_release())
    runner.code.decisions[STRATEGY] = LONG
    runner()
    assert (runner.code.evaluated_versions, runner.market_data.requests) == ([3], 2)
    assert runner.statuses() == {3: ExecutionStatus.COMPLETED}


def test_a_strategy_that_does_not_exist_is_told() -> None:
    runner = Runner()
    with pytest.raises(NotFound):
        runner.run(a_candle_closed(strategy_id="no-such"), "worker-1")
