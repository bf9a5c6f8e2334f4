"""A request for a look is a lease on its account: while the request waits, nobody asks for the same again.

A lease is an aid and decides nothing. A lost lease costs one more request; a lost request costs the time until its lease ends.
There are two kinds of looks, each with a lease of its own: at the account's turn (positions and balance), and at open orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL, next_full_look, next_look
from candlecast.domain.signals.messages import ReconcileRequest

# A look may die. Its order is received again after 3, 9, 21 and 45 s, and then dead-lettered: the third or fourth time asks anew.
AWAITED_LEASE = timedelta(seconds=15)
# A message whose look has died is redelivered after the queue's visibility time-out (180 s): a later request would be a second.
TURN_LEASE = timedelta(seconds=180)
# A look at open orders leaves no trace if nothing has changed. So its lease ends before the next of these looks, a minute later.
OPEN_ORDER_LEASE = timedelta(seconds=45)
SAME_MOMENT = timedelta(seconds=5)  # two askers round the same moment differently, and their clocks differ


@dataclass(frozen=True, kw_only=True)
class LookLease:
    """The newest request for one kind of look at one account."""

    tenant_id: str
    account_id: str
    look_at: datetime
    """When the request is delivered."""
    until: datetime
    """From then on somebody asks again, even if the request was lost."""
    asked_at: datetime
    """When the request was made; names the request."""
    awaited: bool = False
    """Whether an order waits for the look."""
    turn: datetime | None = None
    """The turn that the look is for, by which a look ends the lease; None for a look at open orders."""

    @property
    def place(self) -> LeasePlace:
        return LeasePlace(self.tenant_id, self.account_id, in_turn=self.turn is not None)


@dataclass(frozen=True)
class LeasePlace:
    """Where the lease of one kind of look at one account lies."""

    tenant_id: str
    account_id: str
    in_turn: bool


def lease_of(request: ReconcileRequest, now: datetime, delay_seconds: int) -> LookLease:
    """The lease that a request for a look is once it has been sent."""
    look_at = now + timedelta(seconds=delay_seconds)
    routine = OPEN_ORDER_LEASE if request.turn is None else TURN_LEASE
    return LookLease(
        tenant_id=request.tenant_id,
        account_id=request.account_id,
        look_at=look_at,
        until=look_at + (AWAITED_LEASE if request.awaited else routine),
        asked_at=request.asked_at or now,
        awaited=request.awaited,
        turn=request.turn,
    )


def place_of(request: ReconcileRequest) -> LeasePlace:
    """Where the lease of a request lies."""
    return LeasePlace(request.tenant_id, request.account_id, in_turn=request.turn is not None)


def is_covered(wanted: LookLease, held: LookLease | None, now: datetime, *, renews: bool = False) -> bool:
    """Whether a request waits already that does what `wanted` asks for.

    A look that an order awaits is never covered by a routine look, which waits in the slower queue. A look at open orders is not
    covered by a later look; a routine look may come as much later as the next routine look. A turn is covered by each request for
    that turn, also by a request that was put off. `renews`: a request that was to be delivered by now is done, such as the
    reconciler's own.
    """
    if held is None or held.until <= now or held.turn != wanted.turn or (wanted.awaited and not held.awaited):
        return False
    if renews and held.look_at <= now:
        return False
    later = SAME_MOMENT if wanted.awaited else OPEN_ORDER_INTERVAL
    in_time = wanted.turn is not None or held.look_at <= wanted.look_at + later
    return in_time and (wanted.awaited or held.until > wanted.look_at)


def is_pointless(account: Account, request: ReconcileRequest, now: datetime) -> bool:
    """Whether somebody has looked since a look was asked for, and nothing of the account is due."""
    if not was_served(account, request) or account.reconciled_at is None or next_look(account, now) is not None:
        return False
    rests = not account.intents and not account.positions
    return now < next_full_look(account) and (rests or now < account.reconciled_at + OPEN_ORDER_INTERVAL)


def was_served(account: Account, request: ReconcileRequest) -> bool:
    """Whether positions and balance were compared after the request was made."""
    if request.asked_at is None or account.reconciled_at is None:
        return False
    moved = request.turn is None or next_full_look(account) != request.turn
    return moved and account.reconciled_at >= request.asked_at
