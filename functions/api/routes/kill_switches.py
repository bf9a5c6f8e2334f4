"""Kill switches: platform admins set any, a user their own, by the id `me`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path
from fastapi.responses import JSONResponse

from candlecast.domain.account.kill_switch import PLATFORM, PLATFORM_ID, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.people.approval import Approval
from candlecast.domain.values.errors import NotFound
from candlecast.services.account.set_kill_switch import Setter
from functions.api.deps import OF_TENANT, PLATFORM_ADMIN, TENANT, Caller, CallerDep, identifier
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_switch
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import KillSwitchesDep, StrategiesDep
from functions.api.problems import Forbidden
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.approvals import WAITS, waiting
from functions.api.schemas.kill_switches import KillSwitchView, NewKillSwitch
from functions.api.schemas.values import Listing
from functions.api.use_cases.approvals import ChangeSwitchDep

ME = "me"

router = resource_router(VERSION + "/kill-switches", "operations", 401, 422, 500, 503)


def _place(
    who: CallerDep,
    scope: Annotated[SwitchScope, Path(description="Kind of the place that the switch stops.")],
    scope_id: Annotated[
        str,
        Path(
            description="Id of that place: a tenant, a strategy, an organisation; `me` is you.",
            examples=[PLATFORM_ID, ME, "sma-cross-btc-1m"],
            json_schema_extra=OF_TENANT,
        ),
    ],
) -> SwitchPlace:
    """The place that is meant, if the caller may reach it; a foreign user's is no place."""
    if scope is SwitchScope.USER:
        return _user(who, scope_id)
    if PLATFORM_ADMIN not in who.roles:
        raise Forbidden(PLATFORM_ADMIN)
    if scope is SwitchScope.PLATFORM:
        if scope_id != PLATFORM_ID:
            raise NotFound("the platform's switch has one name")
        return PLATFORM
    return SwitchPlace(scope, identifier(scope_id))


def _user(who: Caller, scope_id: str) -> SwitchPlace:
    tenant_id = who.tenant_id if scope_id == ME else scope_id
    is_foreign = tenant_id != who.tenant_id and PLATFORM_ADMIN not in who.roles
    if is_foreign or not TENANT.fullmatch(tenant_id):
        raise NotFound("another user")
    return SwitchPlace(SwitchScope.USER, tenant_id)


Place = Annotated[SwitchPlace, Depends(_place)]


@router.get("")
def list_kill_switches(who: CallerDep, kill_switches: KillSwitchesDep, paging: PagingDep) -> Listing[KillSwitchView]:
    """List the switches that are on: all of them for platform admins, your own for anybody else."""
    if PLATFORM_ADMIN not in who.roles:
        own = kill_switches.find_switch(SwitchPlace(SwitchScope.USER, who.tenant_id))
        return Listing(items=[KillSwitchView.of(own, to_operations=False)] if own is not None and own.grade is not None else [])
    page = kill_switches.page_switches(paging.start, paging.limit)
    return Listing(
        items=[KillSwitchView.of(switch, to_operations=True) for switch in page.items], next_cursor=paging.next(page.cursor)
    )


@router.get("/{scope}/{scope_id}", responses=refusals(403, 404))
def get_kill_switch(who: CallerDep, kill_switches: KillSwitchesDep, place: Place, shown: ShownDep) -> KillSwitchView:
    """Show a switch as it was set last, on or off. A switch that was never set answers 404."""
    switch = kill_switches.find_switch(place)
    if switch is None:
        raise NotFound("never set")
    return KillSwitchView.of(shown(version_of_switch, switch), to_operations=PLATFORM_ADMIN in who.roles)


@router.put("/{scope}/{scope_id}", response_model=KillSwitchView, responses={**WAITS, **refusals(403, 404, 409, 413)})
def put_kill_switch(
    who: CallerDep,
    strategies: StrategiesDep,
    change: ChangeSwitchDep,
    place: Place,
    body: NewKillSwitch,
    if_match: IfMatchDep,
) -> KillSwitchView | JSONResponse:
    """Turn a switch on, or to another grade; it is in force for every order that leaves from now on.

    A grade that stops less waits for a second platform admin, also FLATTEN of the platform. A switch of a user does not.
    """
    if place.scope is SwitchScope.STRATEGY:
        strategies.get_strategy(place.scope_id)  # a misspelt name must not look like a switch that is on
    changed = change.set(place, body.grade, body.reason, _setter(who), expect=if_match(version_of_switch))
    return _answer(who, changed)


@router.delete("/{scope}/{scope_id}", response_model=KillSwitchView, responses={**WAITS, **refusals(403, 404, 409)})
def delete_kill_switch(
    who: CallerDep, change: ChangeSwitchDep, place: Place, if_match: IfMatchDep
) -> KillSwitchView | JSONResponse:
    """Turn a switch off. Nothing else ever does. It waits for a second platform admin, but for a switch of a user."""
    return _answer(who, change.clear(place, _setter(who), expect=if_match(version_of_switch)))


def _answer(who: Caller, changed: KillSwitch | Approval) -> KillSwitchView | JSONResponse:
    if isinstance(changed, Approval):
        return waiting(changed)
    return KillSwitchView.of(changed, to_operations=PLATFORM_ADMIN in who.roles)


def _setter(who: Caller) -> Setter:
    return Setter(who.name, is_operations=PLATFORM_ADMIN in who.roles)
