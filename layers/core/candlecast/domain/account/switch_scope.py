"""Which kill switches concern an account's orders.

The switch itself knows no account, because the account's events report switches.
"""

from __future__ import annotations

from collections.abc import Iterable

from candlecast.domain.account.account import Account
from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope, strictest
from candlecast.domain.orders.intent import Intent, LegKind


def places_of(account: Account, strategy_ids: Iterable[str]) -> frozenset[SwitchPlace]:
    """The places whose switches may concern an account's orders of some strategies."""
    places = {PLATFORM, SwitchPlace(SwitchScope.USER, account.tenant_id)}
    places |= {SwitchPlace(SwitchScope.STRATEGY, strategy_id) for strategy_id in strategy_ids}
    if account.organisation_id is not None:
        places.add(SwitchPlace(SwitchScope.ORGANISATION, account.organisation_id))
    return frozenset(places)


def concerning(switches: Iterable[KillSwitch], account: Account, strategy_id: str) -> tuple[KillSwitch, ...]:
    """The switches that are about an account's orders of one strategy."""
    return tuple(s for s in switches if s.concerns(account.tenant_id, strategy_id, account.organisation_id))


def stopped_by(switches: Iterable[KillSwitch], account: Account, leg: Intent) -> KillSwitch | None:
    """The strictest switch that forbids the leg; None if the leg may be sent."""
    if leg.kind.is_protective:
        return None
    found = concerning(switches, account, leg.strategy_id)
    return strictest(s for s in found if leg.kind is LegKind.ENTRY or s.grade is Grade.HALT_ALL)
