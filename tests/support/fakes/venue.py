"""A venue in memory that behaves as Binance USD-M does where it matters, and fails on command.

Client ids are unique among open orders only, so a blind resend of a filled market order executes twice. Orders with a price or a
trigger stay open until the price reaches them. An answer can be lost after the order was executed. In hedge mode positions are
kept by side, and orders must name the side. An order that would close more than is held is refused.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto

from candlecast.domain.account.account import Balance
from candlecast.domain.orders.intent import Intent
from candlecast.domain.values.errors import Ambiguous, DomainError, Fatal, InvalidValue, Reject, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode, OrderType, PositionMode, PositionSide, Side, TimeInForce, WorkingType
from candlecast.domain.venue.key_rights import GOOD_RIGHTS, KeyRights
from candlecast.domain.venue.reports import (
    FUNDING_AT_ONCE,
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
from candlecast.ports.venue import Credentials
from tests.support.builders import BTC, NOW
from tests.support.fakes.resting import Resting, is_marketable


class Fault(Enum):
    """The failure of the next `create_order`; NONE lets an order pass."""

    NONE = auto()
    AMBIGUOUS_EXECUTED = auto()  # the order is in the book, the answer is lost
    AMBIGUOUS_EXECUTED_LATE = auto()  # the answer is lost, and the order reaches the book only at `arrive_late`
    AMBIGUOUS_NOT_EXECUTED = auto()
    REJECT = auto()
    WOULD_TRIGGER = auto()
    RETRY_LATER = auto()
    FATAL = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the venue, and whose key had signed it."""

    method: str
    api_key: str
    client_order_id: str | None = None


@dataclass(slots=True)
class Book:
    """The venue's book for one key; `net` and `entry_price` by market, or in hedge mode by market and side (`place_of`)."""

    orders: list[tuple[OrderRequest, VenueOrder]] = field(default_factory=list)
    trades: list[VenueTrade] = field(default_factory=list)
    net: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    entry_price: dict[str, Decimal] = field(default_factory=dict)
    leverage: dict[str, Decimal] = field(default_factory=dict)
    margin_mode: dict[str, MarginMode] = field(default_factory=dict)
    mode: PositionMode = PositionMode.ONE_WAY
    resting: defaultdict[str, Resting] = field(default_factory=lambda: defaultdict(Resting))  # by the venue's id
    funding: list[VenueFunding] = field(default_factory=list)
    fee_coin: str | None = None  # a coin that fees are paid in; None: the quote asset


class FakeExchange:
    """The venue itself, shared by all accounts. `requests` is everything that reached it, in order."""

    def __init__(self, fee_rate: Decimal = Decimal("0.0004")) -> None:
        self.prices: dict[str, Decimal] = {BTC: Decimal(100)}
        self.equity = Decimal(10_000)
        self.fee_rate = fee_rate
        self.leverage_cap: Decimal | None = Decimal(1_000_000)
        self.coin_price = Decimal(500)  # of any coin that fees are paid in
        self.equities: dict[str, Decimal] = {}  # by asset, beside the total
        self.used_weight: int | None = None  # what the venue says with its answers
        self.fills_at_once = True  # False: market orders wait for `fill`
        self.marks: dict[str, Decimal] = {}  # mark prices by market, where they differ from the last price
        self.largest: dict[str, Decimal] = {}  # most of an order at market, by market; one that is not named takes any
        self.liquidity: Decimal | None = None  # so much of an order that has to be filled at once is; None: all of it
        self.hidden_lookups = 0  # so many lookups miss every order, as a replica that lags does
        self.blank: set[str] = set()  # `Venue` methods that list nothing, as if there were nothing
        self.failing: dict[str, DomainError] = {}  # by market: every request that names the market raises this
        self.faults: deque[Fault] = deque()
        self.now: Callable[[], datetime] = lambda: NOW  # the time of trades
        self.rights: defaultdict[str, KeyRights | None] = defaultdict(lambda: GOOD_RIGHTS)  # None: no such question
        self.requests: list[Request] = []
        self.books: defaultdict[str, Book] = defaultdict(Book)
        self._revoked: set[str] = set()
        self._errors: defaultdict[str, deque[DomainError]] = defaultdict(deque)
        self._late: list[tuple[str, OrderRequest]] = []
        self._numbers = 0

    # -- what a test tells it ----------------------------------------------------------------------------------------------

    def script(self, *faults: Fault) -> None:
        """Faults of the next `create_order` requests, one each."""
        self.faults.extend(faults)

    def fail(self, method: str, error: DomainError, times: int = 1) -> None:
        """Raise `error` at the next `times` calls of a `Venue` method."""
        self._errors[method].extend([error] * times)

    def revoke(self, api_key: str) -> None:
        """Refuse every later request of this key."""
        self._revoked.add(api_key)

    def arrive_late(self) -> None:
        """Let requests whose answer was lost reach the book now."""
        late, self._late = self._late, []
        for api_key, request in late:
            self.place(api_key, request)

    def trade(self, market: str, price: Decimal) -> None:
        """Move the price and trigger the stops and targets that it reaches."""
        self.prices[market] = price
        for book in self.books.values():
            for index, (request, order) in enumerate(book.orders):
                if order.status is VenueOrderStatus.OPEN and request.market == market:
                    by_mark = request.stop_trigger is not None and request.stop_trigger.working_type is WorkingType.MARK_PRICE
                    held_against = self.marks.get(market, price) if by_mark else price
                    reached = book.resting[order.venue_order_id].meets(request, held_against)
                    if reached is not None:
                        self._execute(book, index, request.quantity, reached)

    def trade_outside(self, api_key: str, market: str, quantity: Decimal, client_order_id: str = "web_1") -> None:
        """Somebody else with access to the account, or the venue itself, trades `quantity` (signed) at the last price."""
        side = Side.BUY if quantity > 0 else Side.SELL
        request = OrderRequest(
            client_order_id=client_order_id,
            market=market,
            side=side,
            order_type=OrderType.MARKET,
            quantity=abs(quantity),
            reduce_only=False,
        )
        fills, self.fills_at_once = self.fills_at_once, True
        FakeExchange.place(self, api_key, request)
        self.fills_at_once = fills

    def fill(self, api_key: str, client_order_id: str, quantity: Decimal, price: Decimal | None = None) -> None:
        """Fill part or all of an open order."""
        book = self.books[api_key]
        index = self._open_index(book, client_order_id)
        if index is None:
            raise AssertionError(f"{client_order_id} is not open")
        self._execute(book, index, quantity, price or self.prices[book.orders[index][0].market])

    # -- what a test asks it -----------------------------------------------------------------------------------------------

    def orders(self, api_key: str, client_order_id: str | None = None) -> list[VenueOrder]:
        """Every order that got into the book of a key, oldest first."""
        held = self.books[api_key].orders
        return [order for _, order in held if client_order_id in (None, order.client_order_id)]

    def count(self, method: str) -> int:
        return sum(1 for request in self.requests if request.method == method)

    def net_position(self, api_key: str, market: str) -> Decimal:
        return self.books[api_key].net[market]

    def held(self, method: str, api_key: str) -> list[VenuePosition]:
        """The positions of a key, as a `Venue` method lists them."""
        if method in self.blank:
            return []
        book = self.books[api_key]
        return [
            VenuePosition(
                market=place.partition("|")[0],
                side=PositionSide.LONG if net > 0 else PositionSide.SHORT,
                quantity=abs(net),
                entry_price=book.entry_price[place],
                mark_price=self.prices[place.partition("|")[0]],
            )
            for place, net in book.net.items()
            if net != 0
        ]

    # -- what its accounts do ----------------------------------------------------------------------------------------------

    def receive(self, method: str, api_key: str, client_order_id: str | None = None) -> Book:
        """Record a request, refuse it if told to, and return the caller's book."""
        self.requests.append(Request(method, api_key, client_order_id))
        if api_key in self._revoked:
            raise Fatal("AUTHENTICATION_FAILED", "the key was revoked")
        if self._errors[method]:
            raise self._errors[method].popleft()
        return self.books[api_key]

    def create(self, api_key: str, request: OrderRequest) -> VenueOrder:
        fault = self.faults.popleft() if self.faults else Fault.NONE
        if fault is Fault.REJECT:
            raise Reject("INSUFFICIENT_FUNDS", "told to reject")
        if fault is Fault.WOULD_TRIGGER:
            raise Reject("WOULD_TRIGGER", "the market is beyond it")
        if fault is Fault.RETRY_LATER:
            raise RetryLater("RATE_LIMITED", "told to retry", after_seconds=5)
        if fault is Fault.FATAL:
            raise Fatal("AUTHENTICATION_FAILED", "told to be fatal")
        if fault is Fault.AMBIGUOUS_EXECUTED_LATE:
            self._late.append((api_key, request))
        order = None
        if fault in (Fault.NONE, Fault.AMBIGUOUS_EXECUTED):
            order = self.place(api_key, request)
        if order is None or fault is Fault.AMBIGUOUS_EXECUTED:
            raise Ambiguous("OUTCOME_UNKNOWN", "told to lose the answer")
        return replace(order, fee=None)  # the answer to an order does not tell its fee; a look at its trades does

    def place(self, api_key: str, request: OrderRequest) -> VenueOrder:
        book = self.books[api_key]
        if request.market not in self.prices:
            raise Reject("UNKNOWN_MARKET", request.market)
        if self._open_index(book, request.client_order_id) is not None:
            raise Reject("DUPLICATE_CLIENT_ORDER_ID", "an open order has this client id")
        if not request.order_type.has_limit and request.quantity > self.largest.get(request.market, request.quantity):
            raise Reject("QUANTITY_TOO_LARGE", "-4005 Quantity greater than max quantity.")
        if (request.position_side is not None) != (book.mode is PositionMode.HEDGE):
            raise Reject("POSITION_MODE_MISMATCH", "position side does not match the account's setting")
        if _must_reduce(request) and not request.order_type.is_conditional and not _reduces(book, request):
            raise Reject("VENUE_REJECTED", "a reduce-only order must reduce a position")
        last = self.prices[request.market]
        if request.post_only and is_marketable(request, last):
            raise Reject("ENTRY_NOT_FILLED", "it would be filled at once")
        short = self.liquidity is not None and request.quantity > self.liquidity
        if request.time_in_force is TimeInForce.FOK and (short or not is_marketable(request, last)):
            raise Reject("ENTRY_NOT_FILLED", "-5021 it could not be filled at once")
        self._numbers += 1
        order = VenueOrder(
            client_order_id=request.client_order_id, venue_order_id=str(self._numbers), status=VenueOrderStatus.OPEN, fee=ZERO
        )
        book.orders.append((request, order))
        if not request.order_type.is_conditional:
            self._take(book, request, last)
        return book.orders[-1][1]

    def _take(self, book: Book, request: OrderRequest, last: Decimal) -> None:
        """Fill the newest order as far as it can be filled at once; the rest of an immediate order is then gone."""
        immediate = request.time_in_force.is_immediate
        if is_marketable(request, last) and (self.fills_at_once or immediate):
            quantity = request.quantity if self.liquidity is None else min(request.quantity, self.liquidity)
            self._execute(book, len(book.orders) - 1, quantity, last)
        if immediate and book.orders[-1][1].status is VenueOrderStatus.OPEN:
            book.orders[-1] = (request, replace(book.orders[-1][1], status=VenueOrderStatus.CANCELLED))

    def _open_index(self, book: Book, client_order_id: str) -> int | None:
        for index, (_, order) in enumerate(book.orders):
            if order.client_order_id == client_order_id and order.status is VenueOrderStatus.OPEN:
                return index
        return None

    def _execute(self, book: Book, index: int, quantity: Decimal, price: Decimal) -> None:
        request, order = book.orders[index]
        wanted, place = min(quantity, request.quantity - order.filled_quantity), place_of(request)
        held = book.net[place]
        done = min(wanted, abs(held)) if _must_reduce(request) else wanted
        if _must_reduce(request) and not _reduces(book, request):
            book.orders[index] = (request, replace(order, status=VenueOrderStatus.CANCELLED))
            return
        signed = done if request.side is Side.BUY else -done
        if held == 0 or (held > 0) == (signed > 0):
            before = abs(held) * book.entry_price.get(place, ZERO)
            book.entry_price[place] = (before + done * price) / (abs(held) + done)
        elif abs(signed) > abs(held):
            book.entry_price[place] = price
        book.net[place] = held + signed
        charged = done * price * self.fee_rate
        quote = request.market.partition("/")[2].partition(":")[0]
        book.trades.append(
            VenueTrade(
                trade_id=str(len(book.trades) + 1),
                venue_order_id=order.venue_order_id,
                market=request.market,
                side=request.side,
                quantity=done,
                price=price,
                fee=charged if book.fee_coin is None else None,
                traded_at=self.now(),
                position_side=request.position_side,
                fee_paid=charged if book.fee_coin is None else charged / self.coin_price,
                fee_asset=book.fee_coin or quote,
            )
        )
        total = order.filled_quantity + done
        average = ((order.average_price or ZERO) * order.filled_quantity + price * done) / total
        status = VenueOrderStatus.FILLED if total == request.quantity or done < wanted else VenueOrderStatus.OPEN
        fee = None if book.fee_coin else (order.fee or ZERO) + charged
        filled = replace(order, status=status, filled_quantity=total, average_price=average, fee=fee)
        book.orders[index] = (request, filled)


@dataclass(frozen=True, slots=True)
class FakeVenue:
    """The exchange as one key sees it."""

    exchange: FakeExchange
    api_key: str

    @property
    def used_weight(self) -> int | None:
        return self.exchange.used_weight

    def _receive(self, method: str, market: str | None, client_order_id: str | None = None) -> Book:
        """The caller's book, unless the market fails."""
        book = self.exchange.receive(method, self.api_key, client_order_id)
        if market in self.exchange.failing:
            raise self.exchange.failing[market]
        return book

    def create_order(self, request: OrderRequest) -> VenueOrder:
        self._receive("create_order", request.market, request.client_order_id)
        return self.exchange.create(self.api_key, request)

    def find_order(self, intent: Intent) -> VenueOrder | None:
        self._receive("find_order", intent.market, intent.client_order_id)
        if self.exchange.hidden_lookups:
            self.exchange.hidden_lookups -= 1
            return None
        found = self.exchange.orders(self.api_key, intent.client_order_id)
        return found[-1] if found else None

    def cancel_order(self, intent: Intent) -> None:
        self._cancel("cancel_order", intent.client_order_id, intent.market)

    def cancel_open_order(self, order: VenueOpenOrder) -> None:
        self._cancel("cancel_open_order", order.client_order_id, order.market)

    def _cancel(self, method: str, client_order_id: str, market: str) -> None:
        book = self._receive(method, market, client_order_id)
        for index, (request, order) in enumerate(book.orders):
            if order.client_order_id == client_order_id and order.status is VenueOrderStatus.OPEN:
                book.orders[index] = (request, replace(order, status=VenueOrderStatus.CANCELLED))

    def set_market_settings(self, market: str, leverage: Decimal, margin_mode: MarginMode) -> None:
        book = self._receive("set_market_settings", market)
        book.leverage[market], book.margin_mode[market] = leverage, margin_mode

    def set_position_mode(self, mode: PositionMode) -> None:
        book = self.exchange.receive("set_position_mode", self.api_key)
        busy = any(book.net.values()) or any(order.status is VenueOrderStatus.OPEN for _, order in book.orders)
        if mode is not book.mode and busy:
            raise Reject("VENUE_REJECTED", "-4068 position side cannot be changed if there exists position")
        book.mode = mode

    def find_order_by_venue_id(self, market: str, venue_order_id: str) -> VenueOrder | None:
        book = self._receive("find_order_by_venue_id", market)
        found = (order for request, order in book.orders if (request.market, order.venue_order_id) == (market, venue_order_id))
        order = next(found, None)
        return None if order is None else replace(order, fee=None)

    def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
        book = self._receive("open_orders", market)
        if "open_orders" in self.exchange.blank:
            return []
        return [
            VenueOpenOrder(
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                market=request.market,
                side=request.side,
                quantity=request.quantity,
                trigger_price=request.trigger_price,
                is_conditional=request.order_type.is_conditional,
                reduce_only=_must_reduce(request),
            )
            for request, order in book.orders
            if order.status is VenueOrderStatus.OPEN and market in (None, request.market)
        ]

    def trades_since(self, market: str, since: datetime) -> Sequence[VenueTrade]:
        book = self._receive("trades_since", market)
        if "trades_since" in self.exchange.blank:
            return []
        return [trade for trade in book.trades if trade.market == market and trade.traded_at >= since]

    def positions(self) -> Sequence[VenuePosition]:
        self.exchange.receive("positions", self.api_key)
        return self.exchange.held("positions", self.api_key)

    def positions_in(self, market: str) -> Sequence[VenuePosition]:
        self._receive("positions_in", market)
        return [held for held in self.exchange.held("positions_in", self.api_key) if held.market == market]

    def balance(self, at: datetime) -> Balance:
        self.exchange.receive("balance", self.api_key)
        equity = self.exchange.equity
        return Balance(equity=equity, available=equity, as_of=at, assets={"USDT": equity, **self.exchange.equities})

    def trades_of(self, market: str, venue_order_id: str) -> Sequence[VenueTrade]:
        book = self.exchange.receive("trades_of", self.api_key)
        if "trades_of" in self.exchange.blank:
            return []
        return [trade for trade in book.trades if (trade.market, trade.venue_order_id) == (market, venue_order_id)]

    def funding(self, since: datetime, until: datetime) -> Sequence[VenueFunding]:
        book = self.exchange.receive("funding", self.api_key)
        return [paid for paid in book.funding if since <= paid.paid_at <= until][:FUNDING_AT_ONCE]

    def fee_rates(self, market: str, at: datetime) -> FeeRates:
        self.exchange.receive("fee_rates", self.api_key)
        return FeeRates(self.exchange.fee_rate, self.exchange.fee_rate, at)

    def leverage_caps(self, leverages: Mapping[str, Decimal], at: datetime) -> Mapping[str, LeverageCap]:
        self.exchange.receive("leverage_caps", self.api_key)
        return {market: LeverageCap(leverage, self.exchange.leverage_cap, at) for market, leverage in leverages.items()}

    def mark_of(self, asset: str, quote: str) -> Decimal:
        book = self.exchange.receive("mark_of", self.api_key)
        if asset != book.fee_coin:
            raise Reject("UNKNOWN_MARKET", f"{asset}{quote}")
        return self.exchange.coin_price

    def key_rights(self) -> KeyRights | None:
        self.exchange.receive("key_rights", self.api_key)
        return self.exchange.rights[self.api_key]


class FakeVenues:
    """Opens the exchange for an account's key; `connections` says for which (venue, account, credential version)."""

    def __init__(self, exchange: FakeExchange | None = None) -> None:
        self.exchange = exchange or FakeExchange()
        self.connections: list[tuple[str, str, str]] = []

    def connect(self, venue: str, account_id: str, credential_version: str, credentials: Credentials) -> FakeVenue:
        if not credentials.api_key:
            raise InvalidValue("a key must not be empty")
        self.connections.append((venue, account_id, credential_version))
        return FakeVenue(self.exchange, credentials.api_key)


def place_of(request: OrderRequest) -> str:
    """Where the venue keeps the position that an order is about."""
    return request.market if request.position_side is None else f"{request.market}|{request.position_side}"


def _must_reduce(request: OrderRequest) -> bool:
    """Whether an order can open nothing: by its flag, or in hedge mode by its side."""
    return request.reduce_only or (request.position_side is not None and request.side is Side.closing(request.position_side))


def _reduces(book: Book, request: OrderRequest) -> bool:
    """Whether there is something to reduce; in hedge mode not less than all of the order (Binance: -2022)."""
    held = book.net[place_of(request)]
    if request.position_side is not None and request.quantity > abs(held):
        return False
    return held > 0 if request.side is Side.SELL else held < 0
