"""The fills of a backtest: their time, and their costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from candlecast.domain.values.errors import InvalidValue

HIGHEST_FEE = 0.1  # of the notional; a fee in per cent instead of a share is above it
HIGHEST_SLIPPAGE_BPS = 1_000  # a tenth of the price; more is a mistake of units
BASIS_POINTS = 10_000  # in one
COSTS = "COSTS_INVALID"


class FillAt(StrEnum):
    """When a decision is filled: at the open of the next candle, or at the close of its own candle.

    A decision is made once its candle has closed, so a live order is filled near the next open. The close is the convention of
    other engines, and flatters a strategy whose orders move the price.
    """

    NEXT_OPEN = "next_open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The costs of a fill beyond its price.

    `taker_fee` is a share of the notional, of each side; no choice of trades depends on it. `slippage_bps` is the distance of a
    fill from the price in basis points, always against the order. Raises `InvalidValue` COSTS_INVALID below 0 and for absurdly
    high values.
    """

    taker_fee: float = 0.0
    slippage_bps: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.taker_fee <= HIGHEST_FEE:
            raise InvalidValue(f"a fee is a share of the notional, from 0 to {HIGHEST_FEE}, not {self.taker_fee}", code=COSTS)
        if not 0 <= self.slippage_bps <= HIGHEST_SLIPPAGE_BPS:
            raise InvalidValue(f"slippage is from 0 to {HIGHEST_SLIPPAGE_BPS} basis points, not {self.slippage_bps}", code=COSTS)

    @property
    def slippage(self) -> float:
        """The distance as a share of the price."""
        return self.slippage_bps / BASIS_POINTS
