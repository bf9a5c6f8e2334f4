"""A market of a venue with the filters that an order must pass."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import floor_to_step, require_decimal, require_utc, round_to_step
from candlecast.domain.values.terms import PositionSide


def quote_of(symbol: str) -> str:
    """The quote asset of a unified symbol, such as BTC/USDT:USDT; empty for another name."""
    return symbol.partition("/")[2].partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Market:
    """One market, with its filters in the venue's units.

    `symbol` is unified (`BTC/USDT:USDT`), `venue_symbol` the venue's own (`BTCUSDT`). Prices are quote per base, quantities base
    units, notionals quote units. Fees are fractions of the notional.
    """

    symbol: str
    venue_symbol: str
    base: str
    quote: str
    price_step: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    taker_fee: Decimal
    delists_at: datetime | None = None
    """When the venue ends the market, as announced, or when it was found to be no longer listed (UTC); None for all others."""
    multiplier_up: Decimal | None = None
    """The most that a buyer's limit price may be of the mark (filter PERCENT_PRICE); None where the venue has no such filter."""
    multiplier_down: Decimal | None = None
    """The least that a seller's limit price may be of the mark; None where the venue has no such filter."""

    def __post_init__(self) -> None:
        for name in ("price_step", "quantity_step", "max_quantity"):
            require_decimal(name, getattr(self, name), positive=True)
        for name in ("min_quantity", "min_notional", "taker_fee"):
            require_decimal(name, getattr(self, name), non_negative=True)
        for name in ("multiplier_up", "multiplier_down"):
            if getattr(self, name) is not None:
                require_decimal(name, getattr(self, name), positive=True)
        if not self.symbol:
            raise InvalidValue("symbol must not be empty")
        if self.delists_at is not None:
            require_utc("delists_at", self.delists_at)

    @property
    def takes_entries(self) -> bool:
        """Whether positions may be opened: not from the announcement of the market's end on."""
        return self.delists_at is None

    def has_ended(self, now: datetime) -> bool:
        """Whether the venue has delisted the market."""
        return self.delists_at is not None and self.delists_at <= now

    def furthest_price(self, reference: Decimal, side: PositionSide) -> Decimal | None:
        """The worst limit price that the venue takes of an entry on this side; None without the filter PERCENT_PRICE."""
        multiplier = self.multiplier_up if side is PositionSide.LONG else self.multiplier_down
        return None if multiplier is None else reference * multiplier

    def round_quantity(self, quantity: Decimal) -> Decimal:
        """Quantity rounded down to the venue's step."""
        return floor_to_step(quantity, self.quantity_step)

    def round_price(self, price: Decimal) -> Decimal:
        """Price rounded to the venue's tick."""
        return round_to_step(price, self.price_step)
