"""Any prices, fills and failures: a held position is protected, no stop is loosened, both books agree."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide, Side, TimeInForce
from candlecast.domain.venue.reports import VenueOrderStatus
from tests.support.builders import BTC, settings
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
TICK = D("0.1")
STEPS = 40
FAULTS = [Fault.REJECT, Fault.RETRY_LATER, Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED]
SEEDS = 30  # two seconds; thousands were run when this was written


class Life:
    """One account's life: signals, a wandering market, partial fills, a failing venue."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        mode = self.random.choice(list(PositionMode))
        self.path = MoneyPath(position_mode=mode)
        self.rules = settings(
            max_positions=1,
            limits=Limits(max_adds=3),
            limit_targets=self.random.random() < 0.5,
            break_even_after_target=self.random.random() < 0.5,
            **self.random.choice(
                [
                    {},
                    {"trailing_stop_percent": D(4)},
                    {"trailing_stop_atr_multiplier": D(2), "trailing_activation_percent": D(2)},
                    {"break_even_after_r": D(1)},
                ]
            ),
        )
        self.stops: dict[str, Decimal] = {}

    @property
    def price(self) -> Decimal:
        return self.path.exchange.prices[BTC]

    def live(self) -> None:
        """So many random things, then quiet."""
        for _ in range(STEPS):
            act = self.random.choices([self.signal, self.market, self.part, self.look, self.trouble], weights=[3, 6, 2, 8, 1])[0]
            act()
            self.never_loosened()
        self.path.exchange.faults.clear()
        for _ in range(30):
            self.look(60)
            self.never_loosened()

    def signal(self) -> None:
        path, random = self.path, self.random
        path.clock.advance(1)
        action = random.choice([Action.LONG, Action.LONG, Action.SHORT, Action.EXIT])
        signal = bracket(action, None, (), issued_at=path.clock.now(), price=self.price)
        if action.is_entry:
            sign = PositionSide(action.value).sign
            at = (self.price * (1 - sign * D("0.01"))).quantize(TICK)
            above = (self.price * (1 + sign * D("0.01"))).quantize(TICK)
            entry = random.choice(
                [
                    None,
                    EntryOrder(type=EntryType.LIMIT, price=at, rests_seconds=300),
                    EntryOrder(type=EntryType.LIMIT, price=above, time_in_force=TimeInForce.IOC),
                    EntryOrder(type=EntryType.STOP, trigger_price=above, rests_seconds=300),
                ]
            )
            targets = tuple(TakeProfit((self.price * (1 + sign * D(n) / 100)).quantize(TICK), D("0.4")) for n in (3, 6))
            stop = str((self.price * (1 - sign * D("0.05"))).quantize(TICK))
            signal = bracket(
                action, stop, targets, issued_at=path.clock.now(), price=self.price, entry=entry, atr=self.price / 100
            )
        try:
            path.execute(signal, settings=self.rules)
        except RetryLater:
            return

    def market(self) -> None:
        moved = self.price * (1 + D(self.random.randint(-250, 250)) / 10_000)
        self.path.exchange.trade(BTC, moved.quantize(TICK))

    def part(self) -> None:
        """Some order with a price of its own meets somebody for a part of it."""
        book = self.path.exchange.books[KEY]
        resting = [r for r, o in book.orders if o.status is VenueOrderStatus.OPEN and r.price is not None]
        if resting:
            request = self.random.choice(resting)
            (order,) = [o for r, o in book.orders if r is request]
            left = request.quantity - order.filled_quantity
            self.path.exchange.fill(KEY, request.client_order_id, max(D("0.001"), (left / 2).quantize(D("0.001"))), request.price)

    def look(self, seconds: float | None = None) -> None:
        try:
            self.path.reconcile(self.random.choice([3, 30, 60]) if seconds is None else seconds)
        except RetryLater:
            return

    def trouble(self) -> None:
        self.path.exchange.script(self.random.choice(FAULTS))

    # -- what must hold ------------------------------------------------------------------------------------------------------

    def never_loosened(self) -> None:
        held = {p.entry_intent_id: p for p in self.path.account.positions.values()}
        for key, position in held.items():
            if position.stop_price is not None:
                known = self.stops.get(key, position.stop_price)
                assert (position.stop_price - known) * position.side.sign >= 0
                self.stops[key] = position.stop_price

    def at_rest(self) -> None:
        position = self.path.position
        signed = position.quantity * position.side.sign if position is not None else D(0)
        assert sum(self.path.exchange.books[KEY].net.values()) == signed
        orders = [(r, o) for r, o in self.path.exchange.books[KEY].orders if o.status is VenueOrderStatus.OPEN]
        if position is None:
            assert orders == []
            assert self.path.account.intents == {}
        else:
            self.is_protected(position)
        assert self.path.account.naked_since == {}
        assert not {"FILL_WITHOUT_POSITION", "POSITION_CLOSED_OUTSIDE", "POSITION_DRIFT"} & set(self.path.alerts())
        assert len({o.client_order_id for _, o in orders}) == len(orders) == len(self.path.account.intents)
        assert {i.state for i in self.path.account.intents.values()} <= {IntentState.OPEN}

    def is_protected(self, position: Position) -> None:
        stops: list[Any] = [
            (r.quantity, r.trigger_price)
            for r, o in self.path.exchange.books[KEY].orders
            if o.status is VenueOrderStatus.OPEN
            and r.order_type is OrderType.STOP_MARKET
            and r.side is Side.closing(position.side)
        ]
        assert stops == [(position.quantity, position.stop_price)]
        targets = [i for i in self.path.account.intents.values() if i.kind is LegKind.TAKE_PROFIT]
        assert sum(t.quantity for t in targets) <= position.opened_quantity


@pytest.mark.parametrize("seed", range(SEEDS))
def test_in_the_end_what_is_held_has_one_stop_of_its_size_and_both_books_agree(seed: int) -> None:
    life = Life(seed)
    life.live()
    life.at_rest()
