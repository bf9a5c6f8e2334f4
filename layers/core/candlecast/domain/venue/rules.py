"""What a venue allows and how long it may take: the numbers that differ from venue to venue, in one place.

Binance's are from https://developers.binance.com/docs/derivatives/usds-margined-futures: "General Info" (10 s without an answer
from the matching engine end as -1007; recvWindow is 5,000 ms by default; exchangeInfo's rateLimits), and each endpoint's "Request
Weight". A venue of which nothing is known is treated as the slowest and the strictest that we can think of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import OrderType


class VenueRequest(StrEnum):
    """Requests that we make of a venue, as far as their weights differ."""

    PLACE_ORDER = "PLACE_ORDER"
    CANCEL_ORDER = "CANCEL_ORDER"
    FIND_ORDER = "FIND_ORDER"
    TRADES = "TRADES"
    OPEN_ORDERS_OF_MARKET = "OPEN_ORDERS_OF_MARKET"
    OPEN_ORDERS = "OPEN_ORDERS"
    POSITIONS = "POSITIONS"
    BALANCE = "BALANCE"
    MARKET_SETTING = "MARKET_SETTING"  # leverage or margin mode
    FEW_CANDLES = "FEW_CANDLES"
    CANDLES = "CANDLES"
    MANY_CANDLES = "MANY_CANDLES"
    PRICE = "PRICE"  # last trade's, or mark price and funding
    BEST_PRICES = "BEST_PRICES"
    MARKETS = "MARKETS"


# Binance weighs requests for up to 99, 499 and 1,000 candles with 1, 2 and 5, and we never ask for more at once. A length that a
# venue lacks is made of shorter ones, of twice as many at most (ten minutes of five), so a candle counts twice.
FEW_CANDLES = 49
MANY_CANDLES = 250


def request_for_candles(count: int) -> VenueRequest:
    """Which request asking for the last `count` candles is."""
    if count >= MANY_CANDLES:
        return VenueRequest.MANY_CANDLES
    return VenueRequest.FEW_CANDLES if count <= FEW_CANDLES else VenueRequest.CANDLES


@dataclass(frozen=True, kw_only=True)
class VenueRules:
    """One dialect's rules.

    The settle window is how long after its mark an order may still appear in the venue's book: we send within `send_window` of
    the mark or not at all; the venue refuses what arrives later than `receive_window` after it was signed, and gives up within
    `processing_timeout`; `settle_margin` is for clocks that differ. Only then can an order that is not found be absent, and two
    look-ups closer than `lookup_spacing` may see the same stale replica.

    `weights` is what a request takes from an egress address's `weight_per_minute`; `unlisted_weight` that of a request which is
    not in it. `used_weight_header` is the header (lower case) in which the venue says what the address has used in this minute.

    `order_types` are those that the venue takes; `callback_percent` the least and the most of its trailing stops (None: it has
    none, and ours are moved by the reconciler); `takes_two_stops` says that a position may have a second stop, so that a stop is
    moved without a moment without one.
    """

    send_window: timedelta
    processing_timeout: timedelta
    receive_window: timedelta
    settle_margin: timedelta
    lookup_spacing: timedelta
    weight_per_minute: int
    unlisted_weight: int
    weights: Mapping[VenueRequest, int] = field(default_factory=dict)
    used_weight_header: str | None = None
    order_types: frozenset[OrderType] = frozenset(
        {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}
    )
    callback_percent: tuple[Decimal, Decimal] | None = None
    takes_two_stops: bool = False

    def __post_init__(self) -> None:
        longest = max((*self.weights.values(), self.unlisted_weight))
        if min((*self.weights.values(), self.unlisted_weight)) < 0 or longest > self.weight_per_minute:
            raise InvalidValue("a request weighs between nothing and a whole minute's budget")

    @property
    def settle_window(self) -> timedelta:
        """How long after its mark an order may still come into being."""
        return self.send_window + self.processing_timeout + self.receive_window + self.settle_margin

    def trails(self, percent: Decimal | None) -> bool:
        """Whether the venue itself can keep a stop `percent` behind the best price."""
        if percent is None or self.callback_percent is None:
            return False
        least, most = self.callback_percent
        return least <= percent <= most

    def lists_at_once(self, markets: int) -> bool:
        """Whether the open orders of so many markets cost less if they are asked for in all markets at once."""
        return self.weight_of(VenueRequest.OPEN_ORDERS) < self.weight_of(VenueRequest.OPEN_ORDERS_OF_MARKET, markets)

    def weight_of(self, request: VenueRequest, times: int = 1) -> int:
        """What `times` requests take from the budget."""
        return self.weights.get(request, self.unlisted_weight) * times


SEND_WINDOW = timedelta(seconds=5)  # ours, not a venue's: a slower visit leaves the leg to the reconciler

BINANCE_USDM = VenueRules(
    send_window=SEND_WINDOW,
    processing_timeout=timedelta(seconds=10),
    receive_window=timedelta(seconds=5),
    settle_margin=timedelta(seconds=5),
    lookup_spacing=timedelta(seconds=3),
    weight_per_minute=2_400,
    unlisted_weight=40,  # the heaviest that we know of, lest something new goes unnoticed
    weights=MappingProxyType(
        {
            # An order takes no IP weight; it counts in its account's order rates (300 in 10 s). Beyond them the venue refuses it
            # (-1015): certainly not placed, so it waits as long as the venue says and goes while it is fresh.
            VenueRequest.PLACE_ORDER: 0,
            VenueRequest.CANCEL_ORDER: 1,
            VenueRequest.FIND_ORDER: 1,
            VenueRequest.TRADES: 5,
            VenueRequest.OPEN_ORDERS_OF_MARKET: 1,
            VenueRequest.OPEN_ORDERS: 40,
            VenueRequest.POSITIONS: 5,
            VenueRequest.BALANCE: 5,
            VenueRequest.MARKET_SETTING: 1,
            VenueRequest.FEW_CANDLES: 1,
            VenueRequest.CANDLES: 2,
            VenueRequest.MANY_CANDLES: 15,  # 1,500 candles of ten minutes are three full requests
            VenueRequest.PRICE: 1,
            VenueRequest.BEST_PRICES: 2,
            VenueRequest.MARKETS: 1,
        }
    ),
    used_weight_header="x-mbx-used-weight-1m",
    order_types=frozenset(OrderType),
    callback_percent=(Decimal("0.1"), Decimal(10)),  # "New Algo Order"
    takes_two_stops=True,
)

# Our own exchange speaks the same dialect, takes its time and weighs like the original; what it allows an address, its operator
# says. This is what the operator of a shared one sets: many accounts behind one address, and a replay that outruns time.
PAPER = replace(BINANCE_USDM, weight_per_minute=1_000_000)

# Nearly two minutes until an absence counts, and one request a second: whoever adds a venue looks its own numbers up.
CAUTIOUS = VenueRules(
    send_window=SEND_WINDOW,
    processing_timeout=timedelta(seconds=30),
    receive_window=timedelta(seconds=60),  # the longest that a venue of Binance's kind accepts, for one that has no default
    settle_margin=timedelta(seconds=15),
    lookup_spacing=timedelta(seconds=10),
    weight_per_minute=60,
    unlisted_weight=1,
)

_BY_DIALECT: Mapping[str, VenueRules] = MappingProxyType({"binanceusdm": BINANCE_USDM, "paper": PAPER})


def rules_of(ccxt_class_or_venue: str) -> VenueRules:
    """The rules of a ccxt class, or of a venue that is named after its dialect; the most cautious ones for any other."""
    return _BY_DIALECT.get(ccxt_class_or_venue, CAUTIOUS)
