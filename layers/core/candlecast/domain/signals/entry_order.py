"""How an entry is ordered: at once at market, or at a price that the market has to come to.

A signal may ask for a type, a subscription may prefer a type; without either the type is MARKET. Exits are always at market:
they must end.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal
from candlecast.domain.values.terms import TimeInForce

MAX_REST_SECONDS = 86_400  # a decision about a market is hardly worth more a day later, and a resting entry blocks its position
MAX_OFFSET_BPS = Decimal(1_000)  # 10 %: beyond it nobody means the signal's price any more


class EntryType(StrEnum):
    """Order types of an entry."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"  # at `price` or better
    STOP = "STOP"  # at market once `trigger_price` is reached
    STOP_LIMIT = "STOP_LIMIT"  # at `price` or better once `trigger_price` is reached

    @property
    def has_price(self) -> bool:
        return self in (EntryType.LIMIT, EntryType.STOP_LIMIT)

    @property
    def has_trigger(self) -> bool:
        return self in (EntryType.STOP, EntryType.STOP_LIMIT)


@dataclass(frozen=True, kw_only=True)
class EntryOrder:
    """An entry as a signal asks for it; prices in quote units.

    `post_only` refuses to be filled at once (a maker's fee, or no fill). `rests_seconds` is how long the order may rest, counted
    from the signal's time (None: as long as the signal is fresh). Raises `InvalidValue` (ENTRY_ORDER_INVALID).
    """

    type: EntryType = EntryType.MARKET
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    rests_seconds: int | None = None

    def __post_init__(self) -> None:
        for name, wanted in (("price", self.type.has_price), ("trigger_price", self.type.has_trigger)):
            value = getattr(self, name)
            if (value is not None) != wanted:
                raise InvalidValue(
                    f"an entry of type {self.type} has {'a' if wanted else 'no'} {name}", code="ENTRY_ORDER_INVALID"
                )
            if value is not None:
                require_decimal(name, value, positive=True)
        _require_terms(self.type, self.time_in_force, self.post_only)
        require_rest(self.rests_seconds)


@dataclass(frozen=True, kw_only=True)
class EntryPreference:
    """How a subscription wants entries that their signal asks nothing of: at market, or as a LIMIT near the signal's price.

    `offset_bps` is by how many basis points the limit is better than the signal's price (negative: worse, to be filled sooner).
    Raises `InvalidValue` (ENTRY_ORDER_INVALID).
    """

    type: EntryType = EntryType.MARKET
    offset_bps: Decimal = Decimal(0)
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    rests_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.type.has_trigger:
            raise InvalidValue("only a signal knows where a stop entry triggers", code="ENTRY_ORDER_INVALID")
        if abs(require_decimal("offset_bps", self.offset_bps)) > MAX_OFFSET_BPS:
            raise InvalidValue(f"offset_bps must be between -{MAX_OFFSET_BPS} and {MAX_OFFSET_BPS}", code="ENTRY_ORDER_INVALID")
        _require_terms(self.type, self.time_in_force, self.post_only)
        require_rest(self.rests_seconds)

    def order_at(self, price: Decimal, sign: int) -> EntryOrder:
        """The order that it asks for at a signal's `price`, not rounded to the tick; `sign` is that of the position's side."""
        if self.type is EntryType.MARKET:
            return EntryOrder(rests_seconds=self.rests_seconds)
        return EntryOrder(
            type=self.type,
            price=price * (1 - sign * self.offset_bps / 10_000),
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            rests_seconds=self.rests_seconds,
        )


def require_rest(seconds: int | None) -> None:
    """Raise `InvalidValue` (ENTRY_ORDER_INVALID) unless an order may rest that long."""
    if seconds is not None and not 1 <= seconds <= MAX_REST_SECONDS:
        raise InvalidValue(f"rests_seconds must be between 1 and {MAX_REST_SECONDS}", code="ENTRY_ORDER_INVALID")


def _require_terms(entry_type: EntryType, time_in_force: TimeInForce, post_only: bool) -> None:
    if (post_only or time_in_force.is_immediate) and entry_type is not EntryType.LIMIT:
        raise InvalidValue("post_only, IOC and FOK are terms of a LIMIT entry", code="ENTRY_ORDER_INVALID")
    if post_only and time_in_force.is_immediate:
        raise InvalidValue("an order that must rest cannot be immediate", code="ENTRY_ORDER_INVALID")
