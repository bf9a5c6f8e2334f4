"""Run every due strategy on a candle that has just closed: once per strategy and version (`begin_runs.py`), for all followers.

From top to bottom: the message and its candles, the decisions, the publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from candlecast.domain.market.candle import Candle, NotPublished, check_contiguous, closed_before
from candlecast.domain.market.seen import SeenCandles
from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.candle_signal import candle_signal
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.definition import SourceSettings, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.execution import CAUGHT_UP, MISSED, Execution, ExecutionStatus
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, DomainError, InvalidValue, NotFound, Reject, RetryLater
from candlecast.domain.values.ids import candle_signal_id, version_signal_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import ExecutionStore, LastPrice, PriceStore, StrategyStore
from candlecast.ports.strategies import CodeRun, Evaluation, StrategyCode
from candlecast.ports.venue import MarketData
from candlecast.services.market.begin_runs import BeginRuns, Due, once_the_lease_ends
from candlecast.services.signals.publish_signal import PublishSignal

PUBLICATION_WAIT = timedelta(seconds=30)  # venues publish a candle within seconds; later, the next one is nearer than this one
PUBLICATION_RETRY_SECONDS = 2.0
FIRST_LOOKBACK = 1  # a definition whose code is broken still needs one candle for its record
UPLOADED_NOTIONAL = SourceSettings().max_signal_notional  # an author is believed as much as a sender whom nobody has set bounds

VersionOf = Callable[[str, int], StrategyVersion]
"""(strategy id, number) to the version, which never changes: `ports.store.StrategyStore.get_version`, remembered."""


@dataclass(frozen=True, slots=True)
class RunCandle:
    """Evaluates strategies on one market's closed candles, which are fetched once for all of them.

    `max_lateness` bounds how long after its close a candle may still be acted on, in wall time. A replay of recorded candles
    widens it (decision 0013).
    """

    strategies: StrategyStore
    executions: ExecutionStore
    prices: PriceStore
    market_data: MarketData
    code: StrategyCode
    version_of: VersionOf
    publish: PublishSignal
    clock: Clock
    metrics: Metrics
    max_lateness: timedelta

    def __call__(self, message: CandleClosed, worker: str) -> None:
        """Run all due strategies; `worker` names this invocation in their records.

        Raises `RetryLater` while the venue has not published the candle or does not answer, and for code that could not be run.
        """
        due = self._due(message)
        if not due:
            return
        if message.missed:
            self._run_missed(due, message, worker)
            return
        now = self.clock.now()
        lateness = now - message.candle_close
        self.metrics.seconds("CandleDriftSeconds", lateness.total_seconds())
        if lateness > self.max_lateness:
            self._skip(due, message, worker, "CANDLE_TOO_LATE")
            return
        try:
            candles = self._closed_candles(message, max(self._lookback(each.definition, each.versions) for each in due))
        except Reject as error:  # the venue has no such market (any more)
            self._skip(due, message, worker, error.code)
            return
        if candles is None:
            if lateness <= PUBLICATION_WAIT:
                raise RetryLater("CANDLE_NOT_PUBLISHED", "the venue is late", after_seconds=PUBLICATION_RETRY_SECONDS)
            self._skip(due, message, worker, "CANDLE_NOT_PUBLISHED")
            return
        self.prices.put_price(message.venue, message.market, LastPrice(candles[-1].close, message.candle_close))
        not_run: list[RetryLater] = []
        with once_the_lease_ends():
            for each in due:
                not_run += self._run(each, message, worker, candles)
        if not_run:
            raise not_run[0]
        self.metrics.count("CandlesProcessed")

    @property
    def _begin(self) -> BeginRuns:
        return BeginRuns(self.executions, self.clock, self.metrics)

    def _due(self, message: CandleClosed) -> list[Due]:
        """The built-in strategies of the message's market, or the one uploaded strategy that the message names."""
        if message.strategy_id is not None:
            found = [self.strategies.get_strategy(message.strategy_id)]
        else:
            listed = self.strategies.followed_strategies(message.timeframe, message.venue, message.market)
            # a list may lag behind a release and its pins, and each follower must be in one audience
            found = [each if each.release is None else self.strategies.get_strategy(each.strategy_id) for each in listed]
        due = (Due(definition, self._versions(definition)) for definition in found)
        return [each for each in due if each.versions]

    def _versions(self, definition: StrategyDefinition) -> Sequence[Audience | None]:
        if definition.release is None:
            return (None,)
        pinned = self.strategies.pinned_versions(definition.strategy_id) if definition.pinned_count else {}
        return definition.audiences(pinned)

    def _lookback(self, definition: StrategyDefinition, audiences: Iterable[Audience | None]) -> int:
        """The most candles that any of these runs needs; a run that cannot be made fails later, in its own record."""
        most = FIRST_LOOKBACK
        for audience in audiences:
            with suppress(Reject, NotFound):
                most = max(most, self._needed(definition, audience)[1])
        return most

    def _needed(self, definition: StrategyDefinition, audience: Audience | None) -> tuple[StrategyVersion | None, int]:
        """The version of a run, None without versions, and the candles that it gets. Raises `Reject`, `NotFound`."""
        if audience is None:
            return None, self.code.lookback(definition)
        version = self.version_of(definition.strategy_id, audience.number)
        return version, version.lookback

    def _closed_candles(self, message: CandleClosed, count: int) -> Sequence[Candle] | None:
        """The candles up to this close, or None if the venue does not have it yet (nothing later ever gets in)."""
        fetched = self.market_data.candles(message.venue, message.market, message.timeframe, message.candle_close, count)
        selected = closed_before(fetched, message.timeframe, message.candle_close)
        return None if isinstance(selected, NotPublished) else selected.candles

    def _skip(self, due: Sequence[Due], message: CandleClosed, worker: str, reason: str) -> None:
        """Record that a candle was missed. The decision of a crashed holder is published all the same: it may be an exit."""
        with once_the_lease_ends():
            for each in due:
                for execution in self._begin(each, message, worker):
                    if execution.signal is not None:
                        self._publish(each.definition, execution)
                    else:
                        self._finish(replace(execution, status=ExecutionStatus.SKIPPED, reason=reason))
                        self.metrics.count("CandlesMissed")

    def _run_missed(self, due: Sequence[Due], message: CandleClosed, worker: str) -> None:
        """Record a candle that nobody announced in its time; a strategy that catches up decides it, and publishes nothing.

        Raises `RetryLater` as a run does.
        """
        catching = [each for each in due if each.definition.catches_up]
        self._skip([each for each in due if each not in catching], message, worker, MISSED)
        if not catching:
            return
        try:
            candles = self._closed_candles(message, max(self._lookback(each.definition, each.versions) for each in catching))
        except Reject as error:
            self._skip(catching, message, worker, error.code)
            return
        if candles is None:
            self._skip(catching, message, worker, "CANDLE_NOT_PUBLISHED")
            return
        not_run: list[RetryLater] = []
        with once_the_lease_ends():
            for each in catching:
                not_run += self._run(each, message, worker, candles)
        if not_run:
            raise not_run[0]

    # -- decisions ---------------------------------------------------------------------------------------------------------

    def _run(self, due: Due, message: CandleClosed, worker: str, candles: Sequence[Candle]) -> list[RetryLater]:
        """Decide and publish what is not decided yet; why code could not be run, whose locks have been given back."""
        definition, held = due.definition, list(self._begin(due, message, worker))
        fresh = [execution for execution in held if execution.signal is None]
        wanted = self._lookback(definition, (execution.audience for execution in fresh))
        if wanted > self._lookback(definition, due.versions):  # a frozen version that is not due any more
            candles = self._closed_candles(message, wanted) or candles
        asked = [self._asked(definition, execution, message, candles) for execution in fresh]
        ready = [(execution, run) for execution, run in asked if run is not None]
        outcomes = self.code.evaluate(definition, [run for _, run in ready]) if ready else ()
        steps = [partial(self._publish, definition, execution) for execution in held if execution.signal is not None]
        steps += [partial(self._finish, ended) for ended, run in asked if run is None]
        not_run: list[RetryLater] = []
        for (execution, _), outcome in zip(ready, outcomes, strict=True):
            if isinstance(outcome, RetryLater):
                steps.append(partial(self.executions.give_back, execution))
                not_run.append(outcome)
            else:
                steps.append(partial(self._settle, definition, execution, outcome, message))
        _take_all(steps)
        return not_run

    def _asked(
        self, definition: StrategyDefinition, execution: Execution, message: CandleClosed, candles: Sequence[Candle]
    ) -> tuple[Execution, CodeRun | None]:
        """The record with candles and code version, and the decision that the code is asked for.

        A run without its code or its candles has no decision: its record is final.
        """
        try:
            version, wanted = self._needed(definition, execution.audience)
            strategy_version = self.code.version(definition) if version is None else version.digest
        except (Reject, NotFound) as error:
            return _failed(execution, error), None
        window = candles[-wanted:]
        unusable = _unusable(window, wanted, message.timeframe)
        if unusable is not None:
            return replace(execution, status=ExecutionStatus.SKIPPED, reason=unusable), None
        asked = replace(execution, seen=SeenCandles.of(window), strategy_version=strategy_version)
        return asked, CodeRun(version=version, candles=window)

    def _settle(
        self, definition: StrategyDefinition, execution: Execution, outcome: Evaluation | Reject, message: CandleClosed
    ) -> None:
        if isinstance(outcome, Reject):
            self._finish(_failed(execution, outcome))
            return
        try:
            signal = self._signal(definition, execution, outcome, message)
        except (Reject, InvalidValue) as error:
            self._finish(_failed(execution, error))
            return
        decided = replace(execution, logs=outcome.logs, signal=signal)
        if message.missed:
            self._finish(replace(decided, status=ExecutionStatus.SKIPPED, reason=CAUGHT_UP))
            self.metrics.count("CandlesMissed")
            return
        if signal is None:
            self._finish(replace(decided, status=ExecutionStatus.NO_SIGNAL))
            return
        self.executions.keep_signal(decided)
        self._publish(definition, decided)

    def _signal(
        self, definition: StrategyDefinition, execution: Execution, evaluation: Evaluation, message: CandleClosed
    ) -> Signal | None:
        """The decision as a signal; None for HOLD. Raises `InvalidValue` for levels that no order can have."""
        if evaluation.action is None:
            return None
        signal = candle_signal(
            evaluation,
            strategy_id=definition.strategy_id,
            market=message.market,
            candle_close=message.candle_close,
            issued_at=self.clock.now(),
            correlation_id=message.correlation_id,
            strategy_version=execution.strategy_version,
        )
        if signal is None or execution.version is None:
            return signal
        decision = candle_signal_id(definition.strategy_id, message.candle_close)
        return replace(signal, signal_id=version_signal_id(decision, execution.version), decision_id=decision)

    # -- publication -------------------------------------------------------------------------------------------------------

    def _publish(self, definition: StrategyDefinition, execution: Execution) -> None:
        """Publish the decision to its audience; of a retired strategy's only what closes."""
        if execution.signal is None:
            raise ValueError("only an execution with a signal is published")
        signal = execution.signal if definition.retired_at is None else execution.signal.without_entry()
        is_bounded = definition.kind is StrategyKind.UPLOADED and signal.action.is_entry
        record = self.publish(
            signal,
            definition.venue,
            definition.subscriber_count,
            audience=execution.audience,
            max_notional=UPLOADED_NOTIONAL if is_bounded else None,
        )
        completed = replace(execution, status=ExecutionStatus.COMPLETED, signal=record.signal)
        self._finish(replace(completed, subscriber_count=record.subscriber_count))

    def _finish(self, execution: Execution) -> None:
        now = self.clock.now()
        duration = _milliseconds(now - execution.started_at)
        self.executions.finish(replace(execution, finished_at=now, duration_ms=duration))
        failed = execution.status is ExecutionStatus.FAILED
        self.metrics.count("ExecutionsFailed" if failed else "ExecutionsCompleted")


def _failed(execution: Execution, error: DomainError) -> Execution:
    return replace(execution, status=ExecutionStatus.FAILED, reason=error.code, error=error.message)


def _take_all(steps: Iterable[Callable[[], None]]) -> None:
    """Take each step, then raise the first error: a lost lock, or a store or queue that may well take the next step.

    `RetryLater` comes first, because its run keeps its lock until the lease ends. A lost lock may be a run that has ended.
    """
    later: list[RetryLater] = []
    lost: list[Conflict] = []
    for step in steps:
        try:
            step()
        except RetryLater as error:
            later.append(error)
        except Conflict as error:
            lost.append(error)
    for first in (*later, *lost):
        raise first


def _milliseconds(elapsed: timedelta) -> float:
    return elapsed / timedelta(milliseconds=1)


def _unusable(window: Sequence[Candle], wanted: int, timeframe: Timeframe) -> str | None:
    """Why no decision may rest on these candles: a new market has too few, and a hole would shift every indicator."""
    if len(window) < wanted:
        return "HISTORY_TOO_SHORT"
    return "CANDLES_GAP" if check_contiguous(window, timeframe) else None
