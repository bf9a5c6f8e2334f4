"""The numbers that differ from venue to venue, in one place: a venue's bounds, and the times that it may take.

Binance's numbers are from https://developers.binance.com/docs/derivatives/usds-margined-futures (General Info). That page has
the time-out of the matching engine (-1007 after 10 s), the default recvWindow (5 s) and exchangeInfo's rateLimits. The page of an
endpoint has its "Request Weight". An unknown venue is treated as the slowest and the strictest that we can think of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
    INCOME = "INCOME"
    FEE_RATES = "FEE_RATES"
    LEVERAGE_BRACKETS = "LEVERAGE_BRACKETS"
    MARKET_SETTING = "MARKET_SETTING"  # leverage or margin mode
    FEW_CANDLES = "FEW_CANDLES"
    CANDLES = "CANDLES"
    MANY_CANDLES = "MANY_CANDLES"
    PRICE = "PRICE"  # last trade's, or mark price and funding
    BEST_PRICES = "BEST_PRICES"
    FUNDING_RATES = "FUNDING_RATES"
    MARKETS = "MARKETS"
    KEY_RIGHTS = "KEY_RIGHTS"
    PING = "PING"  # of the health probe


# Binance weighs requests for up to 99, 499 and 1,000 candles with 1, 2 and 5, and we never ask for more at once. A candle
# that a venue lacks is made of at most two shorter candles (ten minutes of five), so each candle counts twice.
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

    An order may appear in the venue's book until the settle window after its mark has passed: the sum of `send_window`,
    `processing_timeout`, `receive_window` and `settle_margin`. Only then can an order that is not found be absent. Raises
    `InvalidValue` for a weight below 0 or above a minute's budget.
    """

    send_window: timedelta
    """How long after its mark an order may leave us; a slower visit does not send it."""
    processing_timeout: timedelta
    """How long the venue may work on a request before it gives up."""
    receive_window: timedelta
    """How long after its signature the venue still accepts a request."""
    settle_margin: timedelta
    """Allowance for clocks that differ."""
    lookup_spacing: timedelta
    """Least pause between two lookups of an order: closer ones may see the same stale replica."""
    weight_per_minute: int
    """Weight of requests that the venue allows an egress address in a minute."""
    unlisted_weight: int
    """Weight of a request that `weights` does not list; 0 to `weight_per_minute`."""
    weights: Mapping[VenueRequest, int] = field(default_factory=dict)
    """Request to its weight; 0 to `weight_per_minute` each."""
    used_weight_header: str | None = None
    """Response header (lower case) that tells the weight used in this minute; None: the venue does not tell."""
    order_types: frozenset[OrderType] = frozenset(
        {OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}
    )
    """Order types that the venue takes."""
    callback_percent: tuple[Decimal, Decimal] | None = None
    """Least and most per cent of the venue's own trailing stops. None: the venue has none, and the reconciler moves ours."""
    funding_interval: timedelta = timedelta(hours=1)
    """Least time between two fundings, which are at whole multiples of it; zero: at any time."""
    takes_two_stops: bool = False
    """Whether a position may have a second stop, so that a stop is moved without a moment without one."""
    tells_key_rights: bool = False
    """Whether the venue says what a key may do."""
    shortest_good_till: timedelta | None = None
    """Least time until an order that rests may end by itself, at the moment of its arrival. None: the venue has no such end."""
    is_paper: bool = False
    """Whether the venue trades with play money: its results stand apart from those of real money."""

    def __post_init__(self) -> None:
        longest = max((*self.weights.values(), self.unlisted_weight))
        if min((*self.weights.values(), self.unlisted_weight)) < 0 or longest > self.weight_per_minute:
            raise InvalidValue("a request weighs between nothing and a whole minute's budget")

    @property
    def settle_window(self) -> timedelta:
        """How long after its mark an order may still come into being."""
        return self.send_window + self.processing_timeout + self.receive_window + self.settle_margin

    def good_till(self, wanted: datetime, marked: datetime) -> datetime | None:
        """When an order marked at `marked` ends by itself at the venue: as wanted, or as soon after as the venue allows.

        Whole seconds, rounded up, as Binance keeps them. None where the venue has no such end.
        """
        if self.shortest_good_till is None:
            return None
        soonest = marked + self.send_window + self.receive_window + self.settle_margin + self.shortest_good_till
        chosen = max(wanted, soonest)
        return chosen.replace(microsecond=0) + timedelta(seconds=bool(chosen.microsecond))

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
        """The weight that `times` requests take from the budget."""
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
            # An order takes no IP weight; it counts in its account's order rates (300 in 10 s). Beyond them the venue
            # refuses the order (-1015): certainly not placed. It waits as long as the venue says and goes while it is fresh.
            VenueRequest.PLACE_ORDER: 0,
            VenueRequest.CANCEL_ORDER: 1,
            VenueRequest.FIND_ORDER: 1,
            VenueRequest.TRADES: 5,
            VenueRequest.OPEN_ORDERS_OF_MARKET: 1,
            VenueRequest.OPEN_ORDERS: 40,
            VenueRequest.POSITIONS: 5,
            VenueRequest.BALANCE: 5,
            VenueRequest.INCOME: 30,
            VenueRequest.FEE_RATES: 20,
            VenueRequest.LEVERAGE_BRACKETS: 1,
            VenueRequest.MARKET_SETTING: 1,
            VenueRequest.FEW_CANDLES: 1,
            VenueRequest.CANDLES: 2,
            VenueRequest.MANY_CANDLES: 15,  # 1,500 candles of ten minutes are three full requests
            VenueRequest.PRICE: 1,
            VenueRequest.BEST_PRICES: 2,
            # "Get Funding Rate History" has no weight, and a limit of its own for an address: 500 in five minutes. Backtests
            # ask for it, which have 360 of a minute's weight: 45 such requests.
            VenueRequest.FUNDING_RATES: 8,
            VenueRequest.MARKETS: 1,
            VenueRequest.KEY_RIGHTS: 1,
            VenueRequest.PING: 1,
        }
    ),
    used_weight_header="x-mbx-used-weight-1m",
    order_types=frozenset(OrderType),
    callback_percent=(Decimal("0.1"), Decimal(10)),  # "New Algo Order"
    takes_two_stops=True,
    shortest_good_till=timedelta(seconds=600),  # "New Order": goodTillDate
    tells_key_rights=True,
)

# Our own exchange has the dialect, the times and the weights of the original; its operator sets the weight for an address. This
# number suits a shared exchange: many accounts behind one address, and a replay that outruns time.
# Its funding follows a market clock that the operator moves.
PAPER = replace(BINANCE_USDM, weight_per_minute=1_000_000, is_paper=True, funding_interval=timedelta(0))

# Nearly two minutes until an absence counts, and one request a second. Look up the numbers of each venue that you add.
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
    """The rules of a ccxt class, or of a venue that is named after its dialect; the most cautious ones for any other.

    A name may go on after a slash with one of the venue's hosts.
    """
    return _BY_DIALECT.get(ccxt_class_or_venue.partition("/")[0], CAUTIOUS)
