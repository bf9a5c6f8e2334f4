"""One run per candle, strategy and version, for all followers: the locks that hold this rule.

The first write of a candle freezes the versions that run on it. So a release in between neither doubles the run of a follower
nor leaves a follower out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import ExecutionStore


@dataclass(frozen=True, slots=True)
class Due:
    """A strategy with the versions that its release and its pins ask for now; (None,) for a strategy without versions."""

    definition: StrategyDefinition
    versions: Sequence[Audience | None]


@dataclass(frozen=True, slots=True)
class BeginRuns:
    """Takes the locks of runs."""

    executions: ExecutionStore
    clock: Clock
    metrics: Metrics

    def __call__(self, due: Due, message: CandleClosed, worker: str) -> Iterator[Execution]:
        """The runs whose locks are ours, each as soon as it is taken.

        The first write of the candle freezes which versions run, and for whom. A retry runs the same ones after a
        release in between, so each follower of the latest version is in one audience.
        """
        strategy_id = due.definition.strategy_id
        first, *others = due.versions
        beside = tuple(audience for audience in others if audience is not None)
        held = self.executions.begin(replace(self._started(strategy_id, message, worker, first), beside=beside))
        if held is not None:
            yield held
            beside = held.beside
        else:
            self.metrics.count("ExecutionsDuplicate")
            if first is not None:
                beside = self.executions.leading(strategy_id, message.candle_close).beside
        for audience in beside:
            held = self.executions.begin(replace(self._started(strategy_id, message, worker, audience), leads=False))
            if held is not None:
                yield held
            else:
                self.metrics.count("ExecutionsDuplicate")

    def _started(self, strategy_id: str, message: CandleClosed, worker: str, audience: Audience | None) -> Execution:
        now = self.clock.now()
        return Execution(
            strategy_id=strategy_id,
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


@contextmanager
def once_the_lease_ends() -> Iterator[None]:
    """Delay a retry (`RetryLater`) to the end of the lease: until then, a repeat finds its own lock taken.

    Even a lock that was refused may have been taken, if only its answer was lost.
    """
    try:
        yield
    except RetryLater as error:
        raise RetryLater(error.code, error.message, after_seconds=LEASE.total_seconds()) from error
