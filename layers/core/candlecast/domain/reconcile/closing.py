"""Proof that somebody else has closed or reduced a position of ours, before our book believes a list of positions.

A list is what one endpoint of a venue says. It was seen empty while everything was still held, and a position that is taken for
closed loses its stop. So a second kind of evidence must agree: the trades of others that make up the difference. Trades may be
days old, or too many to attribute. Then the venue is asked for the one market, once the difference has lasted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.account.account import Account
from candlecast.domain.account.findings import QUICK_LOOKS, Drift
from candlecast.domain.orders.position import market_of
from candlecast.domain.reconcile.adopt import OutsideFill, adopted, count_mend, held_at
from candlecast.domain.values.copying import replace
from candlecast.domain.venue.rules import VenueRules

PATIENCE = timedelta(minutes=15)  # longer than a replica or a failover lags; a reduce-only stop that stays so long harms nobody
NOT_PROVEN = "POSITION_CLOSING_NOT_PROVEN"  # the alert


class ClosingStep(StrEnum):
    """The step for a position that the venue lists as smaller or not at all, twice in a row."""

    ADOPT = "adopt"
    ASK = "ask for the positions of that one market"
    KEEP = "adopt nothing: position and stop stay; after three looks a person is told, once"


def closing_step(gone: Decimal, traded: Decimal, waited: timedelta, *, market_agrees: bool | None = None) -> ClosingStep:
    """The step when `gone` of our position is missing (base units, unsigned) and others have `traded` so much of it away.

    `traded` is net, on the closing side, since a look that agreed. `waited` is how long the difference has been the same.
    `market_agrees` says whether the market's own answer shows the same; None: it was not asked for.
    """
    if traded >= gone:
        return ClosingStep.ADOPT
    if waited < PATIENCE:
        return ClosingStep.KEEP
    if market_agrees is None:
        return ClosingStep.ASK
    return ClosingStep.ADOPT if market_agrees else ClosingStep.KEEP


@dataclass(frozen=True)
class Closing:
    """Trades of others in a place: their net quantity on the closing side since the last agreement, and their fill."""

    traded: Decimal
    fill: OutsideFill
    lost: frozenset[str] = frozenset()
    """Client ids of orders of ours among them, which a restore of the table has lost."""


def closing_began(account: Account, place: str, drift: Drift, rules: VenueRules) -> datetime:
    """The time from which on a trade can belong to a difference.

    A look has agreed with earlier trades, or they were adopted before. The venue's replicas lag less than the spacing of
    two lookups, so a look may not have seen the trades of that time.
    """
    held_since = min(position.signal_issued_at for position in held_at(account, place))
    last = account.mends.get(adopted(place))
    agreed = [at for at in (drift.agreed_at, last.last_at if last else None) if at is not None]
    return max([held_since, *(at - rules.lookup_spacing + timedelta.resolution for at in agreed)])


def not_proven(place: str) -> str:
    """The trouble that a closing without proof is."""
    return f"closing|{place}"


def keep_unproven(account: Account, place: str, now: datetime) -> Account:
    """Note that a closing could not be proven; after three looks at the quick pace a person is told, once."""
    drift = account.drifts.get(place)
    if drift is None:
        return account
    slower = replace(drift, changes=min(drift.changes + 1, QUICK_LOOKS))
    kept = replace(account, drifts={**account.drifts, place: slower})
    return count_mend(kept, not_proven(place), NOT_PROVEN, now, market_of(place))
