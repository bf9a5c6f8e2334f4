"""Show a strategy's record: to its followers as it is, to everybody else once its trades are at least one candle old."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.record import StrategyRecord, public_until
from candlecast.ports.clock import Clock
from candlecast.ports.store import StrategyStore
from candlecast.services.strategies.admit_reader import Admission


@dataclass(frozen=True, slots=True)
class ShowRecord:
    """Reads the record of the strategy's own venue."""

    strategies: StrategyStore
    clock: Clock

    def __call__(self, admitted: Admission) -> StrategyRecord:
        """The record, without the newest trades for a reader who may not see decisions as they happen."""
        strategy = admitted.strategy
        until = None if admitted.sees_decisions else public_until(strategy, self.clock.now())
        return StrategyRecord(
            venue=strategy.venue,
            sums=self.strategies.strategy_record(strategy.strategy_id, strategy.venue, until),
            closed_before=until,
            earlier=self.strategies.strategy_statistics(strategy.strategy_id),
        )
