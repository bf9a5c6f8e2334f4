"""Strategies: the list of strategies to follow, uploads, and the additions of platform admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.api.deps import PLATFORM_ADMIN, AdminDep, CallerDep, StrategyId, platform_admin
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_source, version_of_strategy
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import ClockDep, StrategiesDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.equity import FirstDay, LastDay, StrategyEquityView
from functions.api.schemas.slippage import SlippageView
from functions.api.schemas.statistics import StrategyRecordView
from functions.api.schemas.strategies import (
    CreatedStrategy,
    NewStrategy,
    SourceChange,
    SourceStateView,
    SourceView,
    StrategyView,
)
from functions.api.schemas.strategy_versions import NewUploadedStrategy
from functions.api.schemas.values import Listing
from functions.api.use_cases.parity import ShowParityDep
from functions.api.use_cases.strategies import (
    AdmissionDep,
    ChangeSourceDep,
    CreateStrategyDep,
    RevokePreviousSecretDep,
    RotateSourceSecretDep,
    ShowRecordDep,
    ShowSlippageDep,
    ShowSourceDep,
    ShowStrategyEquityDep,
)
from functions.api.use_cases.strategy_versions import UploadStrategyDep

router = resource_router(VERSION + "/strategies", "strategies", 401, 422, 500, 503)
Mine = Annotated[bool, Query(description="List the strategies that your tenant owns, retired ones included.")]


@router.get("")
def list_strategies(who: CallerDep, strategies: StrategiesDep, paging: PagingDep, mine: Mine = False) -> Listing[StrategyView]:
    """List the platform's strategies, or your own; operators see code and parameters of the platform's here too."""
    if mine:
        page = strategies.owned_strategies(who.tenant_id, paging.start, paging.limit)
        show = StrategyView.of
    else:
        page = strategies.list_strategies(paging.start, paging.limit)
        show = StrategyView.followed if PLATFORM_ADMIN in who.roles else StrategyView.listed
    return Listing(items=[show(definition) for definition in page.items], next_cursor=paging.next(page.cursor))


@router.post("", status_code=201, responses=refusals(403, 409, 413))
def create_strategy(
    who: CallerDep, create: CreateStrategyDep, upload: UploadStrategyDep, clock: ClockDep, body: NewStrategy
) -> CreatedStrategy:
    """Upload your own strategy; or, as a platform admin, create a built-in or an external one.

    An external one gets a webhook, whose secret is shown this once.
    """
    if isinstance(body, NewUploadedStrategy):
        mine = body.to_domain(who.tenant_id, clock.now())
        return CreatedStrategy.of_upload(upload(mine, body.to_version(who.tenant_id)))
    platform_admin(who)
    definition = body.to_domain(clock.now())
    issued = create(definition)
    return CreatedStrategy(strategy=StrategyView.followed(definition), source=None if issued is None else SourceView.of(issued))


@router.get("/{strategy_id}", responses=refusals(404))
def get_strategy(admitted: AdmissionDep, parity: ShowParityDep, shown: ShownDep) -> StrategyView:
    """Show one strategy; followers and operators see code and parameters of the platform's, authors those of their own."""
    shown(version_of_strategy, admitted.strategy)
    return StrategyView.shown(admitted, parity(admitted).share)


@router.get("/{strategy_id}/statistics", responses=refusals(404))
def get_strategy_statistics(admitted: AdmissionDep, show: ShowRecordDep) -> StrategyRecordView:
    """Show a strategy's record over all its followers' closed trades; others than followers see trades one candle later."""
    return StrategyRecordView.of(show(admitted))


@router.get("/{strategy_id}/equity", responses=refusals(404))
def get_strategy_equity(
    admitted: AdmissionDep, show: ShowStrategyEquityDep, first: FirstDay = None, last: LastDay = None
) -> StrategyEquityView:
    """Show the results of a strategy's followers by day; others than followers see a day once all of it is a candle old."""
    return StrategyEquityView.of(show(admitted, first, last))


@router.get("/{strategy_id}/slippage", responses=refusals(404))
def get_strategy_slippage(who: CallerDep, admitted: AdmissionDep, show: ShowSlippageDep) -> SlippageView:
    """Show what followers paid by the turn in which they were served, and their fills beside a backtest's.

    Others than followers see a signal one candle later.
    """
    return SlippageView.of(show(admitted, who.tenant_id))


@router.post("/{strategy_id}/source/secret", status_code=201, responses=refusals(403, 404, 409))
def rotate_source_secret(_: AdminDep, rotate: RotateSourceSecretDep, strategy_id: StrategyId) -> SourceView:
    """Give an external strategy's webhook a new secret, shown this once; the one before is accepted for 24 hours."""
    return SourceView.of(rotate(strategy_id))


@router.post("/{strategy_id}/source/secret/revoke-previous", responses=refusals(403, 404, 409))
def revoke_previous_secret(
    _: AdminDep, revoke: RevokePreviousSecretDep, show: ShowSourceDep, strategy_id: StrategyId
) -> SourceStateView:
    """End the overlap after a rotation at once: the secret before proves nothing any more."""
    revoke(strategy_id)
    return SourceStateView.of(show(strategy_id))


@router.get("/{strategy_id}/source", responses=refusals(403, 404, 409))
def get_source(_: AdminDep, show: ShowSourceDep, strategy_id: StrategyId, shown: ShownDep) -> SourceStateView:
    """Show the source of an external strategy: who may send, how often, and how much it has caused today."""
    found = show(strategy_id)
    shown(version_of_source, found.source)
    return SourceStateView.of(found)


@router.put("/{strategy_id}/source", responses=refusals(403, 404, 409, 413))
def put_source(
    _: AdminDep,
    change: ChangeSourceDep,
    show: ShowSourceDep,
    strategy_id: StrategyId,
    body: SourceChange,
    if_match: IfMatchDep,
) -> SourceStateView:
    """Replace the settings of an external strategy's source; the next message is judged by them."""
    change(strategy_id, body.replace_all, expect=if_match(version_of_source))
    return SourceStateView.of(show(strategy_id))


@router.patch("/{strategy_id}/source", responses=refusals(403, 404, 409, 413))
def update_source(
    _: AdminDep,
    change: ChangeSourceDep,
    show: ShowSourceDep,
    strategy_id: StrategyId,
    body: SourceChange,
    if_match: IfMatchDep,
) -> SourceStateView:
    """Change the given settings of an external strategy's source; the others stay as they are."""
    change(strategy_id, body.apply, expect=if_match(version_of_source))
    return SourceStateView.of(show(strategy_id))
