"""The bounds that all accounts of an organisation share; `domain/pools/pool.py` divides them among slots.

Every order message carries the bounds, and functions that only pass messages on need nothing else of a pool.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import ZERO, require_decimal

UNBOUNDED = Decimal(10) ** 15  # what is free where nothing is limited: above any money
MAX_POSITIONS_POOLED = 100_000
MAX_ORDERS_POOLED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class PoolBounds:
    """Bounds that all accounts of an organisation share; None is not limited. Money in quote units.

    `max_gross_notional` counts entries at the price of their decision, from their reservation until their position is closed.
    `max_open_positions` counts those positions. `max_orders_per_day` counts entries that were or may yet be sent on a UTC day.
    `max_daily_loss` is the net loss after fees, of the closed trades of a UTC day, at which entries are paused.
    """

    max_gross_notional: Decimal | None = None
    max_open_positions: int | None = None
    max_orders_per_day: int | None = None
    max_daily_loss: Decimal | None = None

    def __post_init__(self) -> None:
        for name, money in (("max_gross_notional", self.max_gross_notional), ("max_daily_loss", self.max_daily_loss)):
            if money is not None and not 0 <= require_decimal(name, money) < UNBOUNDED:
                raise InvalidValue(f"{name} must be from 0 to below {UNBOUNDED}", code="LIMIT_OUT_OF_BOUNDS")
        counts = (
            ("max_open_positions", self.max_open_positions, MAX_POSITIONS_POOLED),
            ("max_orders_per_day", self.max_orders_per_day, MAX_ORDERS_POOLED),
        )
        for name, count, most in counts:
            if count is not None and not 0 <= count <= most:
                raise InvalidValue(f"{name} must be between 0 and {most}", code="LIMIT_OUT_OF_BOUNDS")

    def loosened_by(self, new: PoolBounds) -> tuple[str, ...]:
        """Names of the bounds that `new` would loosen."""
        changes = ((each.name, getattr(self, each.name), getattr(new, each.name)) for each in fields(self))
        return tuple(name for name, before, after in changes if before is not None and (after is None or after > before))

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, each.name) is None for each in fields(self))

    @property
    def bounds(self) -> Amounts:
        """The bounds on reservations, as amounts; `UNBOUNDED` where there is none."""
        given = (self.max_gross_notional, self.max_open_positions, self.max_orders_per_day)
        notional, positions, orders = (UNBOUNDED if each is None else Decimal(each) for each in given)
        return Amounts(notional, positions, orders)


@dataclass(frozen=True, kw_only=True)
class PoolLimits:
    """An organisation's bounds; of two versions the higher version counts, in any order of the messages."""

    organisation_id: str
    bounds: PoolBounds
    version: int


@dataclass(frozen=True)
class Amounts:
    """The amounts that a pool counts: notional in quote units, open positions, orders of the day."""

    notional: Decimal = ZERO
    positions: Decimal = ZERO
    orders: Decimal = ZERO

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(self.notional + other.notional, self.positions + other.positions, self.orders + other.orders)

    def __sub__(self, other: Amounts) -> Amounts:
        return self + -other

    def __neg__(self) -> Amounts:
        return Amounts(-self.notional, -self.positions, -self.orders)

    def covers(self, other: Amounts) -> bool:
        """Whether this is at least as much of everything."""
        return self.least(other) == other

    def least(self, other: Amounts) -> Amounts:
        pairs = zip(self.values(), other.values(), strict=True)
        return Amounts(*(min(pair) for pair in pairs))

    def above_zero(self) -> Amounts:
        return Amounts(*(max(each, ZERO) for each in self.values()))

    def values(self) -> tuple[Decimal, Decimal, Decimal]:
        return self.notional, self.positions, self.orders


NOTHING = Amounts()
