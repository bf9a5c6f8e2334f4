"""The tradable markets and their rules: the filters and brackets that `exchangeInfo` and `leverageBracket` show."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.errors import OperatorError

BASIS_POINT = Decimal("0.0001")
TRIGGER_PROTECT = Decimal(
    "0.05"
)  # exchangeInfo's triggerProtect: how far apart mark and last price let a protected order trigger
MAX_LEVERAGE = 125  # the venue's highest for any symbol


@dataclass(frozen=True, slots=True)
class Bracket:
    """Notional range `[floor, cap)`: its highest leverage, maintenance rate, and the amount that makes the rates continuous."""

    floor: Decimal
    cap: Decimal
    leverage: int
    maintenance_rate: Decimal
    cumulative: Decimal


# The shape of the venue's brackets for its largest perpetual: leverage falls as notional grows.
_BRACKET_STEPS = (
    ("50000", 125, "0.004"),
    ("600000", 100, "0.005"),
    ("3000000", 75, "0.0065"),
    ("12000000", 50, "0.01"),
    ("70000000", 25, "0.02"),
    ("100000000", 20, "0.025"),
    ("230000000", 10, "0.05"),
    ("480000000", 5, "0.1"),
    ("600000000", 4, "0.125"),
    ("800000000", 3, "0.15"),
    ("1200000000", 2, "0.25"),
    ("1800000000", 1, "0.5"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """One linear perpetual. Rates are fractions (0.0005 is five basis points), prices in quote per base.

    `volume_share` is the part of a candle's volume that a resting order gets when the candle goes through it: a larger order
    fills in pieces. Zero means that it always fills in full. `delivery_ms` is the market time from which nothing is traded any
    more, zero if no end is announced.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal = Decimal(1_000_000)
    max_market_quantity: Decimal = Decimal(100_000)
    min_price: Decimal
    max_price: Decimal = Decimal(10_000_000)
    min_notional: Decimal = Decimal(5)
    multiplier_up: Decimal = Decimal("1.05")
    multiplier_down: Decimal = Decimal("0.95")
    max_orders: int = 200
    max_algo_orders: int = 100
    taker_fee: Decimal = Decimal("0.0005")
    maker_fee: Decimal = Decimal("0.0002")
    half_spread_bps: Decimal = Decimal(1)
    max_leverage: int = MAX_LEVERAGE
    volume_share: Decimal = Decimal(0)
    delivery_ms: int = 0

    def __post_init__(self) -> None:
        positive = ("tick_size", "step_size", "min_quantity", "max_quantity", "max_market_quantity", "min_price", "max_price")
        for name in positive:
            value = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise OperatorError("MARKET_INVALID", f"{self.symbol}: {name} must be above zero")
        for name in ("min_notional", "taker_fee", "maker_fee", "half_spread_bps", "volume_share"):
            value = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise OperatorError("MARKET_INVALID", f"{self.symbol}: {name} must not be negative")
        if not 1 <= self.max_leverage <= MAX_LEVERAGE:
            raise OperatorError("MARKET_INVALID", f"{self.symbol}: max_leverage must lie between 1 and {MAX_LEVERAGE}")

    def has_ended(self, market_ms: int) -> bool:
        """Whether the announced end has come."""
        return 0 < self.delivery_ms <= market_ms

    @property
    def price_decimals(self) -> int:
        return decimals(self.tick_size)

    @property
    def quantity_decimals(self) -> int:
        return decimals(self.step_size)

    def bid(self, price: Decimal) -> Decimal:
        """A seller's price when the last price is `price`, on the tick and never rounded in the seller's favour."""
        return price * (1 - self.half_spread_bps * BASIS_POINT) // self.tick_size * self.tick_size

    def ask(self, price: Decimal) -> Decimal:
        """A buyer's price when the last price is `price`, on the tick and never rounded in the buyer's favour."""
        exact = price * (1 + self.half_spread_bps * BASIS_POINT)
        floor = exact // self.tick_size * self.tick_size  # `//` of decimals goes towards zero, so a minus makes no ceiling of it
        return floor if floor == exact else floor + self.tick_size

    def touch(self, price: Decimal, *, buys: bool) -> Decimal:
        """The price of an order that takes: a buyer gets the ask, a seller the bid."""
        return self.ask(price) if buys else self.bid(price)

    def whole_steps(self, quantity: Decimal) -> Decimal:
        """The quantity rounded down to the market's step."""
        return quantity // self.step_size * self.step_size

    def brackets(self) -> tuple[Bracket, ...]:
        """Leverage brackets: those of the venue's largest perpetual, without those above the market's own leverage."""
        result: list[Bracket] = []
        cumulative = Decimal(0)
        previous_rate = Decimal(0)
        for cap, leverage, rate in _BRACKET_STEPS:
            if leverage > self.max_leverage:
                continue
            floor = result[-1].cap if result else Decimal(0)
            if result:
                cumulative += floor * (Decimal(rate) - previous_rate)
            previous_rate = Decimal(rate)
            result.append(Bracket(floor, Decimal(cap), leverage, Decimal(rate), cumulative))
        return tuple(result)

    def bracket_of(self, notional: Decimal) -> Bracket:
        """The bracket that a position of `notional` quote units falls into (the last one if it is larger than all)."""
        brackets = self.brackets()
        return next((bracket for bracket in brackets if notional < bracket.cap), brackets[-1])

    @property
    def highest_leverage(self) -> int:
        """The highest leverage that may be set: that of the first bracket."""
        return self.brackets()[0].leverage

    def max_notional(self, leverage: int) -> Decimal:
        """The largest position that the brackets allow at `leverage`, or at the market's highest if that is lower."""
        allowed = min(leverage, self.highest_leverage)
        return max(bracket.cap for bracket in self.brackets() if bracket.leverage >= allowed)


def decimals(step: Decimal) -> int:
    """Digits behind the point of a tick or step size: 0.10 has one."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
