"""Admit a reader to a strategy's decisions, so that nobody but a follower could trade ahead of the followers' orders."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.values.errors import NotFound
from candlecast.ports.store import StrategyStore, SubscriptionStore


@dataclass(frozen=True, slots=True)
class Admission:
    """A strategy, and whether the reader may see its code, parameters, runs, logs and signals as they happen."""

    strategy: StrategyDefinition
    sees_decisions: bool


@dataclass(frozen=True, slots=True)
class AdmitReader:
    """Followers and operators see a strategy's decisions at once; everybody else sees the listing and the delayed record.

    The platform owns every strategy, so its operators stand for the owner. A strategy with an owner of its own is one more
    condition in `__call__`.
    """

    strategies: StrategyStore
    subscriptions: SubscriptionStore

    def __call__(self, tenant_id: str, strategy_id: str, *, is_operator: bool) -> Admission:
        """Say what the tenant sees of the strategy; raises `NotFound`. Costs an operator one read, others two or three."""
        strategy = self.strategies.get_strategy(strategy_id)
        if not (is_operator or strategy.may_follow(tenant_id)):
            raise NotFound("no such strategy")
        return Admission(strategy, is_operator or self.subscriptions.follows(tenant_id, strategy_id))
