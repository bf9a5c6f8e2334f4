"""The changes that a look at the venue makes to an account: differences noted, reported or adopted, and attempts counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.account.account import Account
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.findings import (
    MAX_DRIFTS,
    MAX_EXTERNAL_ORDERS,
    MAX_MENDS,
    MEND_MEMORY,
    Drift,
    ExternalOrder,
    Mend,
)
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, market_of
from candlecast.domain.orders.retries import ATTEMPTS_BEFORE_ALERT, pause_after
from candlecast.domain.reconcile.drift import ClosedBy, is_our_id, left_of
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason

ALERT_OF_CLOSING = {
    ClosedBy.CLOSED_OUTSIDE: "POSITION_CLOSED_OUTSIDE",
    ClosedBy.LIQUIDATED: "POSITION_LIQUIDATED",
    ClosedBy.DELEVERAGED: "POSITION_DELEVERAGED",
    ClosedBy.SETTLED: "POSITION_SETTLED",
    ClosedBy.CLOSED_BEFORE_RESTORE: "POSITION_CLOSED_BEFORE_RESTORE",
}


@dataclass(frozen=True)
class OutsideFill:
    """The result of somebody else's closing: average price, fee in quote units, and its author."""

    price: Decimal
    fee: Decimal
    closed_by: ClosedBy


def held_at(account: Account, place: str) -> list[Position]:
    """Our positions in one place: a market, or in hedge mode one side of it."""
    return [p for p in account.positions.values() if account.place(p.market, p.side) == place]


def net_of(account: Account, place: str) -> Decimal:
    """Our quantity in a place, signed."""
    return sum((p.quantity * p.side.sign for p in held_at(account, place)), ZERO)


def is_settled(account: Account, place: str) -> bool:
    """Whether no order of ours can be moving what is held there: none unresolved, none that fills slowly.

    An order that was certainly not sent moves nothing. An exit that the venue refuses may wait so for as long as the position is
    held for us.
    """
    market = market_of(place)
    may_exist = (i for i in account.intents.values() if i.market == market and i.state is not IntentState.PENDING)
    return not any(i.state.is_unresolved or not i.kind.is_protective for i in may_exist)


def note_drift(account: Account, place: str, difference: Decimal, now: datetime, *, counts: bool = True) -> Account:
    """Remember a difference, to see whether a second look finds the same. One that does not count only keeps `agreed_at`."""
    if place not in account.drifts and len(account.drifts) >= MAX_DRIFTS:
        return account
    before = account.drifts.get(place)
    changes = before.changes + 1 if before and before.counts else 0
    agreed_at = before.agreed_at if before else account.reconciled_at
    noted = Drift(difference=difference, seen_at=now, changes=changes, agreed_at=agreed_at, counts=counts)
    return replace(account, drifts={**account.drifts, place: noted})


def forget_drift(account: Account, place: str) -> Account:
    """The place agrees again."""
    return replace(account, drifts={m: drift for m, drift in account.drifts.items() if m != place})


def report_drift(account: Account, place: str, now: datetime) -> Account:
    """Tell, once, that more is held in a place than ours; from then on no entry is taken there."""
    drift = account.drifts.get(place)
    if drift is None or drift.reported:
        return account
    told = account.alert("POSITION_DRIFT", now, market=market_of(place))
    return replace(told, drifts={**told.drifts, place: replace(drift, reported=True)})


def adopt_reduction(account: Account, place: str, theirs: Decimal, fill: OutsideFill, now: datetime) -> Account:
    """Shrink our quantity in a place to the venue's, and report the difference as a fill that no order of ours made."""
    ours = net_of(account, place)
    gone = abs(ours) - left_of(ours, theirs)
    for position in held_at(account, place):
        closed = min(gone, position.quantity)
        if closed > 0:
            share = fill.fee * closed / (abs(ours) - left_of(ours, theirs))
            account = account.close_outside(position.key, closed, fill.price, share, fill.closed_by, now)
            gone -= closed
    account = forget_drift(account.alert(ALERT_OF_CLOSING[fill.closed_by], now, market=market_of(place)), place)
    return replace(account, mends={**account.mends, adopted(place): Mend(attempts=1, last_at=now)})


def end_market(account: Account, market: str, now: datetime) -> Account:
    """The account after its venue has ended a market and knows it no more: orders have ended, positions were settled.

    Nobody tells the settlement's price any more. The entry price stands for it, so that no profit is invented.
    """
    held = [position for position in account.positions.values() if position.market == market]
    for position in held:
        account = account.close_outside(position.key, position.quantity, position.entry_price, ZERO, ClosedBy.SETTLED, now)
    for intent in [intent for intent in account.intents.values() if intent.market == market]:  # no exit follows
        if intent.intent_id in account.intents:
            account = account.fail(intent.intent_id, IntentState.CANCELLED, Reason.MARKET_DELISTED, now)
    told = account.alert(ALERT_OF_CLOSING[ClosedBy.SETTLED], now, market=market) if held else account
    drifts = {place: drift for place, drift in told.drifts.items() if market_of(place) != market}
    others = tuple(order for order in told.external_orders if order.market != market)
    return replace(told, drifts=drifts, external_orders=others)


def adopted(place: str) -> str:
    """Under this name an account remembers when a reduction was adopted: its trades are no evidence of another one."""
    return f"adopted|{place}"


def note_external(account: Account, markets: Collection[str] | None, seen: Iterable[ExternalOrder], now: datetime) -> Account:
    """Replace the list of external orders in the markets that were asked for (None: in all) by those that are open now.

    Each order is reported once, when it is first seen. An order with an id of ours is only noted, until a second look sees it.
    """
    known = {(o.market, o.venue_order_id): o for o in account.external_orders}
    orders = [o for o in account.external_orders if markets is not None and o.market not in markets]
    for order in list(seen)[: MAX_EXTERNAL_ORDERS - len(orders)]:
        before = known.get((order.market, order.venue_order_id))
        orders.append(before or order)
        if before is None and not is_our_id(order.client_order_id):
            told = Event(type=EventType.EXTERNAL_ORDER, occurred_at=now, market=order.market, external_order=order)
            account = account.tell(told)
    return replace(account, external_orders=tuple(orders))


def count_mend(
    account: Account, what: str, code: str, now: datetime, market: str | None = None, failure: str | None = None
) -> Account:
    """Count an attempt to put `what` right; the third in a row that was needed tells a person, once, with `code`.

    `failure` is the code of the third attempt's own failure.
    """
    kept = {key: mend for key, mend in account.mends.items() if now - mend.last_at <= MEND_MEMORY}
    if what not in kept and len(kept) >= MAX_MENDS:
        oldest = min(kept, key=lambda key: kept[key].last_at)
        kept = {key: mend for key, mend in kept.items() if key != oldest}
    mend = kept.get(what, Mend(attempts=0, last_at=now)).again(now)
    counted = replace(account, mends={**kept, what: mend})
    told = mend.attempts == ATTEMPTS_BEFORE_ALERT
    return counted.alert(code, now, market=market, failure=failure) if told else counted


def forget_mends(account: Account, done: Collection[str]) -> Account:
    """The account without the attempts at differences that are repaired; new trouble with them counts anew."""
    return replace(account, mends={what: mend for what, mend in account.mends.items() if what not in done})


def tell_once(account: Account, what: str, code: str, now: datetime, position: Position | None = None) -> Account:
    """Alert of `what` unless that was done in the last hour."""
    known = account.mends.get(what)
    if known is not None and now - known.last_at <= MEND_MEMORY:
        return account
    return replace(account.alert(code, now, position=position), mends={**account.mends, what: Mend(attempts=1, last_at=now)})


def cancelling(entry: Intent) -> str:
    """The trouble that cancelling a resting order is."""
    return f"order|{entry.intent_id}"


def cancels_at(account: Account, entry: Intent) -> datetime:
    """The earliest next attempt to cancel an entry that an exit waits for, or its owner: at the pace of exits, which is quick."""
    mend = account.mends.get(cancelling(entry))
    return entry.created_at if mend is None else mend.last_at + pause_after(LegKind.EXIT, mend.attempts)


def may_mend(account: Account, what: str, now: datetime) -> bool:
    """Whether a repair of `what` may be retried now."""
    mend = account.mends.get(what)
    return mend is None or mend.may_go_on(now)
