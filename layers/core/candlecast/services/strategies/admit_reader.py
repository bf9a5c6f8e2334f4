"""Admit a reader to a strategy's decisions, so that nobody but a follower could trade ahead of the followers' orders."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.values.errors import NotFound
from candlecast.ports.store import StrategyStore, SubscriptionStore


@dataclass(frozen=True, slots=True)
class Admission:
    """A strategy, and the rights of its reader beyond the listing."""

    strategy: StrategyDefinition
    sees_decisions: bool
    """Whether the reader sees runs, logs and signals as they happen."""
    is_author: bool = False
    """Whether the reader's tenant is the owner or a collaborator."""

    @property
    def sees_parameters(self) -> bool:
        """Whether the reader sees code and parameters: of an uploaded strategy its authors, of the platform's its followers."""
        return self.is_author or (self.sees_decisions and self.strategy.owner is None)


@dataclass(frozen=True, slots=True)
class AdmitReader:
    """Authors, followers and operators see decisions at once; everybody else sees the listing and the delayed record.

    A strategy that the reader may not find does not exist for the reader.
    """

    strategies: StrategyStore
    subscriptions: SubscriptionStore

    def __call__(self, tenant_id: str, strategy_id: str, *, is_operator: bool, link_key: str | None = None) -> Admission:
        """Say what the tenant sees of the strategy; raises `NotFound`.

        Costs operators and authors one read, others two or three.
        """
        strategy = self.strategies.get_strategy(strategy_id)
        is_author = strategy.may_change(tenant_id)
        if is_operator or is_author:
            return Admission(strategy, sees_decisions=True, is_author=is_author)
        follows = self.subscriptions.follows(tenant_id, strategy_id)
        if not (follows or strategy.may_find(tenant_id, link_key)):
            raise NotFound("no such strategy")
        return Admission(strategy, follows)
