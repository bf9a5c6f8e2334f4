"""Bodies of pools: the bounds that all accounts of an organisation share, and their use."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from candlecast.domain.limits.pool_bounds import MAX_ORDERS_POOLED, MAX_POSITIONS_POOLED, UNBOUNDED, PoolBounds
from candlecast.domain.pools.pool import Pool
from functions.api.schemas.values import Body, Money, View, bounded

Count = Annotated[int, Field(strict=True)]
MONEY_BOUNDS = bounded(0, UNBOUNDED - 1)


class PoolInput(Body):
    """Bounds to set. An absent bound limits nothing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"max_gross_notional": "250000", "max_open_positions": 40, "max_daily_loss": "5000"}]}
    )

    max_gross_notional: Money | None = Field(
        default=None, description="Notional of all entries and positions, quote units.", json_schema_extra=MONEY_BOUNDS
    )
    max_open_positions: Count | None = Field(
        default=None,
        description="Positions, entries under way included.",
        json_schema_extra=bounded(0, MAX_POSITIONS_POOLED),
    )
    max_orders_per_day: Count | None = Field(
        default=None,
        description="Entries of a UTC day that were or may yet be sent.",
        json_schema_extra=bounded(0, MAX_ORDERS_POOLED),
    )
    max_daily_loss: Money | None = Field(
        default=None, description="Net loss of a UTC day that pauses entries, quote units.", json_schema_extra=MONEY_BOUNDS
    )

    def to_domain(self) -> PoolBounds:
        """The domain's bounds; raises `InvalidValue` for values that are out of bounds."""
        return PoolBounds(**dict(self))


class PoolBoundsView(View):
    """Bounds that are set; null where nothing is limited."""

    max_gross_notional: Money | None = None
    max_open_positions: int | None = None
    max_orders_per_day: int | None = None
    max_daily_loss: Money | None = None


class PoolView(View):
    """An organisation's pool: its bounds, and how much of them entries under way and positions use."""

    organisation_id: str
    bounds: PoolBoundsView = Field(description="Bounds that are set.")
    used_notional: Money = Field(description="Quote units of entries and positions.")
    used_positions: int = Field(description="Positions, entries under way included.")
    used_orders: int = Field(description="Entries of today.")
    realised_pnl: Money = Field(description="Net result of today in quote units.")

    @staticmethod
    def of(organisation_id: str, bounds: PoolBounds | None, pool: Pool) -> PoolView:
        return PoolView(
            organisation_id=organisation_id,
            bounds=PoolBoundsView.model_validate(bounds or PoolBounds()),
            used_notional=pool.used.notional,
            used_positions=int(pool.used.positions),
            used_orders=int(pool.used.orders),
            realised_pnl=pool.pnl,
        )
