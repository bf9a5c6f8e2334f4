"""The price at which a backtest fills an order at market: for the engine, and for followers' fills beside the engine's."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Protocol

from candlecast.domain.market.candle import Candle
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal
from candlecast.domain.values.terms import Side

BASIS_POINTS = 10_000  # in one
MAX_SLIPPAGE_BPS = 1_000  # a tenth of the price; more is a mistake of units
COSTS_INVALID = "COSTS_INVALID"


class PriceRange(Protocol):
    """Any candle."""

    @property
    def high(self) -> Decimal: ...
    @property
    def low(self) -> Decimal: ...


@dataclass(frozen=True, kw_only=True)
class Slippage:
    """The distance of a fill at market from its price, always against the order; the parts add up.

    `bps` is in basis points of the price, `half_spread` in quote units. `range_share` is a share of the candle's high less low.
    Raises `InvalidValue` COSTS_INVALID.
    """

    bps: Decimal = ZERO
    half_spread: Decimal = ZERO
    range_share: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in ("bps", "half_spread", "range_share"):
            if require_decimal(name, getattr(self, name)) < 0:
                raise InvalidValue("slippage is not negative", code=COSTS_INVALID)
        if self.bps > MAX_SLIPPAGE_BPS or self.range_share > 1:
            raise InvalidValue(
                f"slippage is at most {MAX_SLIPPAGE_BPS} basis points and one range of the candle", code=COSTS_INVALID
            )

    def distance(self, price: Decimal, bar: PriceRange) -> Decimal:
        return price * self.bps / BASIS_POINTS + self.half_spread + self.range_share * (bar.high - bar.low)


PLATFORM_SLIPPAGE = Slippage(bps=Decimal(2))  # of each fill on the platform's own terms: several spreads of the large markets


def market_fill(market: Market, side: Side, price: Decimal, bar: PriceRange, slippage: Slippage) -> Decimal:
    """The price after slippage, on the tick away from the order; the noise of floats costs no tick."""
    buys = side is Side.BUY
    moved = market.round_price(price) + (1 if buys else -1) * slippage.distance(price, bar)
    step = market.price_step
    return max((moved / step).to_integral_value(ROUND_CEILING if buys else ROUND_FLOOR) * step, step)


def next_open_fill(market: Market, side: Side, following: Candle, slippage: Slippage = PLATFORM_SLIPPAGE) -> Decimal:
    """The fill of a decision at the open of the candle that follows: the engine's default (`FillAt.NEXT_OPEN`)."""
    return market_fill(market, side, following.open, following, slippage)
