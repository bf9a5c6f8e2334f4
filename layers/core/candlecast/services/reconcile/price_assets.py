"""Prices of the assets that fees and funding are paid in, each asked for once in a look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from candlecast.domain.values.errors import Reject
from candlecast.domain.values.money import DOLLARS
from candlecast.ports.venue import Venue

ONE = Decimal(1)
LAST_RESORT = "USDT"  # the quote asset in which a venue has most perpetuals


@dataclass(slots=True)
class PriceAssets:
    """Asks one venue. The price is that of the look, minutes after the payment; the event of a correction states it."""

    venue: Venue
    _known: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)

    def of(self, assets: Iterable[str], quote: str) -> dict[str, Decimal]:
        """Units of `quote` for a unit of each asset; assets that the venue has no price for are left out."""
        found = {asset: self._price(asset, quote) for asset in sorted(assets)}
        return {asset: price for asset, price in found.items() if price is not None}

    def _price(self, asset: str, quote: str) -> Decimal | None:
        if asset == quote or {asset, quote} <= DOLLARS:
            return ONE
        if (asset, quote) not in self._known:
            self._known[asset, quote] = self._ask(asset, quote)
        return self._known[asset, quote]

    def _ask(self, asset: str, quote: str) -> Decimal | None:
        if not asset:
            return None
        try:
            return self.venue.mark_of(asset, quote)
        except Reject:
            return self._price(asset, LAST_RESORT) if quote in DOLLARS - {LAST_RESORT} else None
