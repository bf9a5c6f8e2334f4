"""A venue's quote of a market: signals are judged by it, and limits on money, price, spread and funding compare with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc


@dataclass(frozen=True)
class Quote:
    """Best prices, mark price and funding rate (a fraction per 8 hours; None where there is none) as of an instant."""

    bid: Decimal
    ask: Decimal
    mark_price: Decimal
    as_of: datetime
    funding_rate: Decimal | None = None

    def __post_init__(self) -> None:
        for name in ("bid", "ask", "mark_price"):
            require_decimal(name, getattr(self, name), positive=True)
        if self.bid > self.ask:
            raise InvalidValue("a quote's bid is not above its ask")
        if self.funding_rate is not None:
            require_decimal("funding_rate", self.funding_rate)
        require_utc("as_of", self.as_of)
