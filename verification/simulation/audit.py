"""The invariants, asked while a run goes on: at every write of an account and at every order that is sent.

The audit computes from the writes and the sent orders, not by the functions that the product decides with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.suspension import suspended_by
from candlecast.domain.orders.charges import ChargeKind
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.reconcile.adopt import ALERT_OF_CLOSING
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.subscriptions.subscription import Settings, SizingMode, SubscriptionStatus
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import OrderRequest, VenueOrderStatus
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.venue import Book
from verification.simulation.chronicle import Chronicle, changes
from verification.simulation.switches import Switches

STEP = Decimal("0.001")  # of quantities in all markets, and the smallest order
UNSTOPPED = "WOULD_TRIGGER_"  # how the leg of an exit is named that takes the place of a stop
MAX_LIE_PERCENT = 5  # by which the price of an entry at market may be wrong, by the guide for senders
MAX_RESTING_PERCENT = 10  # by which the own price of an entry may differ from the market, by the same guide


@dataclass(slots=True)
class Audit:
    """`chronicle` is told what must not happen; `settings` are limits by subscription; `owners` finds an account by its key."""

    database: FakeDatabase
    clock: FakeClock
    chronicle: Chronicle
    switches: Switches
    settings: dict[str, Settings] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)
    books: Mapping[str, Book] = field(default_factory=dict)
    """The venue's books, by key."""
    recent_prices: Callable[[str], list[Decimal]] = lambda _: []
    """The prices of a market in the last minutes."""
    parts: dict[str, Reduction] = field(default_factory=dict)
    """The parts of positions that owners have asked to close, by the signal of the exit."""
    asked: dict[str, Decimal] = field(default_factory=dict)
    """Base units that exits of parts were first marked for, by signal."""
    sent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _closed: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    _trades_told: int = 0
    _realised: defaultdict[tuple[str, date], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def on_send(self, api_key: str, request: OrderRequest, sent_at: datetime) -> None:
        """An order arrives that left us at `sent_at`: its mark is written, and an entry was fresh (invariants 1 and 6)."""
        self.sent[request.client_order_id] += 1
        account = self.database.accounts[self.owners[api_key]]
        intent = next((i for i in account.intents.values() if i.client_order_id == request.client_order_id), None)
        if intent is None or intent.state is not IntentState.SUBMITTING:
            self._fail(f"sent without a write-ahead mark: {request} ({intent})")
        elif intent.expires_at is not None and sent_at > intent.expires_at:
            self._fail(f"an entry was sent {sent_at - intent.expires_at} after it had expired")
        if intent is not None:
            self.switches.on_send(account, intent, sent_at)

    def on_save(self, before: Account, after: Account) -> None:
        """Check a write: each marked intent may be sent (invariant 7), and the write overshoots no limit (invariant 2)."""
        for key, intent in after.intents.items():
            known = before.intents.get(key)
            marked = intent.state is IntentState.SUBMITTING and (known is None or known.submitted_at != intent.submitted_at)
            if marked and before.status is not AccountStatus.ACTIVE:
                self._fail(f"{intent.leg} marked for sending while the account was {before.status}")
            if marked and known is not None and known.cancel_asked_at is not None:
                self._fail(f"{intent.leg} of {intent.signal_id[:6]} was marked for sending after its owner had cancelled it")
            if known is None and intent.leg.startswith(UNSTOPPED):
                self._sold_for_want_of_a_stop(after.positions[intent.position_key], intent)
            if marked and intent.kind is LegKind.ENTRY:
                self._entry_marked(before, after, intent, new=known is None)
        self._parts_marked(before, after)
        self._exits_go_on(after)
        for event in after.outbox:
            if event.code in ALERT_OF_CLOSING.values() and event.market is not None:
                self._closing_adopted(before, after, event.market)
        self._count_trades()

    def _sold_for_want_of_a_stop(self, position: Position, intent: Intent) -> None:
        """A position is closed for want of a stop only if the market was beyond the stop."""
        stop = position.stop_price
        beyond = (price for price in self.recent_prices(intent.market) if stop and (price - stop) * position.side.sign <= 0)
        if next(beyond, None) is None:
            self._fail(f"11: {position.key} is sold for want of its stop at {stop}, which the market has not reached")

    def closed(self, signal_id: str) -> Decimal:
        """Base units that the exits of a signal have closed."""
        return sum(self._closed.get(signal_id, {}).values(), Decimal(0))

    def _parts_marked(self, before: Account, after: Account) -> None:
        """An exit of a part is first marked for that part of the position, and later for no more than the rest of the part."""
        parts = self.parts
        if not parts:
            return
        for event in after.outbox:
            order = event.order
            if order is not None and order.kind is LegKind.EXIT and order.signal_id in parts:
                self._closed.setdefault(order.signal_id, {})[order.intent_id] = order.filled_quantity
        marked: defaultdict[str, list[Intent]] = defaultdict(list)
        for key, intent in after.intents.items():
            known = before.intents.get(key)
            anew = known is None or known.submitted_at != intent.submitted_at
            if intent.kind is LegKind.EXIT and intent.state is IntentState.SUBMITTING and anew and intent.signal_id in parts:
                marked[intent.signal_id].append(intent)
        for signal_id, legs in marked.items():
            held, total = after.positions[legs[0].position_key].quantity, sum(leg.quantity for leg in legs)
            part = parts[signal_id]
            wanted = (part.quantity or held * (part.share or 0)) // STEP * STEP
            expected = self.asked.get(signal_id, wanted) - self.closed(signal_id)
            if held - expected < STEP:
                expected = held
            if total != expected if signal_id not in self.asked else total > expected:
                self._fail(f"{total} of {held} {legs[0].position_key} are marked to be closed, asked for is {part}")
            self.asked.setdefault(signal_id, Decimal(total))

    def _exits_go_on(self, after: Account) -> None:
        """An exit that the venue has refused or ended early is followed by another, in the same write, if anything is held."""
        waiting = {i.position_key for i in after.intents.values() if i.kind is LegKind.EXIT}
        for event in after.outbox:
            ended = event.order if event.order is not None and event.order.kind is LegKind.EXIT else None
            if ended is None or ended.state not in (IntentState.REJECTED, IntentState.CANCELLED):
                continue
            held = after.positions.get(ended.position_key)
            if held is not None and held.side is ended.position_side and held.key not in waiting:
                self._fail(f"an exit was lost: {held.key} is held after {ended.leg} {ended.state}, and no exit follows")

    def on_cancel(self, api_key: str, client_order_id: str) -> None:
        """No live stop is cancelled while the venue holds its position, unless another stop of that position lives."""
        account = self.database.accounts[self.owners[api_key]]
        stops = [i for i in account.intents.values() if i.kind is LegKind.STOP_LOSS]
        stop = next((i for i in stops if i.client_order_id == client_order_id), None)
        book = self.books[api_key]
        live = {order.client_order_id for _, order in book.orders if order.status is VenueOrderStatus.OPEN}
        for position in account.positions.values():
            if stop is None or stop.bracket_of != position.entry_intent_id or book.net[stop.market] * position.side.sign <= 0:
                continue
            others = {i.client_order_id for i in stops if i.bracket_of == stop.bracket_of} - {client_order_id}
            if client_order_id in live and not others & live:
                self._fail(f"11: the only live stop of {position.key} is cancelled while {book.net[stop.market]} is held")

    def _closing_adopted(self, before: Account, after: Account, market: str) -> None:
        """No position is taken for closed or reduced that the venue still holds."""
        net = self.books[after.account_id].net[market]
        was, left = _net(before, market), _net(after, market)
        if was * net > 0 and abs(net) > abs(left):
            self._fail(f"adopted as closed: {market} of {after.account_id} is {left} for us and {net} at the venue")

    def _entry_marked(self, before: Account, after: Account, intent: Intent, *, new: bool) -> None:
        status = before.subscriptions.get(intent.subscription_id, SubscriptionStatus.CANCELLED)
        if status is not SubscriptionStatus.ACTIVE:
            self._fail(f"an entry was marked for sending while its subscription was {status}")
        if not new:
            return
        cause = suspended_by(before, self.clock.now())
        if cause is not None:
            self._fail(f"13: an entry was marked for sending while entries were suspended: {cause}")
        limits = self.settings[intent.subscription_id]
        closing = {i.market for i in after.intents.values() if i.kind is LegKind.EXIT and i.signal_id == intent.signal_id}
        # what stands against an entry is closed before it leaves, or it does not leave (`World._on_send` sees to that)
        against = (p for p in before.positions.values() if p.side is not intent.position_side)
        closing |= {p.market for p in against if p.market == intent.market}
        held = [p for p in before.positions.values() if p.subscription_id == intent.subscription_id and p.market not in closing]
        coming = [i for i in after.intents.values() if i.kind is LegKind.ENTRY and i.subscription_id == intent.subscription_id]
        entering = {i.market for i in coming} | {p.market for p in held}
        notional = sum((p.quantity * p.entry_price for p in held), Decimal(0))
        notional += sum(((i.quantity - i.filled_quantity) * self._worth(i) for i in coming), Decimal(0))
        loss = -self._realised[intent.subscription_id, self.clock.now().date()]
        bounds = (
            ("positions", Decimal(len(entering)), Decimal(limits.max_positions)),
            ("leverage", notional / limits.capital, limits.leverage),
            ("order notional", intent.quantity * self._worth(intent), limits.max_order_notional),
            ("fixed notional", intent.quantity * self._worth(intent), _fixed_notional(limits)),
            ("daily loss", loss, limits.capital * limits.max_daily_loss_percent / 100),
        )
        for name, value, bound in bounds:
            if bound is not None and value > bound:
                self._fail(f"limit overshot: {name} {value} above {bound}")
        self._check_prices(intent)
        if intent.position_side is None or not limits.allowed_sides.allows(intent.position_side):
            self._fail(f"a side that is not allowed: {intent.position_side}")

    def _mark(self, intent: Intent) -> Decimal | None:
        """The venue's mark when the signal of an entry was judged."""
        verdict = self.database.verdicts.get(intent.signal_id)
        return verdict.quote.mark_price if verdict is not None and verdict.quote is not None else None

    def _worth(self, intent: Intent) -> Decimal:
        """Of one base unit of an entry: at its own price or at the venue's mark, the higher of the two."""
        return max(intent.reference_price or Decimal(0), self._mark(intent) or Decimal(0))

    def _check_prices(self, intent: Intent) -> None:
        """Senders lie; no order may follow from a price that the market did not have."""
        mark, price, stop = self._mark(intent), intent.reference_price, intent.stop_price
        if mark is None or price is None:
            self._fail(f"an entry was decided without a mark: {intent.leg} of {intent.signal_id[:6]}")
            return
        own = intent.trigger_price or intent.price  # a stop and a limit need not surround the mark, but the entry's own price
        if abs(price - mark) * 100 > mark * (MAX_LIE_PERCENT if own is None else MAX_RESTING_PERCENT):
            self._fail(f"an entry at {price} was decided while the market stood at {mark}")
        sign, opens_at = 1 if intent.position_side is PositionSide.LONG else -1, own or mark
        if stop is not None and (opens_at - stop) * sign <= 0:
            self._fail(f"a stop at {stop} was decided beyond {opens_at}")

    def _count_trades(self) -> None:
        for told in self.database.stream[self._trades_told :]:
            trade, charge = told.event.trade, told.event.charge
            if charge is not None:
                if trade is not None or charge.kind is ChargeKind.FUNDING:
                    self._realised[charge.subscription_id, told.event.occurred_at.date()] += charge.correction
            elif trade is not None:  # its funding was counted when it was paid
                self._realised[trade.subscription_id, trade.closed_at.date()] += trade.net_pnl - trade.funding
        self._trades_told = len(self.database.stream)

    def _fail(self, what: str) -> None:
        self.chronicle.fail(what)


def _net(account: Account, market: str) -> Decimal:
    return sum((p.quantity * p.side.sign for p in account.positions.values() if p.market == market), Decimal(0))


def _fixed_notional(limits: Settings) -> Decimal | None:
    """The money that each entry is to be worth at most, if the subscription says so."""
    return limits.sizing.value if limits.sizing.mode is SizingMode.FIXED_NOTIONAL else None


class AuditedAccountStore(FakeAccountStore):
    """The account store, with every write shown to the audit."""

    def __init__(self, database: FakeDatabase, clock: FakeClock, audit: Audit) -> None:
        super().__init__(database, clock)
        self._audit = audit

    def save(self, account: Account) -> Account:
        before = self.database.accounts[account.tenant_id, account.account_id]
        stored = super().save(account)
        self._audit.on_save(before, account)
        for line in changes(before, stored):
            self._audit.chronicle.tell(line)
        return stored


@dataclass(slots=True)
class Exposure:
    """How long positions that should have a stop were without a live one at the venue, while their account could act."""

    longest_seconds: float = 0
    _since: dict[str, datetime] = field(default_factory=dict)

    def look(self, now: datetime, naked: set[str]) -> None:
        """Note which positions (by their entry's intent id) are unprotected now."""
        self._since = {key: since for key, since in self._since.items() if key in naked}
        for key in naked:
            since = self._since.setdefault(key, now)
            self.longest_seconds = max(self.longest_seconds, (now - since).total_seconds())
