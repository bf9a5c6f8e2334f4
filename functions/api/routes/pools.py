"""Pools: the limits that all accounts of an organisation share, for platform admins (PE2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.ports.api_services import ApiServices
from candlecast.services.limits.change_limits import ChangeLimits
from functions.api.deps import AdminDep, ServicesDep, identifier
from functions.api.openapi import refusals
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.pools import PoolInput, PoolView

router = resource_router(VERSION + "/limits/pools", "limits", 401, 403, 404, 422, 500, 503)


def _organisation(_: AdminDep, organisation_id: Annotated[str, Path(examples=["fund-1"])]) -> LimitPlace:
    return LimitPlace(Scope.ORGANISATION, identifier(organisation_id))


Organisation = Annotated[LimitPlace, Depends(_organisation)]


@router.get("/{organisation_id}")
def get_pool(services: ServicesDep, place: Organisation) -> PoolView:
    """Show what an organisation's accounts may have together, and what of it they use now."""
    return _view(services, ChangeLimits(services.limits, services.clock).find(place))


@router.put("/{organisation_id}", responses=refusals(409, 413))
def put_pool(who: AdminDep, services: ServicesDep, place: Organisation, body: PoolInput) -> PoolView:
    """Replace what an organisation's accounts may have together.

    The next signal is held against it. Below a bound that is lowered under what is used nothing is taken until enough has ended.
    """
    change = ChangeLimits(services.limits, services.clock)
    return _view(services, change.set_pool(place, body.to_domain(), who.tenant_id))


def _view(services: ApiServices, record: LimitRecord) -> PoolView:
    organisation_id = record.place.scope_id
    pool = services.pools.read_pool(organisation_id).as_of(services.clock.now().date())
    return PoolView.of(organisation_id, record.pool, pool)
