"""Invariants of an account under any order of events: bounded size, money that adds up, events that tell its state."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from candlecast.domain.account.account import MAX_OPEN_INTENTS, MAX_SETTLED, Account
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.lifecycle import is_legal
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from tests.support.builders import BTC, SUBSCRIPTION, after, an_account, an_intent

D = Decimal
RATE = D("0.0004")
PRICES = st.integers(50, 150).map(D)
PARTS = st.integers(0, 10).map(D)


class AccountLife(RuleBasedStateMachine):
    """One position of one account: entries and exits that are sent, filled in parts, told twice, refused, lost."""

    orders = Bundle("orders")

    @initialize()
    def open(self) -> None:
        self.account = an_account()
        self.seconds = 0
        self.signals = 0
        self.told_orders: dict[str, Intent] = {}
        self.told_positions: dict[str, Position] = {}
        self.trades: list[Trade] = []
        self.cash = D(0)
        self.filled: dict[str, tuple[Decimal, Decimal]] = {}

    def change(self, account: Account) -> None:
        """Store a state as the store does: its events leave with the write."""
        for event in account.outbox:
            if event.order:
                self.told_orders[event.order.intent_id] = event.order
            if event.position and event.code is None:
                self.told_positions[event.position.key] = event.position
            if event.trade:
                self.trades.append(event.trade)
        self.account = replace(account, outbox=(), version=account.version + 1)
        self.seconds += 1

    @rule(target=orders, side=st.sampled_from(PositionSide))
    def decide(self, side: PositionSide) -> str:
        held = self.account.position(SUBSCRIPTION, BTC)
        kind = LegKind.EXIT if held else LegKind.ENTRY
        if self.account.under_way(SUBSCRIPTION, BTC):
            return next(iter(self.account.intents))
        self.signals += 1
        intent = an_intent(
            kind,
            signal_id=digest(str(self.signals)),
            position_side=held.side if held else side,
            quantity=held.quantity if held else D(10),
            issued_at=after(self.seconds),
        )
        self.change(self.account.decide([intent], after(self.seconds)))
        return intent.intent_id

    @rule(key=orders, part=PARTS, price=PRICES, ends=st.booleans())
    def answer(self, key: str, part: Decimal, price: Decimal, ends: bool) -> None:
        """The venue has filled `part` more at `price`; the same is told twice."""
        intent = self.account.intents.get(key)
        if intent is None:
            return
        before, paid = self.filled.get(key, (D(0), D(0)))
        more = min(part, intent.quantity - before)
        total, paid = before + more, paid + more * price
        self.filled[key] = (total, paid)
        self.cash += more * price * (1 if intent.side == "SELL" else -1)
        done = total == intent.quantity
        cut = VenueOrderStatus.CANCELLED if ends else VenueOrderStatus.OPEN
        order = VenueOrder(
            client_order_id=intent.client_order_id,
            venue_order_id="1",
            status=VenueOrderStatus.FILLED if done else cut,
            filled_quantity=total,
            average_price=paid / total if total else None,
        )
        self.change(self.account.apply(key, order, RATE, after(self.seconds)))
        if key in self.account.intents:
            self.change(self.account.apply(key, order, RATE, after(self.seconds)))

    @rule(key=orders, state=st.sampled_from([IntentState.PENDING, IntentState.SUBMITTING, IntentState.UNKNOWN]))
    def hold(self, key: str, state: IntentState) -> None:
        known = self.account.intents.get(key)
        if known is not None and is_legal(known.state, state):
            self.change(self.account.hold(key, state, after(self.seconds)))

    @rule(key=orders)
    def refuse(self, key: str) -> None:
        if key in self.account.intents:
            self.change(self.account.fail(key, IntentState.REJECTED, Reason.VENUE_REJECTED, after(self.seconds)))

    @invariant()
    def stays_bounded(self) -> None:
        assert len(self.account.intents) <= MAX_OPEN_INTENTS
        assert len(self.account.settled) <= MAX_SETTLED
        assert all(not intent.state.is_terminal for intent in self.account.intents.values())

    @invariant()
    def events_tell_the_state(self) -> None:
        assert {k: i for k, i in self.told_orders.items() if not i.state.is_terminal} == dict(self.account.intents)
        assert {k: p for k, p in self.told_positions.items() if p.quantity} == dict(self.account.positions)

    @invariant()
    def money_adds_up(self) -> None:
        held = self.account.positions.values()
        moved = sum(((p.exit_notional - p.entry_price * p.opened_quantity) * p.side.sign for p in held), D(0))
        assert abs(sum((t.pnl for t in self.trades), D(0)) + moved - self.cash) < D("1e-18")
        today = sum((t.net_pnl for t in self.trades), D(0))
        assert abs(self.account.realised_today(SUBSCRIPTION, after(self.seconds)) - today) < D("1e-18")

    @invariant()
    def a_position_is_never_below_nothing(self) -> None:
        assert all(0 < p.quantity <= p.opened_quantity for p in self.account.positions.values())


AccountLife.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestAccountLife = AccountLife.TestCase


@given(fills=st.lists(st.tuples(st.integers(1, 20).map(D), PRICES), min_size=1, max_size=6), repeats=st.integers(1, 3))
def test_fills_add_up_the_same_however_they_are_told(fills: list[tuple[Decimal, Decimal]], repeats: int) -> None:
    """Told one by one, with repeats, or all at once: the same position."""
    entry = an_intent(quantity=sum((part for part, _ in fills), D(0)))
    account = an_account(intents={entry.intent_id: entry})
    total = paid = D(0)
    step = account
    for part, price in fills:
        total, paid = total + part, paid + part * price
        order = VenueOrder(
            client_order_id="c",
            venue_order_id="1",
            status=VenueOrderStatus.OPEN,
            filled_quantity=total,
            average_price=paid / total,
        )
        for _ in range(repeats):
            step = step.apply(entry.intent_id, order, RATE, after(1))
    whole = account.apply(entry.intent_id, order, RATE, after(1))
    (one,), (other,) = step.positions.values(), whole.positions.values()
    assert one.quantity == other.quantity == total
    assert abs(one.entry_price - other.entry_price) < D("1e-18")
    assert abs(one.fees - other.fees) < D("1e-18")
