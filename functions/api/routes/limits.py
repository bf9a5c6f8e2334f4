"""Limits: the catalogue, the limits in force with their origin, and setting a limit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query
from fastapi.responses import JSONResponse

from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import Scope
from candlecast.domain.limits.record import PLATFORM, PLATFORM_ID, RECORDED_SCOPES, LimitPlace
from candlecast.domain.values.errors import NotFound
from candlecast.services.people.lift_lock import LockPlace
from functions.api.deps import (
    OF_TENANT,
    PLATFORM_ADMIN,
    TENANT,
    AdminDep,
    Caller,
    CallerDep,
    SubscriptionId,
    identifier,
)
from functions.api.filters import BreachFilterDep
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_limits
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import DecisionsDep
from functions.api.problems import Forbidden
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.approvals import WAITS, waiting
from functions.api.schemas.limits import (
    BreachView,
    EffectiveLimitView,
    LimitRecordView,
    LimitsInput,
    LimitUseView,
    LimitView,
    LockView,
    Membership,
)
from functions.api.schemas.receipts import ReceiptView, ValidationRequest
from functions.api.schemas.values import Listing
from functions.api.use_cases.approvals import LiftLockDep
from functions.api.use_cases.limits import ChangeLimitsDep, DescribeLimitsDep, ShowUsageDep, ValidateOrderDep

ME = "me"
Level = Annotated[Scope, Path(description="Level of the limits.")]
LevelId = Annotated[
    str,
    Path(
        description="Id of the level: a tenant, a group, an organisation; `me` is your own.",
        examples=[PLATFORM_ID, ME, "fund-1"],
        json_schema_extra=OF_TENANT,
    ),
]

router = resource_router(VERSION + "/limits", "limits", 401, 422, 500, 503)


def _place(who: CallerDep, scope: Level, scope_id: LevelId) -> LimitPlace:
    """The level that is meant, if the caller may see it; a foreign user's is no level."""
    if scope in (Scope.USER, Scope.OPERATIONS):
        return LimitPlace(scope, _tenant(who, scope_id))
    if PLATFORM_ADMIN not in who.roles:
        raise Forbidden(PLATFORM_ADMIN)
    if scope is Scope.PLATFORM and scope_id == PLATFORM_ID:
        return PLATFORM
    if scope is Scope.PLATFORM or scope not in RECORDED_SCOPES:
        raise NotFound("no such level")
    return LimitPlace(scope, identifier(scope_id))


def _tenant(who: Caller, scope_id: str) -> str:
    tenant_id = who.tenant_id if scope_id == ME else scope_id
    is_foreign = tenant_id != who.tenant_id and PLATFORM_ADMIN not in who.roles
    if is_foreign or not TENANT.fullmatch(tenant_id):
        raise NotFound("another user")
    return tenant_id


Place = Annotated[LimitPlace, Depends(_place)]


MemberId = Annotated[str, Path(description="Tenant of the user.", json_schema_extra=OF_TENANT)]


def _written(who: CallerDep, place: Place) -> LimitPlace:
    """The level that a change lands in: an operator's word about another user has a level of its own."""
    if place.scope is Scope.USER and place.scope_id != who.tenant_id:
        return LimitPlace(Scope.OPERATIONS, place.scope_id)
    if place.scope is Scope.OPERATIONS and PLATFORM_ADMIN not in who.roles:
        raise Forbidden(PLATFORM_ADMIN)
    return place


WrittenPlace = Annotated[LimitPlace, Depends(_written)]


@router.get("/catalogue")
def list_limits(_: CallerDep) -> Listing[LimitView]:
    """List every limit that can be set, with its unit and the code of a breach."""
    return Listing(items=[LimitView.of(spec) for spec in CATALOGUE.values()])


@router.get("/breaches", responses=refusals(404))
def list_breaches(who: CallerDep, decisions: DecisionsDep, where: BreachFilterDep, paging: PagingDep) -> Listing[BreachView]:
    """List the entries of yours that a limit has stopped, by their time; they are kept for three months.

    A page with a filter may be short, or empty, and yet have a next one.
    """
    page = decisions.list_breaches(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[BreachView.of(breach) for breach in page.items], next_cursor=paging.next(page.cursor))


@router.get("/effective/{subscription_id}", responses=refusals(404))
def get_effective_limits(
    who: CallerDep, describe: DescribeLimitsDep, subscription_id: SubscriptionId
) -> Listing[EffectiveLimitView]:
    """Show every limit in force for a subscription, and the level that it comes from."""
    return Listing(items=EffectiveLimitView.all_of(describe(who.tenant_id, subscription_id)))


@router.get("/usage/{subscription_id}", responses=refusals(404, 409))
def get_usage(who: CallerDep, show: ShowUsageDep, subscription_id: SubscriptionId) -> Listing[LimitUseView]:
    """Show how much of each limit that counts something is used now, and its bound if there is one."""
    return Listing(items=[LimitUseView.of(use) for use in show(who.tenant_id, subscription_id)])


@router.post("/validate", responses=refusals(404, 409, 413))
def validate_order(who: CallerDep, validate: ValidateOrderDep, body: ValidationRequest) -> ReceiptView:
    """Hold an entry against every limit without placing it, and show the decision: each limit's value, bound and margin."""
    return ReceiptView.of(validate(who.tenant_id, body.subscription_id, body.to_domain()).text())


@router.get("/levels/{scope}/{scope_id}", responses=refusals(403, 404))
def get_limits(change: ChangeLimitsDep, place: Place, shown: ShownDep) -> LimitRecordView:
    """Show what a level limits: `USER/me` is your own word, `OPERATIONS/me` that of operators about you.

    The other levels are for platform admins.
    """
    return LimitRecordView.of(shown(version_of_limits, change.find(place)))


@router.put("/levels/{scope}/{scope_id}", responses=refusals(403, 404, 409, 413))
def put_limits(
    who: CallerDep, change: ChangeLimitsDep, place: WrittenPlace, body: LimitsInput, if_match: IfMatchDep
) -> LimitRecordView:
    """Replace what a level limits; it can only tighten what stands above it. The next signal is held against it.

    A platform admin's limits for another user go to the level OPERATIONS, which that user sees and cannot change. `If-Match` then
    takes the tag of that level.
    """
    limits: Any = body
    return LimitRecordView.of(change.set(place, limits.to_domain(), who.name, expect=if_match(version_of_limits)))


@router.put("/members/{scope_id}", responses=refusals(403, 404, 409, 413))
def put_membership(
    who: AdminDep, change: ChangeLimitsDep, scope_id: MemberId, body: Membership, if_match: IfMatchDep
) -> LimitRecordView:
    """Say which organisation and group a user belongs to. `If-Match` takes the tag of the user's level USER."""
    expect = if_match(version_of_limits)
    return LimitRecordView.of(
        change.move_user(_tenant(who, scope_id), body.organisation_id, body.group_id, who.name, expect=expect)
    )


def _lock(
    who: AdminDep,
    scope: Level,
    scope_id: Annotated[
        str,
        Path(
            description="Id of the level, or of the account or subscription; `me` is your own level.",
            examples=[PLATFORM_ID, "fund-1"],
            json_schema_extra=OF_TENANT,
        ),
    ],
    owner: Annotated[str | None, Query(description="Tenant of the account or subscription.", json_schema_extra=OF_TENANT)] = None,
) -> LockPlace:
    """The lock that is meant: of a level, or of the account or subscription of a user."""
    if scope in RECORDED_SCOPES:
        place = _place(who, scope, scope_id)
        return LockPlace(scope=place.scope, scope_id=place.scope_id)
    if owner is None or not TENANT.fullmatch(owner):
        raise NotFound("an account or subscription needs its owner")
    return LockPlace(scope=scope, scope_id=identifier(scope_id), tenant_id=owner)


@router.delete("/locks/{scope}/{scope_id}", response_model=LockView, responses={**WAITS, **refusals(403, 404, 409)})
def delete_lock(who: AdminDep, lift: LiftLockDep, place: Annotated[LockPlace, Depends(_lock)]) -> LockView | JSONResponse:
    """Lift a lock on limits before its time. It waits for a second platform admin; the limits themselves stay as they are."""
    approval = lift(place, who.name)
    return LockView(scope=place.scope, scope_id=place.scope_id, locked=False) if approval is None else waiting(approval)
