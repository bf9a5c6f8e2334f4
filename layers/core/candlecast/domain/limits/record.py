"""Limits as somebody has set them for the platform, an organisation, a group or a user; others keep their own.

A user has two records: the operators' and the user's own. Only operators write the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.limits.limits import NO_LIMITS, Limits, Scope
from candlecast.domain.limits.pool_bounds import PoolBounds, PoolLimits
from candlecast.domain.signals.verdict import MAX_PRICE_DEVIATION_PERCENT, MAX_RESTING_DISTANCE_PERCENT
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc

PLATFORM_ID = "platform"  # there is one platform, and its record needs a name as any other
RECORDED_SCOPES = (Scope.PLATFORM, Scope.ORGANISATION, Scope.GROUP, Scope.OPERATIONS, Scope.USER)


@dataclass(frozen=True)
class LimitPlace:
    """Whose limits: `scope_id` is an organisation's or group's id, or the tenant's for OPERATIONS and USER."""

    scope: Scope
    scope_id: str

    def __post_init__(self) -> None:
        if self.scope not in RECORDED_SCOPES:
            raise InvalidValue(f"limits of the scope {self.scope} are kept with the thing itself")


PLATFORM = LimitPlace(Scope.PLATFORM, PLATFORM_ID)

MAX_STATE_AGE_SECONDS = 600  # an account that nobody could look at for ten minutes may hold anything
MAX_ACCOUNT_POSITIONS = 20  # the account is one item of at most 32 kB, and each takes 200 bytes of it
PRICE_LIMITS = Limits(
    max_price_deviation_percent=MAX_PRICE_DEVIATION_PERCENT, max_resting_distance_percent=MAX_RESTING_DISTANCE_PERCENT
)
"""The part of the product's limits that the executor puts in force by itself, also for a message without limits."""
PRODUCT_LIMITS = replace(PRICE_LIMITS, max_state_age_seconds=MAX_STATE_AGE_SECONDS, max_account_positions=MAX_ACCOUNT_POSITIONS)
"""Limits of the product, in force although no operator has set them; other levels can only tighten them."""


@dataclass(frozen=True, kw_only=True)
class LimitRecord:
    """The limits of one place, with who has set them when.

    `organisation_id` and `group_id` say where a user belongs: an administrator's word, never the user's own. `pool` is what all
    accounts of an organisation share.
    """

    place: LimitPlace
    limits: Limits = NO_LIMITS
    organisation_id: str | None = None
    group_id: str | None = None
    pool: PoolBounds | None = None
    changed_by: str = ""
    changed_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if self.changed_at is not None:
            require_utc("changed_at", self.changed_at)
        self.limits.require_few_entries()
        if (self.organisation_id or self.group_id) and self.place.scope is not Scope.USER:
            raise InvalidValue("only a user belongs to an organisation or a group")
        if self.pool is not None and self.place.scope is not Scope.ORGANISATION:
            raise InvalidValue("only an organisation has a pool")

    def pool_limits(self) -> PoolLimits | None:
        """The organisation's pool as orders carry it; None if it has none."""
        if self.pool is None or self.pool.is_empty:
            return None
        return PoolLimits(organisation_id=self.place.scope_id, bounds=self.pool, version=self.version)
