"""A venue made of candles: it keeps the orders of one market and fills them, one after another, as the candles allow.

A candle has three moments. At its open and at its close there is one price. Inside, the order of prices is unknown, so the worse
one counts. First the market goes against the position, level by level, then with it. So a stop comes before a target, and a limit
that adds to a losing position comes before its stop. A candle that opens beyond a stop or a target fills it at the open. A stop
that was placed inside a candle is filled by all of that candle, any other order by its close alone.

An order is filled whole. An order that only reduces is filled as far as something is held.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto

from candlecast.backtest.fills import COSTS, HIGHEST_FEE
from candlecast.domain.backtests.market_fill import Slippage, market_fill
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, payment, require_decimal
from candlecast.domain.values.terms import OrderType, Side, TimeInForce
from candlecast.domain.venue.reports import OrderRequest, VenueOrder, VenueOrderStatus

MAKER_TYPES = (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)


class Moment(Enum):
    """The part of a candle that is played."""

    OPEN = auto()
    INSIDE = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle of the venue, in quote units; `opens_at` and `closes_at` in UTC."""

    row: int
    opens_at: datetime
    closes_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Shares of the notional: `maker` of a limit order that has rested (below zero: a rebate), `taker` of all others.

    Raises `InvalidValue` COSTS_INVALID.
    """

    maker: Decimal = ZERO
    taker: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in ("maker", "taker"):
            if abs(require_decimal(name, getattr(self, name))) > HIGHEST_FEE:
                raise InvalidValue(f"a fee is a share of the notional, at most {HIGHEST_FEE}", code=COSTS)
        if self.taker < 0:
            raise InvalidValue("a taker pays a fee", code=COSTS)


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled order as the venue reports it, with the facts that the report lacks. `price` includes slippage."""

    order: VenueOrder
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool


@dataclass(slots=True)
class _Resting:
    """An order of the book. `best` is the best price of a trailing stop once it follows."""

    request: OrderRequest
    venue_order_id: str
    born_inside: int | None  # row of the candle inside which it was placed
    is_triggered: bool = False
    best: Decimal | None = None
    until: datetime | None = None

    @property
    def sign(self) -> int:
        return 1 if self.request.side is Side.BUY else -1


@dataclass(slots=True)
class CandleVenue:
    """The book of one market and the net quantity that is held (below zero: short)."""

    market: Market
    fees: Fees
    slippage: Slippage
    held: Decimal = ZERO
    bar: Bar | None = None
    moment: Moment = Moment.OPEN
    fills: list[Fill] = field(default_factory=list)
    _book: dict[str, _Resting] = field(default_factory=dict)
    _count: int = 0

    def begin(self, bar: Bar, moment: Moment) -> None:
        """Go on to a moment of a candle, never back. Trailing stops follow the open first: every path begins there."""
        self.bar, self.moment = bar, moment
        if moment is Moment.INSIDE:
            for order in self._book.values():
                if order.request.order_type is OrderType.TRAILING_STOP:
                    _follow(order, bar.open)

    def create_order(self, request: OrderRequest, until: datetime | None = None) -> VenueOrder:
        """Take an order: a market order is filled at once, any other rests until `next_fill`.

        `until` is the end of an entry that rests: an entry is filled inside a candle only if it outlives the candle. A limit
        order that would be filled at once pays as a taker. A post-only order ends instead. An immediate order that would rest
        ends too.
        """
        bar = self._now()
        self._count += 1
        order = _Resting(request, f"B{self._count}", bar.row if self.moment is Moment.INSIDE else None, until=until)
        if request.order_type is OrderType.MARKET:
            return self._filled(order, self.price, is_maker=False)
        if request.order_type is OrderType.LIMIT:
            return self._limit(order)
        self._book[request.client_order_id] = order
        if request.order_type is OrderType.TRAILING_STOP and request.trigger_price is None:
            order.best = self.price
        return _report(order, VenueOrderStatus.OPEN)

    def cancel(self, client_order_id: str) -> None:
        """Take an order out of the book, if it is there."""
        self._book.pop(client_order_id, None)

    def next_fill(self, liquidation: Decimal | None = None) -> VenueOrder | None:
        """The next order that the present moment fills or ends; None when nothing more happens in it.

        The caller records each answer, and places and cancels the orders that follow from it, before it asks again. Where the
        moment reaches the price of `liquidation`, only the orders on the way there are filled.
        """
        if self.moment is Moment.CLOSE:
            return None
        found = [(key, order) for order in list(self._book.values()) if (key := self._reached(order)) is not None]
        if liquidation is not None and self.reaches(liquidation):
            way = abs(liquidation - self._now().open) if self.moment is Moment.INSIDE else ZERO
            found = [each for each in found if each[0][0] == 0 and each[0][1] <= way]
        if not found:
            return None
        (_, _, price, is_maker), order = min(found, key=lambda each: each[0][:2])
        del self._book[order.request.client_order_id]
        return self._filled(order, price, is_maker=is_maker)

    def reaches(self, price: Decimal) -> bool:
        """Whether the moment has reached a price against the position that is held."""
        bar = self._now()
        if self.moment is not Moment.INSIDE:
            return (self.price - price) * self.held <= 0
        return bar.low <= price if self.held > 0 else bar.high >= price

    @property
    def price(self) -> Decimal:
        """The price of the moment; inside a candle the close, which is the only one that surely follows."""
        bar = self._now()
        return bar.open if self.moment is Moment.OPEN else bar.close

    def end(self) -> VenueOrder | None:
        """The next trailing stop that the candle fills with certainty by its close; all others follow its best price.

        It is filled at the close. The level below the candle's best price is the best that it may have had inside. Fills at that
        level earned 7 basis points a trade in a market without drift, at a callback of half a candle's range.
        """
        bar = self._now()
        for order in list(self._book.values()):
            if order.request.order_type is not OrderType.TRAILING_STOP:
                continue
            best = bar.high if order.request.side is Side.SELL else bar.low
            _follow(order, bar.close if order.born_inside == bar.row else best)
            level = _trailing_level(order)
            if level is not None and (bar.close - level) * order.sign >= 0:
                del self._book[order.request.client_order_id]
                return self._filled(order, bar.close, is_maker=False)
        return None

    def levels(self) -> tuple[Decimal | None, Decimal | None] | None:
        """The prices between which nothing happens to the book; None for an open side. None if every candle has to be seen."""
        below, above = list[Decimal](), list[Decimal]()
        for order in self._book.values():
            if order.request.order_type is OrderType.TRAILING_STOP:
                return None
            level, rises = _level(order)
            (above if rises else below).append(level)
        return max(below, default=None), min(above, default=None)

    # -- inside ------------------------------------------------------------------------------------------------------------

    def _now(self) -> Bar:
        if self.bar is None:
            raise ValueError("no candle has begun")
        return self.bar

    def _limit(self, order: _Resting) -> VenueOrder:
        request, price = order.request, self.price
        limit = _limit_price(request)
        if (limit - price) * order.sign >= 0:
            return _report(order, VenueOrderStatus.CANCELLED) if request.post_only else self._filled(order, price, is_maker=False)
        if request.time_in_force is not TimeInForce.GTC:
            return _report(order, VenueOrderStatus.CANCELLED)
        self._book[request.client_order_id] = order
        return _report(order, VenueOrderStatus.OPEN)

    def _reached(self, order: _Resting) -> tuple[int, Decimal, Decimal, bool] | None:
        """Whether the moment fills the order: against the position (0) or with it (1), the way there, price, maker."""
        bar, request = self._now(), order.request
        if order.until is not None and order.until < (bar.closes_at if self.moment is Moment.INSIDE else bar.opens_at):
            return None
        if request.order_type is OrderType.TRAILING_STOP and _trailing_level(order) is None:
            return None
        level, rises = _level(order)
        favours = int(not _is_adverse(order))
        if self.moment is Moment.OPEN:
            if not _is_beyond(bar.open, level, rises=rises):
                return None
            return self._at(order, favours, ZERO, bar.open, level, opened=True)
        furthest = bar.high if rises else bar.low
        if order.born_inside == bar.row and (favours or not request.reduce_only):
            furthest = bar.close
        if not _is_beyond(furthest, level, rises=rises):
            return None
        return self._at(order, favours, abs(level - bar.open), level, level, opened=False)

    def _at(
        self, order: _Resting, favours: int, way: Decimal, price: Decimal, level: Decimal, *, opened: bool
    ) -> tuple[int, Decimal, Decimal, bool] | None:
        """The fill of an order whose level is reached; a stop-limit beyond its limit rests as a limit order from now on."""
        kind = order.request.order_type
        if kind is OrderType.LIMIT or order.is_triggered:
            return favours, way, level, True  # an order in the book is filled before the market goes further
        if kind is OrderType.TAKE_PROFIT_LIMIT:
            return favours, way, price, not opened
        if kind is not OrderType.STOP_LIMIT:
            return favours, way, price, False
        if (_limit_price(order.request) - price) * order.sign >= 0:
            return favours, way, price, False
        order.is_triggered = True
        order.born_inside = None if opened else self._now().row
        return None

    def _filled(self, order: _Resting, price: Decimal, *, is_maker: bool) -> VenueOrder:
        request, bar = order.request, self._now()
        quantity = min(request.quantity, max(ZERO, -self.held * order.sign)) if request.reduce_only else request.quantity
        if quantity <= 0:
            return _report(order, VenueOrderStatus.CANCELLED)
        if not is_maker:
            price = self._slipped(order, price, bar)
        fee = payment(quantity * price * (self.fees.maker if is_maker else self.fees.taker))
        self.held += quantity * order.sign
        report = VenueOrder(
            client_order_id=request.client_order_id,
            venue_order_id=order.venue_order_id,
            status=VenueOrderStatus.FILLED,
            filled_quantity=quantity,
            average_price=price,
            fee=fee,
        )
        self.fills.append(Fill(report, request.side, quantity, price, fee, is_maker))
        return report

    def _slipped(self, order: _Resting, price: Decimal, bar: Bar) -> Decimal:
        """The price after slippage, never beyond the order's own limit."""
        moved = market_fill(self.market, order.request.side, price, bar, self.slippage)
        if order.request.order_type not in MAKER_TYPES:
            return moved
        limit = _limit_price(order.request)
        return min(moved, limit) if order.sign > 0 else max(moved, limit)


def _report(order: _Resting, status: VenueOrderStatus) -> VenueOrder:
    return VenueOrder(client_order_id=order.request.client_order_id, venue_order_id=order.venue_order_id, status=status)


def _limit_price(request: OrderRequest) -> Decimal:
    if request.price is None:
        raise InvalidValue("a limit order has a price")
    return request.price


def _level(order: _Resting) -> tuple[Decimal, bool]:
    """The price at which something happens to an order, and whether the market must rise to it."""
    request, buys = order.request, order.request.side is Side.BUY
    if request.order_type is OrderType.LIMIT or order.is_triggered:
        return _limit_price(request), not buys
    if request.order_type is OrderType.TRAILING_STOP:
        level = _trailing_level(order)
        if level is None:
            raise ValueError("a trailing stop that does not follow yet has no level")
        return level, buys
    if request.trigger_price is None:
        raise InvalidValue("a conditional order has a trigger price")
    is_target = request.order_type in (OrderType.TAKE_PROFIT_MARKET, OrderType.TAKE_PROFIT_LIMIT)
    return request.trigger_price, buys is not is_target


def _is_adverse(order: _Resting) -> bool:
    """Whether the market goes against the order's position on its way to the level: stops that close, limits that enter."""
    is_limit = order.request.order_type is OrderType.LIMIT or order.is_triggered
    is_stop = order.request.order_type in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)
    return is_stop and not is_limit if order.request.reduce_only else is_limit


def _is_beyond(price: Decimal, level: Decimal, *, rises: bool) -> bool:
    return price >= level if rises else price <= level


def _trailing_level(order: _Resting) -> Decimal | None:
    """The level of a trailing stop; None while it does not follow yet."""
    if order.best is None or order.request.callback_percent is None:
        return None
    return order.best * (1 + order.sign * order.request.callback_percent / 100)


def _follow(order: _Resting, reached: Decimal) -> None:
    """Move the best price of a trailing stop to a price; one that waits begins with the price that reaches its activation."""
    rises, begins = order.request.side is Side.SELL, order.request.trigger_price
    if order.best is None:
        order.best = reached if begins is None or _is_beyond(reached, begins, rises=rises) else None
    else:
        order.best = max(order.best, reached) if rises else min(order.best, reached)
