"""Limits that all accounts of an organisation share: reserved before an order is sent, confirmed when filled, then released.

A counter that every order writes would be a hot spot: one item takes a few hundred writes a second. So a pool is divided into
slots, each with a part of every bound as its own free room. An account takes from its own slot; where that lacks room, others
lend theirs. No slot ever gives more than it has, so the sum stays within the bound with any number of workers. All free room of
the slots can be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import StrEnum
from zlib import crc32

from candlecast.domain.limits.pool_bounds import NOTHING, UNBOUNDED, Amounts, PoolLimits
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.orders.position import Trade
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Denial, Reason

# A DynamoDB partition takes 1,000 write units a second. An order changes its slot three times (reserve, confirm, release), at two
# units each in a transaction. A slot then takes some 160 orders a second, an organisation 2,600. Divided further, a small pool
# would lend at every order.
SLOTS = 16
STEP = Decimal("0.00000001")  # of money in a pool; it keeps sums within Decimal's 28 digits
STEPS = (STEP, Decimal(1), Decimal(1))  # of notional, positions, orders
VISIT_MARGIN_SECONDS = 120  # the executor's 15 s, five seconds between our clocks, and plenty
ABANDONED_AFTER = timedelta(seconds=MAX_SIGNAL_AGE_SECONDS + VISIT_MARGIN_SECONDS)
"""A reservation that its account does not know by then is nobody's: no delivery of its message finds the entry fresh any more."""
LOOK_AGAIN_AFTER = timedelta(hours=1)  # at an open position: its events release it, and this look only if they are lost


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A part of a pool. `used` is reserved or confirmed, `free` may still be reserved; orders and `pnl` are those of `day`."""

    number: int
    limits: PoolLimits
    day: date
    used: Amounts = NOTHING
    free: Amounts = NOTHING
    pnl: Decimal = ZERO
    version: int = 0

    def on(self, today: date) -> Slot:
        """As it counts on `today`: orders and result of an earlier day count no more."""
        return self if self.day >= today else replace(self, day=today, used=replace(self.used, orders=ZERO), pnl=ZERO)


class ReservationState(StrEnum):
    """RESERVED: the entry may still be filled. CONFIRMED: it has ended; its fills count until its position is closed."""

    RESERVED = "RESERVED"
    CONFIRMED = "CONFIRMED"


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """The part of a pool that one entry has taken. It exists exactly as long as it counts.

    `look_at` is when the sweep looks whether the reservation is still needed. `closed` says that its position was closed while
    the entry might still fill. An entry that adds to a position names the opening entry as `position_of`. Once filled, it stands
    in the `adds` of the opening entry's reservation: the two end together. `trades` are those that were counted while the entry
    might still fill, and might open a position again.
    """

    intent_id: str
    organisation_id: str
    tenant_id: str
    account_id: str
    slot: int
    amounts: Amounts
    day: date
    look_at: datetime
    state: ReservationState = ReservationState.RESERVED
    closed: bool = False
    position_of: str | None = None
    adds: tuple[str, ...] = ()
    trades: tuple[str, ...] = ()
    version: int = 0

    def has_counted(self, trade: Trade) -> bool:
        """Whether the trade is in the pool's result; a reservation from before trades were named has counted its only one."""
        return trade.trade_id in self.trades or (self.closed and not self.trades)

    def counting(self, trade: Trade) -> Reservation:
        """The reservation after a trade was counted while the entry may fill again."""
        return replace(self, closed=True, trades=(*self.trades, trade.trade_id))


@dataclass(frozen=True, kw_only=True)
class SlotChange:
    """Additions to one slot, made only if it is on `day`, knows `limits_version` or later, and gives no more than is free."""

    number: int
    day: date
    limits_version: int
    free: Amounts = NOTHING
    used: Amounts = NOTHING
    pnl: Decimal = ZERO

    def fits(self, slot: Slot | None) -> bool:
        """Whether the slot allows the change."""
        if slot is None or slot.day != self.day or slot.limits.version < self.limits_version:
            return False
        after = slot.free + self.free
        return all(left >= 0 for left, given in zip(after.values(), self.free.values(), strict=True) if given < 0)

    def applied(self, slot: Slot) -> Slot:
        return replace(
            slot, free=slot.free + self.free, used=slot.used + self.used, pnl=slot.pnl + self.pnl, version=slot.version + 1
        )


@dataclass(frozen=True)
class Pool:
    """All slots of an organisation as they were read."""

    slots: tuple[Slot, ...] = field(default=())

    @property
    def used(self) -> Amounts:
        return _sum(slot.used for slot in self.slots)

    @property
    def pnl(self) -> Decimal:
        return sum((slot.pnl for slot in self.slots), ZERO)

    def as_of(self, today: date) -> Pool:
        """The pool as it counts on `today`."""
        return Pool(tuple(slot.on(today) for slot in self.slots))

    def is_shared_out(self, limits: PoolLimits, today: date) -> bool:
        """Whether the slots know these limits, or newer ones, and have begun the day."""
        return bool(self.slots) and self.slots[0].limits.version >= limits.version and self.slots[0].day >= today

    def shared_out(self, limits: PoolLimits, today: date) -> Pool:
        """The slots with the rest of the bounds divided among them anew.

        Where more is used than the bound allows, no slot gets or may get anything until the pool is divided again. A released
        part must not be reserved again while the sum is too high.
        """
        old = {slot.number: slot for slot in self.slots}
        slots = []
        for number in range(SLOTS):
            slot = old.get(number, Slot(number=number, limits=limits, day=today)).on(today)
            slots.append(replace(slot, limits=limits if limits.version > slot.limits.version else slot.limits))
        bounds, used = slots[0].limits.bounds.bounds, _sum(slot.used for slot in slots)
        columns = [_parts(*each) for each in zip(bounds.values(), used.values(), STEPS, strict=True)]
        free = [Amounts(*part) for part in zip(*columns, strict=True)]
        return Pool(tuple(replace(s, free=_closed(bounds, used, s, mine)) for s, mine in zip(slots, free, strict=True)))

    def denial(self, needed: Amounts) -> Denial | None:
        """The first bound that would be broken; None if all together have room."""
        bounds = self.slots[0].limits.bounds.bounds
        after = self.used + needed
        for asked, value, bound in zip(needed.values(), after.values(), bounds.values(), strict=True):
            if asked > 0 and value > bound and bound != UNBOUNDED:
                return Denial(Reason.POOL_EXHAUSTED, value, bound)
        return None

    def taking(self, needed: Amounts) -> tuple[SlotChange, ...]:
        """The changes by which a slot takes `needed`, with room lent by as few others as possible; empty if they lack room.

        The first change is that of the slot that takes.
        """
        richest = sorted(self.slots, key=lambda slot: _wealth(slot, needed), reverse=True)
        home, lent, lenders = richest[0], NOTHING, []
        for lender in richest[1:]:
            lacking = (needed - home.free - lent).above_zero()
            if lacking == NOTHING:
                break
            gives = lender.free.above_zero().least(lacking)
            if gives != NOTHING:
                lenders.append(_change(lender, free=-gives))
                lent += gives
        if not (home.free + lent).covers(needed):
            return ()
        return (_change(home, free=lent - needed, used=needed), *lenders)


def slot_of(account_id: str) -> int:
    """The slot that an account takes from first."""
    return crc32(account_id.encode()) % SLOTS


def needed_by(entry: Intent) -> Amounts:
    """The amounts that an entry reserves: its notional at the decision's price, one order, a position unless it is an add."""
    return Amounts(entry.notional.quantize(STEP, ROUND_UP), Decimal(entry.bracket_of is None), Decimal(1))


def kept_by(reservation: Reservation, entry: Intent) -> Amounts:
    """The amounts that an ended entry goes on to count: its fills at the price of the decision, so never more than reserved.

    An order counts for its day if it has been sent.
    """
    orders = ZERO if entry.state in (IntentState.DENIED, IntentState.EXPIRED, IntentState.SKIPPED) else Decimal(1)
    if entry.filled_quantity == 0:
        return Amounts(orders=orders)
    filled = (entry.filled_quantity * entry.valued_price).quantize(STEP, ROUND_UP)
    return Amounts(filled, Decimal(1), orders).least(reservation.amounts)


def giving_back(slot: Slot, reservation: Reservation, kept: Amounts, pnl: Decimal = ZERO) -> SlotChange:
    """The change by which a reservation keeps only `kept`; an order of another day is forgotten already."""
    back = reservation.amounts - kept
    if slot.day != reservation.day:
        back = replace(back, orders=ZERO)
    return _change(slot, free=back, used=-back, pnl=pnl)


def is_loss_reached(pool: Pool) -> bool:
    """Whether the day's closed trades have lost what the organisation may lose."""
    bound = pool.slots[0].limits.bounds.max_daily_loss if pool.slots else None
    return bound is not None and -pool.pnl >= bound


def _change(slot: Slot, free: Amounts, used: Amounts = NOTHING, pnl: Decimal = ZERO) -> SlotChange:
    return SlotChange(number=slot.number, day=slot.day, limits_version=slot.limits.version, free=free, used=used, pnl=pnl)


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    return sum(amounts, NOTHING)


def _parts(bound: Decimal, used: Decimal, step: Decimal) -> Sequence[Decimal]:
    """The rest of a bound in equal parts, whole steps each; the remainder goes to the first parts."""
    if bound == UNBOUNDED:
        return [UNBOUNDED] * SLOTS
    left = max(bound - used, ZERO)
    part = (left / SLOTS).quantize(step, ROUND_DOWN)
    rest = left - part * SLOTS
    parts = [part] * SLOTS
    for number in range(SLOTS):
        more = min(step, rest)
        parts[number] += more
        rest -= more
    parts[0] += rest
    return parts


def _closed(bounds: Amounts, used: Amounts, slot: Slot, free: Amounts) -> Amounts:
    """The slot's part, or where the bound is exceeded a debt of all that it uses, so that a release makes nothing free."""
    values = zip(bounds.values(), used.values(), slot.used.values(), free.values(), strict=True)
    return Amounts(*(-mine if total > bound else part for bound, total, mine, part in values))


def _wealth(slot: Slot, needed: Amounts) -> tuple[int, Decimal]:
    """How much of the need a slot covers: first the number of respects that it covers whole, then the money."""
    enough = sum(1 for free, asked in zip(slot.free.values(), needed.values(), strict=True) if free >= asked)
    return enough, slot.free.notional
