"""Pools: the limits that all accounts of an organisation share, for platform admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.ports.clock import Clock
from candlecast.ports.pool import PoolStore
from functions.api.deps import AdminDep, identifier
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_limits
from functions.api.openapi import refusals
from functions.api.ports import ClockDep, PoolsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.pools import PoolInput, PoolView
from functions.api.use_cases.limits import ChangeLimitsDep

router = resource_router(VERSION + "/limits/pools", "limits", 401, 403, 404, 422, 500, 503)


def _organisation(_: AdminDep, organisation_id: Annotated[str, Path(examples=["fund-1"])]) -> LimitPlace:
    return LimitPlace(Scope.ORGANISATION, identifier(organisation_id))


Organisation = Annotated[LimitPlace, Depends(_organisation)]


@router.get("/{organisation_id}")
def get_pool(change: ChangeLimitsDep, pools: PoolsDep, clock: ClockDep, place: Organisation, shown: ShownDep) -> PoolView:
    """Show the bounds that an organisation's accounts share, and how much of each is used now."""
    return _view(pools, clock, shown(version_of_limits, change.find(place)))


@router.put("/{organisation_id}", responses=refusals(409, 413))
def put_pool(
    who: AdminDep,
    change: ChangeLimitsDep,
    pools: PoolsDep,
    clock: ClockDep,
    place: Organisation,
    body: PoolInput,
    if_match: IfMatchDep,
) -> PoolView:
    """Replace what an organisation's accounts may have together.

    The next signal is held against it. Below a bound that is lowered under what is used nothing is taken until enough has ended.
    """
    changed = change.set_pool(place, body.to_domain(), who.name, expect=if_match(version_of_limits))
    return _view(pools, clock, changed)


def _view(pools: PoolStore, clock: Clock, record: LimitRecord) -> PoolView:
    organisation_id = record.place.scope_id
    pool = pools.read_pool(organisation_id).as_of(clock.now().date())
    return PoolView.of(organisation_id, record.pool, pool)
