"""Run every due strategy on a candle that has just closed: once per strategy and version, for all followers.

From top to bottom: the message and its candles, the locks of the runs, the decisions, the publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from candlecast.domain.market.candle import Candle, NotPublished, check_contiguous, closed_before
from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.candle_signal import candle_signal
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.definition import SourceSettings, StrategyDefinition, StrategyKind
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.strategies.versions import StrategyVersion
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, DomainError, InvalidValue, NotFound, Reject, RetryLater
from candlecast.domain.values.ids import candle_signal_id, version_signal_id
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import ExecutionStore, LastPrice, PriceStore, StrategyStore
from candlecast.ports.strategies import CodeRun, Evaluation, StrategyCode
from candlecast.ports.venue import MarketData
from candlecast.services.signals.publish_signal import PublishSignal

PUBLICATION_WAIT = timedelta(seconds=30)  # venues publish a candle within seconds; later, the next one is nearer than this one
PUBLICATION_RETRY_SECONDS = 2.0
FIRST_LOOKBACK = 1  # a definition whose code is broken still needs one candle for its record
UPLOADED_NOTIONAL = SourceSettings().max_signal_notional  # an author is believed as much as a sender whom nobody has set bounds

VersionOf = Callable[[str, int], StrategyVersion]
"""(strategy id, number) to the version, which never changes: `ports.store.StrategyStore.get_version`, remembered."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A strategy with the versions that its release and its pins ask for now; (None,) for a strategy without versions."""

    definition: StrategyDefinition
    versions: Sequence[Audience | None]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run whose lock is ours."""

    definition: StrategyDefinition
    execution: Execution


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
        now = self.clock.now()
        lateness = now - message.candle_close
        self.metrics.seconds("CandleDriftSeconds", lateness.total_seconds())
        if lateness > self.max_lateness:
            self._skip(due, message, worker, "CANDLE_TOO_LATE")
            return
        try:
            candles = self._closed_candles(message, max(map(self._lookback, due)))
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
        with _once_the_lease_ends():
            for each in due:
                not_run += self._run(each, message, worker, candles)
        if not_run:
            raise not_run[0]
        self.metrics.count("CandlesProcessed")

    def _due(self, message: CandleClosed) -> list[_Due]:
        """The built-in strategies of the message's market, or the one uploaded strategy that the message names."""
        if message.strategy_id is not None:
            found = [self.strategies.get_strategy(message.strategy_id)]
        else:
            listed = self.strategies.followed_strategies(message.timeframe, message.venue, message.market)
            # a list may lag behind a release and its pins, and each follower must be in one audience
            found = [each if each.release is None else self.strategies.get_strategy(each.strategy_id) for each in listed]
        due = (_Due(definition, self._versions(definition)) for definition in found)
        return [each for each in due if each.versions]

    def _versions(self, definition: StrategyDefinition) -> Sequence[Audience | None]:
        if definition.release is None:
            return (None,)
        pinned = self.strategies.pinned_versions(definition.strategy_id) if definition.pinned_count else {}
        return definition.audiences(pinned)

    def _lookback(self, due: _Due) -> int:
        """Candles that all runs of the strategy need."""
        return max(self._lookback_of(due.definition, audience) for audience in due.versions)

    def _lookback_of(self, definition: StrategyDefinition, audience: Audience | None) -> int:
        try:
            version = self._version(definition, audience)
            return self.code.lookback(definition) if version is None else version.lookback
        except (Reject, NotFound):
            return FIRST_LOOKBACK  # its run will fail with this error, in its own record

    def _version(self, definition: StrategyDefinition, audience: Audience | None) -> StrategyVersion | None:
        """Raises `NotFound`."""
        return None if audience is None else self.version_of(definition.strategy_id, audience.number)

    def _closed_candles(self, message: CandleClosed, count: int) -> Sequence[Candle] | None:
        """The candles up to this close, or None if the venue does not have it yet (nothing later ever gets in)."""
        fetched = self.market_data.candles(message.venue, message.market, message.timeframe, message.candle_close, count)
        selected = closed_before(fetched, message.timeframe, message.candle_close)
        return None if isinstance(selected, NotPublished) else selected.candles

    # -- locks -------------------------------------------------------------------------------------------------------------

    def _begin(self, due: _Due, message: CandleClosed, worker: str) -> Iterator[_Run]:
        """The runs whose locks are ours, each as soon as it is taken.

        The first write of the candle freezes which versions run, and for whom. A retry runs the same ones after a
        release in between, so each follower of the latest version is in one audience.
        """
        first, *others = due.versions
        beside = tuple(audience for audience in others if audience is not None)
        leading = self._started(due.definition, message, worker, first)
        held = self.executions.begin(replace(leading, beside=beside))
        if held is not None:
            yield _Run(due.definition, held)
            beside = held.beside
        else:
            self.metrics.count("ExecutionsDuplicate")
            if first is not None:
                beside = self.executions.leading(due.definition.strategy_id, message.candle_close).beside
        for audience in beside:
            held = self.executions.begin(replace(self._started(due.definition, message, worker, audience), leads=False))
            if held is not None:
                yield _Run(due.definition, held)
            else:
                self.metrics.count("ExecutionsDuplicate")

    def _started(
        self, definition: StrategyDefinition, message: CandleClosed, worker: str, audience: Audience | None
    ) -> Execution:
        now = self.clock.now()
        return Execution(
            strategy_id=definition.strategy_id,
            candle_close=message.candle_close,
            scheduled_at=message.candle_close,
            started_at=now,
            worker=worker,
            status=ExecutionStatus.RUNNING,
            drift_seconds=(now - message.candle_close).total_seconds(),
            lease_expires_at=now + LEASE,
            correlation_id=message.correlation_id,
            audience=audience,
        )

    def _skip(self, due: Sequence[_Due], message: CandleClosed, worker: str, reason: str) -> None:
        """Record that a candle was missed. The decision of a crashed holder is published all the same: it may be an exit."""
        with _once_the_lease_ends():
            for run in (run for each in due for run in self._begin(each, message, worker)):
                if run.execution.signal is not None:
                    self._publish(run.definition, run.execution)
                else:
                    self._finish(replace(run.execution, status=ExecutionStatus.SKIPPED, reason=reason))
                    self.metrics.count("CandlesMissed")

    # -- decisions ---------------------------------------------------------------------------------------------------------

    def _run(self, due: _Due, message: CandleClosed, worker: str, candles: Sequence[Candle]) -> list[RetryLater]:
        """Decide and publish what is not decided yet; why code could not be run, whose locks have been given back."""
        runs = list(self._begin(due, message, worker))
        kept = [run for run in runs if run.execution.signal is not None]
        fresh = [run for run in runs if run.execution.signal is None]
        wanted = max((self._lookback_of(run.definition, run.execution.audience) for run in fresh), default=0)
        if wanted > self._lookback(due):  # a frozen version that is not due any more
            candles = self._closed_candles(message, wanted) or candles
        asked = [(run, self._asked(run, message, candles)) for run in fresh]
        ready = [(run, each) for run, each in asked if isinstance(each, CodeRun)]
        outcomes = self.code.evaluate([each for _, each in ready]) if ready else ()
        steps = [partial(self._publish, run.definition, run.execution) for run in kept]
        steps += [partial(self._finish, each) for _, each in asked if isinstance(each, Execution)]
        not_run: list[RetryLater] = []
        for (run, each), outcome in zip(ready, outcomes, strict=True):
            if isinstance(outcome, RetryLater):
                steps.append(partial(self.executions.give_back, run.execution))
                not_run.append(outcome)
            else:
                steps.append(partial(self._settle, run, each, outcome, message))
        _take_all(steps)
        return not_run

    def _asked(self, run: _Run, message: CandleClosed, candles: Sequence[Candle]) -> CodeRun | Execution:
        """The decision that the code is asked for; or the final record of a run without its code or its candles."""
        try:
            version = self._version(run.definition, run.execution.audience)
            wanted = self.code.lookback(run.definition) if version is None else version.lookback
        except (Reject, NotFound) as error:
            return _failed(run.execution, error)
        window = candles[-wanted:]
        unusable = _unusable(window, wanted, message.timeframe)
        if unusable is not None:
            return replace(run.execution, status=ExecutionStatus.SKIPPED, reason=unusable)
        return CodeRun(definition=run.definition, version=version, candles=window)

    def _settle(self, run: _Run, asked: CodeRun, outcome: Evaluation | Reject, message: CandleClosed) -> None:
        if isinstance(outcome, Reject):
            self._finish(_failed(run.execution, outcome))
            return
        try:
            signal = self._signal(asked, outcome, message)
        except (Reject, InvalidValue) as error:
            self._finish(_failed(run.execution, error))
            return
        execution = replace(run.execution, logs=outcome.logs, signal=signal)
        if signal is None:
            self._finish(replace(execution, status=ExecutionStatus.NO_SIGNAL))
            return
        self.executions.keep_signal(execution)
        self._publish(run.definition, execution)

    def _signal(self, asked: CodeRun, evaluation: Evaluation, message: CandleClosed) -> Signal | None:
        """The decision as a signal; None for HOLD. Raises `InvalidValue` for levels that no order can have."""
        if evaluation.action is None:
            return None  # a HOLD asks for no version
        definition, version = asked.definition, asked.version
        signal = candle_signal(
            evaluation,
            strategy_id=definition.strategy_id,
            market=message.market,
            candle_close=message.candle_close,
            issued_at=self.clock.now(),
            correlation_id=message.correlation_id,
            strategy_version=self.code.version(definition) if version is None else version.digest,
        )
        if signal is None or version is None:
            return signal
        decision = candle_signal_id(definition.strategy_id, message.candle_close)
        return replace(signal, signal_id=version_signal_id(decision, version.number), decision_id=decision)

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


@contextmanager
def _once_the_lease_ends() -> Iterator[None]:
    """Delay a retry (`RetryLater`) to the end of the lease: until then, a repeat finds its own lock taken.

    Even a lock that was refused may have been taken, if only its answer was lost.
    """
    try:
        yield
    except RetryLater as error:
        raise RetryLater(error.code, error.message, after_seconds=LEASE.total_seconds()) from error


def _milliseconds(elapsed: timedelta) -> float:
    return elapsed / timedelta(milliseconds=1)


def _unusable(window: Sequence[Candle], wanted: int, timeframe: Timeframe) -> str | None:
    """Why no decision may rest on these candles: a new market has too few, and a hole would shift every indicator."""
    if len(window) < wanted:
        return "HISTORY_TOO_SHORT"
    return "CANDLES_GAP" if check_contiguous(window, timeframe) else None
