"""The fake exchange with a temper: lost and late answers, partial and slow fills, refusals, reads that lag behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from zlib import crc32

from candlecast.domain.account.account import Balance
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent
from candlecast.domain.reconcile.drift import is_our_id
from candlecast.domain.values.errors import Ambiguous, Reject, RetryLater
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, Side
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.reports import (
    FeeRates,
    LeverageCap,
    OrderRequest,
    VenueFunding,
    VenueOpenOrder,
    VenueOrder,
    VenueOrderStatus,
    VenuePosition,
    VenueTrade,
)
from candlecast.domain.venue.rules import BINANCE_USDM
from candlecast.ports.venue import Credentials
from tests.support.fakes.resting import is_marketable
from tests.support.fakes.venue import Book, FakeExchange, FakeVenue, place_of
from verification.simulation.chronicle import Chronicle
from verification.simulation.front import ALL_MARKETS, SHORTEST_SECONDS, Front
from verification.simulation.profile import Profile

RATE_LIMIT_SECONDS = 5
CHARGED = Decimal("0.0003")  # of a notional: less than the catalogue's rate, so that every estimate is corrected
LISTS = ("positions", "open_orders", "trades_since")
EXIT_REFUSALS = ("VENUE_REJECTED", "QUANTITY_TOO_LARGE", "INSUFFICIENT_FUNDS", "NOTIONAL_TOO_SMALL")  # none ends by itself
STOP_REFUSALS: tuple[Callable[[], Exception], ...] = (  # none of them says anything of the price
    lambda: Reject("VENUE_REJECTED", "-4045"),
    lambda: Reject("QUANTITY_TOO_LARGE", "-4005"),
    lambda: Reject("INSUFFICIENT_FUNDS", "-2019"),
    lambda: Reject("OUTSIDE_PRICE_BAND", "-4210"),
    lambda: RetryLater("VENUE_TOO_SLOW", "-5028", after_seconds=RATE_LIMIT_SECONDS),
    lambda: RetryLater("VENUE_UNAVAILABLE", "-1016", after_seconds=RATE_LIMIT_SECONDS),
)
REMEMBERED_PRICES = timedelta(minutes=2)  # a look takes seconds, from its question to its write
BLANK_SHARE = 0.7  # of the lists are blank at the same time
LONGEST_BLANK_SECONDS = 600.0  # two full looks, and less than the patience after which one market's own answer is believed
SLOWEST_FILL_SECONDS = 8.0
LONGEST_LAG = BINANCE_USDM.lookup_spacing - timedelta(milliseconds=500)  # two lookups in a row never see the same stale replica

Later = Callable[[datetime, Callable[[], None]], None]  # does something at an instant
OnSend = Callable[[str, OrderRequest], None]
OnCancel = Callable[[str, str], None]


class SimulatedExchange(FakeExchange):
    """All chance comes from `random`; `on_send` sees every request to place an order before anything becomes of it."""

    def __init__(
        self, chronicle: Chronicle, random: Random, profile: Profile, markets: dict[str, Market], later: Later, on_send: OnSend
    ) -> None:
        self.chronicle, self.clock, self.random, self.profile = chronicle, chronicle.clock, random, profile
        self.front = Front(chronicle, random, profile)
        super().__init__(fee_rate=CHARGED)
        self.now = self.clock.now
        self._markets, self._later, self._on_send = markets, later, on_send
        self.on_cancel: OnCancel = lambda _, __: None  # sees each cancellation of an order (key, client id) before it happens
        self.on_fill: Callable[[OrderRequest], None] = lambda _: None  # sees every fill of an entry of ours before it happens
        self.ended: set[str] = set()  # markets that the venue has delisted and settled
        self.visible_at: dict[tuple[str, str], datetime] = {}
        self._prices_until = defaultdict[str, list[tuple[datetime, Decimal]]](list)

    @property
    def used_weight(self) -> int | None:
        """The used weight that the venue reports with its answers."""
        return self.front.used_weight

    @used_weight.setter
    def used_weight(self, _: int | None) -> None:
        """The front counts it."""

    def receive(self, method: str, api_key: str, client_order_id: str | None = None) -> Book:
        self.front.admit(method)
        book = super().receive(method, api_key, client_order_id)
        book.fee_coin = "BNB" if crc32(api_key.encode()) % 2 else None  # every other account pays its fees in the coin
        return book

    def leaves_us(self, api_key: str, request: OrderRequest) -> None:
        """A request to place an order leaves us; its outcome is still open."""
        self._on_send(api_key, request)

    def create(self, api_key: str, request: OrderRequest) -> VenueOrder:
        profile, draw = self.profile, self.random.random()
        faults = (
            ("order_rate_limited", profile.rate_limited, self._limited),
            ("order_refused", profile.venue_rejects, self._refused),
            ("exit_refused", profile.exit_rejects if _closes(request) else 0, self._exit_refused),
            ("stop_refused", profile.stop_rejects if request.order_type is OrderType.STOP_MARKET else 0, self._stop_refused),
            ("order_lost", profile.ambiguous_lost, self._lost),
            ("order_late", profile.ambiguous_late, self._late_arrival),
            ("answer_lost", profile.ambiguous_executed, self._executed),
        )
        for kind, probability, fault in faults:
            draw -= probability
            if draw < 0:
                self.chronicle.fault(kind, f"of {request.client_order_id} for {api_key}")
                return fault(api_key, request)
        if self.random.random() < profile.key_revoked:
            self.chronicle.fault("key_revoked", api_key)
            self.revoke(api_key)
            self.receive("create_order", api_key)
        return replace(self.place(api_key, request), fee=None)

    def restore(self, api_key: str) -> None:
        """Accept a revoked key again."""
        self._revoked.discard(api_key)

    def place(self, api_key: str, request: OrderRequest) -> VenueOrder:
        if request.market in self.ended:
            raise Reject("MARKET_CLOSED", "-4108")
        if request.order_type.is_conditional:
            if self._at_once(request):
                raise Reject("WOULD_TRIGGER", "-2021")
            order = super().place(api_key, request)
        else:
            order = self._place_at_market(api_key, request)
        self.chronicle.tell(f"the venue has {_told(request, order)}")
        lag = self.random.random() < self.profile.lagging_read
        if lag:
            self.chronicle.fault("read_lags", request.client_order_id)
        seconds = self.random.uniform(0, LONGEST_LAG.total_seconds()) if lag else 0
        self.visible_at[api_key, request.client_order_id] = self.clock.now() + timedelta(seconds=seconds)
        return order

    def sees(self, api_key: str, client_order_id: str) -> bool:
        """Whether the replica that answers reads knows of the order yet."""
        return self.visible_at.get((api_key, client_order_id), self.clock.now()) <= self.clock.now()

    def trade(self, market: str, price: Decimal) -> None:
        oldest = self.clock.now() - REMEMBERED_PRICES
        kept = [(at, known) for at, known in self._prices_until[market] if at >= oldest]
        self._prices_until[market] = [*kept, (self.clock.now(), self.prices[market])]
        super().trade(market, price)

    def recent_prices(self, market: str) -> list[Decimal]:
        """The prices of the last minutes, the present one included."""
        oldest = self.clock.now() - REMEMBERED_PRICES
        return [*(price for until, price in self._prices_until[market] if until >= oldest), self.prices[market]]

    def go_blank(self) -> None:
        """Now and then some of the venue's lists are empty for a while; each is what an account without anything gets."""
        if self.blank or self.random.random() >= self.profile.blank_spell:
            return
        self.blank = {name for name in LISTS if self.random.random() < BLANK_SHARE}
        until = self.clock.now() + timedelta(seconds=self.random.uniform(SHORTEST_SECONDS, LONGEST_BLANK_SECONDS))
        for name in sorted(self.blank):
            self.chronicle.fault(f"blank_{name}", f"until {until.time()}")
        self._later(until, self.blank.clear)

    def settle(self, market: str) -> None:
        """End a market: its orders are cancelled, and its positions closed by orders of the venue's own."""
        for number, (api_key, book) in enumerate(self.books.items()):
            for index, (request, order) in enumerate(book.orders):
                if request.market == market and order.status is VenueOrderStatus.OPEN:
                    book.orders[index] = (request, replace(order, status=VenueOrderStatus.CANCELLED))
            if book.net[market]:
                self.chronicle.fault("settled_by_venue", f"{book.net[market]} {market} of {api_key}")
                self.trade_outside(api_key, market, -book.net[market], f"settlement_autoclose-{number}")
        self.ended.add(market)

    # -- what can go wrong -------------------------------------------------------------------------------------------------

    def _limited(self, _: str, __: OrderRequest) -> VenueOrder:
        raise RetryLater("ORDER_RATE_LIMITED", "-1015", after_seconds=RATE_LIMIT_SECONDS)

    def _refused(self, _: str, __: OrderRequest) -> VenueOrder:
        raise Reject("VENUE_REJECTED", "no")

    def _exit_refused(self, _: str, __: OrderRequest) -> VenueOrder:
        raise Reject(self.random.choice(EXIT_REFUSALS), "no exit now")

    def _stop_refused(self, _: str, __: OrderRequest) -> VenueOrder:
        raise self.random.choice(STOP_REFUSALS)()

    def _lost(self, _: str, __: OrderRequest) -> VenueOrder:
        raise Ambiguous("OUTCOME_UNKNOWN", "lost on the way there")

    def _executed(self, api_key: str, request: OrderRequest) -> VenueOrder:
        self.place(api_key, request)
        raise Ambiguous("OUTCOME_UNKNOWN", "lost on the way back")

    def _late_arrival(self, api_key: str, request: OrderRequest) -> VenueOrder:
        """The request reaches the book as late as a venue can let it, long after we have given up waiting."""
        latest = (BINANCE_USDM.receive_window + BINANCE_USDM.processing_timeout).total_seconds()
        self._later(self.clock.now() + timedelta(seconds=self.random.uniform(0, latest)), lambda: self._arrive(api_key, request))
        raise Ambiguous("OUTCOME_UNKNOWN", "it may still arrive")

    def _arrive(self, api_key: str, request: OrderRequest) -> None:
        try:
            self.place(api_key, request)
        except Reject:
            return

    # -- fills -------------------------------------------------------------------------------------------------------------

    def _place_at_market(self, api_key: str, request: OrderRequest) -> VenueOrder:
        if not is_marketable(request, self.prices[request.market]):
            return super().place(api_key, request)
        draw, profile = self.random.random(), self.profile
        partial = draw < profile.partial_fill
        slow = profile.partial_fill <= draw < profile.partial_fill + profile.slow_fill
        self.fills_at_once = not (partial or slow)
        order = super().place(api_key, request)
        self.fills_at_once = True
        if partial or slow:
            self.chronicle.fault("partial_fill" if partial else "slow_fill", request.client_order_id)
        part = self._markets[request.market].round_quantity(request.quantity / 2)
        if not (partial or slow) or part == 0:
            return order
        key = request.client_order_id
        if slow:
            self._fill_later(api_key, key, part)
            self._fill_later(api_key, key, request.quantity)
            return order
        self.fill(api_key, key, part)
        book = self.books[api_key]
        placed, filled = book.orders[-1]
        book.orders[-1] = (placed, replace(filled, status=VenueOrderStatus.CANCELLED))
        return book.orders[-1][1]

    def _execute(self, book: Book, index: int, quantity: Decimal, price: Decimal) -> None:
        request, order = book.orders[index]
        if is_our_id(request.client_order_id) and not request.reduce_only:
            self._on_entry_fill(book, request)
            self.on_fill(request)
            if request.order_type is OrderType.LIMIT and self.random.random() < self.profile.resting_part:
                part = self._markets[request.market].round_quantity((request.quantity - order.filled_quantity) / 2)
                self.chronicle.fault("resting_part", request.client_order_id)
                quantity = part or quantity
        super()._execute(book, index, quantity, price)
        self.chronicle.tell(f"the venue fills {_told(*book.orders[index])}")

    def _on_entry_fill(self, book: Book, request: OrderRequest) -> None:
        """An entry never fills against a position: its exit would have cancelled it."""
        held = book.net[place_of(request)]
        if held * (1 if request.side is Side.BUY else -1) < 0:
            self.chronicle.fail(f"2: an entry was filled against {held} {request.market}")

    def _fill_later(self, api_key: str, client_order_id: str, quantity: Decimal) -> None:
        def fill() -> None:
            if self._open_index(self.books[api_key], client_order_id) is not None:
                self.fill(api_key, client_order_id, quantity)

        self._later(self.clock.now() + timedelta(seconds=self.random.uniform(0.1, SLOWEST_FILL_SECONDS)), fill)

    def _at_once(self, request: OrderRequest) -> bool:
        price, trigger = self.prices[request.market], request.trigger_price
        if trigger is None:
            return False
        below = (request.order_type is OrderType.STOP_MARKET) == (request.side is Side.SELL)
        return price <= trigger if below else price >= trigger


@dataclass(frozen=True, slots=True)
class SimulatedVenue(FakeVenue):
    """One key's view, through a front that may be out of order and a replica that may lag."""

    exchange: SimulatedExchange

    def create_order(self, request: OrderRequest) -> VenueOrder:
        self.exchange.leaves_us(self.api_key, request)
        return self.exchange.front.change(lambda: FakeVenue.create_order(self, request))

    def cancel_order(self, intent: Intent) -> None:
        self.exchange.on_cancel(self.api_key, intent.client_order_id)
        self.exchange.front.change(lambda: FakeVenue.cancel_order(self, intent))

    def cancel_open_order(self, order: VenueOpenOrder) -> None:
        self.exchange.on_cancel(self.api_key, order.client_order_id)
        self.exchange.front.change(lambda: FakeVenue.cancel_open_order(self, order))

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        self.exchange.front.change(lambda: FakeVenue.set_market_settings(self, market, leverage, margin_mode))

    def set_position_mode(self, mode: PositionMode) -> None:
        self.exchange.front.change(lambda: FakeVenue.set_position_mode(self, mode))

    def find_order(self, intent: Intent) -> VenueOrder | None:
        found = self.exchange.front.ask(lambda: FakeVenue.find_order(self, intent))
        return found if self.exchange.sees(self.api_key, intent.client_order_id) else None

    def find_order_by_venue_id(self, market: str, venue_order_id: str) -> VenueOrder | None:
        return self.exchange.front.ask(lambda: FakeVenue.find_order_by_venue_id(self, market, venue_order_id))

    def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
        if market is None:
            self.exchange.front.count(ALL_MARKETS)
        found = self.exchange.front.ask(lambda: FakeVenue.open_orders(self, market))
        return [order for order in found if self.exchange.sees(self.api_key, order.client_order_id)]

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        return self.exchange.front.ask(lambda: FakeVenue.trades_since(self, market, since))

    def positions(self) -> Sequence[VenuePosition]:
        return self.exchange.front.ask(lambda: FakeVenue.positions(self))

    def positions_in(self, market: str) -> Sequence[VenuePosition]:
        return self.exchange.front.ask(lambda: FakeVenue.positions_in(self, market))

    def balance(self, at: datetime) -> Balance:
        return self.exchange.front.ask(lambda: FakeVenue.balance(self, at))

    def trades_of(self, market: str, venue_order_id: str) -> Sequence[VenueTrade]:
        return self.exchange.front.ask(lambda: FakeVenue.trades_of(self, market, venue_order_id))

    def funding(self, since: datetime, until: datetime) -> Sequence[VenueFunding]:
        return self.exchange.front.ask(lambda: FakeVenue.funding(self, since, until))

    def fee_rates(self, market: str, at: datetime) -> FeeRates:
        return self.exchange.front.ask(lambda: FakeVenue.fee_rates(self, market, at))

    def leverage_caps(self, leverages: Mapping[str, Decimal], at: datetime) -> Mapping[str, LeverageCap]:
        return self.exchange.front.ask(lambda: FakeVenue.leverage_caps(self, leverages, at))

    def key_rights(self) -> KeyRights | None:
        return self.exchange.front.ask(lambda: FakeVenue.key_rights(self))

    def mark_of(self, asset: str, quote: str) -> Decimal:
        return self.exchange.front.ask(lambda: FakeVenue.mark_of(self, asset, quote))


class SimulatedVenues:
    """`ports.venue.Venues` of the simulated exchange."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self.exchange = exchange

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> SimulatedVenue:
        return SimulatedVenue(self.exchange, credentials.api_key)


def _closes(request: OrderRequest) -> bool:
    return request.reduce_only and request.order_type is OrderType.MARKET


def _told(request: OrderRequest, order: VenueOrder) -> str:
    what = f"{request.order_type} {request.side} {request.quantity} {request.market} ({request.client_order_id})"
    return f"{what}: {order.status}, {order.filled_quantity} filled at {order.average_price}"
