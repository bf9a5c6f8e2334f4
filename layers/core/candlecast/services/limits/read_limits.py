"""Find the limits that stand above a subscription: the user's, the operators' for that user, the group's, and so on up.

Read once per shard of a fan-out, not per order: the limits travel in the order message, as the settings do. While the store of
limits does not answer, limits that were read in the last five minutes still count. After that the emergency limits count for an
hour; then no entry is allowed. Exits need no limit, so they always go.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from candlecast.domain.limits.limits import Authority, EffectiveLimits, Scope, tighten
from candlecast.domain.limits.pool_bounds import PoolLimits
from candlecast.domain.limits.record import PLATFORM, PRODUCT_LIMITS, LimitPlace, LimitRecord
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.limits import LimitStore

FRESH = timedelta(seconds=5)  # a changed limit is in force this much later at most in an environment that has just read it
CACHED = timedelta(minutes=5)  # how long what was read counts while the store does not answer
EMERGENCY = timedelta(hours=1)  # how long the emergency limits count; an outage that lasts longer needs a person
MAX_CACHED_RECORDS = 5_000  # of a few hundred bytes each, beside those of the present call


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantLimits:
    """The limits above one tenant's accounts and subscriptions."""

    effective: EffectiveLimits
    organisation_id: str | None = None
    pool: PoolLimits | None = None


@dataclass(slots=True)
class ReadLimits:
    """Reads and remembers; one per environment."""

    store: LimitStore
    clock: Clock
    metrics: Metrics
    _known: dict[LimitPlace, tuple[LimitRecord | None, datetime]] = field(default_factory=dict)
    _lost_at: datetime | None = None

    def __call__(self, tenant_ids: Collection[str]) -> Mapping[str, TenantLimits]:
        """The limits above each tenant; never raises for a store that does not answer."""
        users = {tenant_id: LimitPlace(Scope.USER, tenant_id) for tenant_id in tenant_ids}
        own = {PLATFORM, *users.values(), *map(_operations, users.values())}
        try:
            self._read(own, FRESH)
            above = self._above(users.values())
            self._read(above, FRESH)
        except RetryLater:
            self.metrics.count("LimitsUnavailable")
            return self._without_store(users)
        self._lost_at = None
        found = self._each(users, Authority.LIVE)
        if len(self._known) > MAX_CACHED_RECORDS:
            self._known = {place: self._known[place] for place in own | above}
        return found

    def _each(self, users: Mapping[str, LimitPlace], authority: Authority) -> Mapping[str, TenantLimits]:
        """The limits above each user; those of whom nothing of their own is known share what they have."""
        plain = self._of(LimitPlace(Scope.USER, ""), authority)
        return {
            tenant_id: self._of(place, authority) if self._record(place) or self._record(_operations(place)) else plain
            for tenant_id, place in users.items()
        }

    def _without_store(self, users: Mapping[str, LimitPlace]) -> Mapping[str, TenantLimits]:
        now = self.clock.now()
        self._lost_at = self._lost_at or now
        emergency = Authority.EMERGENCY if now - self._lost_at <= EMERGENCY else Authority.LOST
        found = {}
        for tenant_id, user in users.items():
            needed = {PLATFORM, user, _operations(user), *self._above([user])}
            remembered = all(self._age(place) <= CACHED for place in needed)
            found[tenant_id] = self._of(user, Authority.CACHED if remembered else emergency)
        return found

    def _read(self, places: Collection[LimitPlace], age: timedelta) -> None:
        now = self.clock.now()
        wanted = {place for place in places if place not in self._known or now - self._known[place][1] > age}
        if not wanted:
            return
        records = self.store.read(wanted)
        for place in wanted:
            self._known[place] = (records.get(place), now)

    def _age(self, place: LimitPlace) -> timedelta:
        known = self._known.get(place)
        return timedelta.max if known is None else self.clock.now() - known[1]

    def _record(self, place: LimitPlace) -> LimitRecord | None:
        return self._known[place][0] if place in self._known else None

    def _above(self, users: Collection[LimitPlace]) -> set[LimitPlace]:
        """Organisations and groups that the users belong to, as far as the users' records are known."""
        above = set()
        for record in map(self._record, users):
            if record is not None and record.organisation_id is not None:
                above.add(LimitPlace(Scope.ORGANISATION, record.organisation_id))
            if record is not None and record.group_id is not None:
                above.add(LimitPlace(Scope.GROUP, record.group_id))
        return above

    def _of(self, user: LimitPlace, authority: Authority) -> TenantLimits:
        above = (PLATFORM, *self._above([user]), _operations(user), user)
        records = [record for record in map(self._record, above) if record is not None]
        layers = [(Scope.PLATFORM, PRODUCT_LIMITS), *((record.place.scope, record.limits) for record in records)]
        mine = self._record(user)
        organisation_id = mine.organisation_id if mine is not None else None
        organisation = self._record(LimitPlace(Scope.ORGANISATION, organisation_id)) if organisation_id is not None else None
        return TenantLimits(
            effective=tighten(layers, authority=authority),
            organisation_id=organisation_id,
            pool=organisation.pool_limits() if organisation is not None else None,
        )


def _operations(user: LimitPlace) -> LimitPlace:
    """Where operators limit this user."""
    return LimitPlace(Scope.OPERATIONS, user.scope_id)
