"""Run every due strategy on a candle that has just closed: once per strategy, for all followers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from candlecast.domain.market.candle import Candle, NotPublished, check_contiguous, closed_before
from candlecast.domain.signals.candle_signal import candle_signal
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import ExecutionStore, LastPrice, PriceStore, StrategyStore
from candlecast.ports.strategies import Evaluation, StrategyCode
from candlecast.ports.venue import MarketData
from candlecast.services.signals.publish_signal import PublishSignal

PUBLICATION_WAIT = timedelta(seconds=30)  # venues publish a candle within seconds; later, the next one is nearer than this one
PUBLICATION_RETRY_SECONDS = 2.0
FIRST_LOOKBACK = 1  # a definition whose code is broken still needs one candle for its record


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
    publish: PublishSignal
    clock: Clock
    metrics: Metrics
    max_lateness: timedelta

    def __call__(self, message: CandleClosed, worker: str) -> None:
        """Run all due strategies; `worker` names this invocation in their records.

        Raises `RetryLater` while the venue has not published the candle or does not answer.
        """
        due = self.strategies.followed_strategies(message.timeframe, message.venue, message.market)
        if not due:
            return
        now = self.clock.now()
        lateness = now - message.candle_close
        self.metrics.seconds("CandleDriftSeconds", lateness.total_seconds())
        if lateness > self.max_lateness:
            self._skip(due, message, worker, "CANDLE_TOO_LATE")
            return
        try:
            candles = self._closed_candles(message, max(self._lookback(definition) for definition in due))
        except Reject as error:  # the venue has no such market (any more)
            self._skip(due, message, worker, error.code)
            return
        if candles is None:
            if lateness <= PUBLICATION_WAIT:
                raise RetryLater("CANDLE_NOT_PUBLISHED", "the venue is late", after_seconds=PUBLICATION_RETRY_SECONDS)
            self._skip(due, message, worker, "CANDLE_NOT_PUBLISHED")
            return
        self.prices.put_price(message.venue, message.market, LastPrice(candles[-1].close, message.candle_close))
        with _once_the_lease_ends():
            for definition in due:
                self._run(definition, message, worker, candles)
        self.metrics.count("CandlesProcessed")

    def _lookback(self, definition: StrategyDefinition) -> int:
        try:
            return self.code.lookback(definition)
        except Reject:
            return FIRST_LOOKBACK  # its run will fail with this error, in its own record

    def _closed_candles(self, message: CandleClosed, count: int) -> Sequence[Candle] | None:
        """The candles up to this close, or None if the venue does not have it yet (nothing later ever gets in)."""
        fetched = self.market_data.candles(message.venue, message.market, message.timeframe, message.candle_close, count)
        selected = closed_before(fetched, message.timeframe, message.candle_close)
        return None if isinstance(selected, NotPublished) else selected.candles

    def _run(self, definition: StrategyDefinition, message: CandleClosed, worker: str, candles: Sequence[Candle]) -> None:
        execution = self.executions.begin(self._started(definition, message, worker))
        if execution is None:
            self.metrics.count("ExecutionsDuplicate")
            return
        if execution.signal is None:
            try:
                wanted = self.code.lookback(definition)
                unusable = _unusable(candles[-wanted:], wanted, message.timeframe)
                if unusable is not None:
                    self._finish(replace(execution, status=ExecutionStatus.SKIPPED, reason=unusable))
                    return
                evaluation = self.code.evaluate(definition, candles[-wanted:])
                signal = self._signal(definition, message, evaluation)
            except (Reject, InvalidValue) as error:
                self._finish(replace(execution, status=ExecutionStatus.FAILED, reason=error.code, error=error.message))
                return
            execution = replace(execution, logs=evaluation.logs, signal=signal)
            if signal is None:
                self._finish(replace(execution, status=ExecutionStatus.NO_SIGNAL))
                return
            self.executions.keep_signal(execution)
        self._publish(definition, execution)

    def _publish(self, definition: StrategyDefinition, execution: Execution) -> None:
        signal = execution.signal
        if signal is None:
            raise ValueError("only an execution with a signal is published")
        record = self.publish(signal, definition.venue, definition.subscriber_count)
        self._finish(replace(execution, status=ExecutionStatus.COMPLETED, subscriber_count=record.subscriber_count))

    def _signal(self, definition: StrategyDefinition, message: CandleClosed, evaluation: Evaluation) -> Signal | None:
        """The decision as a signal; None for HOLD. Raises `InvalidValue` for levels that no order can have."""
        if evaluation.action is None:
            return None  # a HOLD asks for no version
        return candle_signal(
            evaluation,
            strategy_id=definition.strategy_id,
            market=message.market,
            candle_close=message.candle_close,
            issued_at=self.clock.now(),
            correlation_id=message.correlation_id,
            strategy_version=self.code.version(definition),
        )

    def _skip(self, due: Sequence[StrategyDefinition], message: CandleClosed, worker: str, reason: str) -> None:
        """Record that a candle was missed. The decision of a crashed holder is published all the same: it may be an exit."""
        with _once_the_lease_ends():
            for definition in due:
                execution = self.executions.begin(self._started(definition, message, worker))
                if execution is not None and execution.signal is not None:
                    self._publish(definition, execution)
                elif execution is not None:
                    self._finish(replace(execution, status=ExecutionStatus.SKIPPED, reason=reason))
                    self.metrics.count("CandlesMissed")

    def _started(self, definition: StrategyDefinition, message: CandleClosed, worker: str) -> Execution:
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
        )

    def _finish(self, execution: Execution) -> None:
        now = self.clock.now()
        duration = _milliseconds(now - execution.started_at)
        self.executions.finish(replace(execution, finished_at=now, duration_ms=duration))
        failed = execution.status is ExecutionStatus.FAILED
        self.metrics.count("ExecutionsFailed" if failed else "ExecutionsCompleted")


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
