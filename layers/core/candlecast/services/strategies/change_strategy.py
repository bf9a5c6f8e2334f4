"""Who may change a strategy, and the record of a change; for other tenants the strategy does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.versions import Release, StrategyChange
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import StrategyStore


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks for a change: a tenant, and whether its person is an operator of the platform."""

    tenant_id: str
    is_operator: bool = False


def strategy_of(strategies: StrategyStore, author: Author, strategy_id: str) -> StrategyDefinition:
    """A living strategy that the author may change: an own or a shared one, or as an operator one of the platform.

    Raises `NotFound`, `Conflict` (STRATEGY_RETIRED).
    """
    definition = strategies.get_strategy(strategy_id)
    is_of_the_platform = definition.owner is None and author.is_operator
    if not (definition.may_change(author.tenant_id) or is_of_the_platform):
        raise NotFound("no such strategy")
    if definition.retired_at is not None:
        raise Conflict("STRATEGY_RETIRED", "a retired strategy changes no more")
    return definition


def change_by(author: Author, definition: StrategyDefinition, event: EventType, now: datetime, **values: str) -> StrategyChange:
    """The record of a change that is made from the definition as it was read."""
    return StrategyChange(
        strategy_id=definition.strategy_id,
        revision=definition.revision + 1,
        type=event,
        changed_by=author.tenant_id,
        changed_at=now,
        values=values,
    )


def release_by(author: Author, definition: StrategyDefinition, event: EventType, release: Release) -> StrategyChange:
    """The record of a change to another release: the version that it is about, and the share that gets it."""
    values = {"version": str(release.newest), "share_percent": str(release.newest_percent)}
    return change_by(author, definition, event, release.released_at, **values)
