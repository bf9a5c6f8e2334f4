"""Versions of a strategy, their releases, and the life of a strategy, for its authors; followers see versions too."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from candlecast.domain.strategies.versions import MAX_VERSIONS
from functions.api.deps import StrategyId
from functions.api.filters import VersionFilterDep
from functions.api.manners.conditions import IfMatchDep, version_of_strategy
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import StrategiesDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.strategies import StrategyView
from functions.api.schemas.strategy_versions import (
    AddedVersion,
    NewRelease,
    NewVersion,
    Rollback,
    StrategyChangeView,
    StrategyEdit,
    VersionCode,
    VersionView,
)
from functions.api.schemas.values import Listing
from functions.api.use_cases.strategies import AdmissionDep
from functions.api.use_cases.strategy_versions import (
    AddVersionDep,
    AuthorDep,
    EditStrategyDep,
    ReleaseVersionDep,
    RetireStrategyDep,
    ShowVersionsDep,
)

router = resource_router(VERSION + "/strategies/{strategy_id}", "strategies", 401, 404, 422, 500, 503)
Number = Annotated[int, Path(ge=1, le=MAX_VERSIONS, description="Number of the version.")]


@router.get("/versions")
def list_versions(
    admitted: AdmissionDep, show: ShowVersionsDep, where: VersionFilterDep, paging: PagingDep
) -> Listing[VersionView]:
    """List a strategy's versions by the time at which they were added; parameters are shown to those who may see them.

    A page with a filter may be short, or empty, and yet have a `next_cursor`.
    """
    page = show.page(admitted, where, paging.start, paging.limit)
    rights = {"sees_parameters": admitted.sees_parameters, "is_author": admitted.is_author}
    return Listing(items=[VersionView.of(it, **rights) for it in page.items], next_cursor=paging.next(page.cursor))


@router.post("/versions", status_code=201, responses=refusals(409, 413))
def add_version(add: AddVersionDep, who: AuthorDep, strategy_id: StrategyId, body: NewVersion) -> AddedVersion:
    """Add a version: new code, new parameters, or both. Nobody gets it before it is released."""
    made = add(who, strategy_id, source=body.source, parameters=body.parameters, note=body.note)
    return AddedVersion.of(made)


@router.get("/versions/{number}")
def get_version(admitted: AdmissionDep, show: ShowVersionsDep, number: Number) -> VersionView:
    """Show one version, with the schema of its parameters."""
    version = show.one(admitted, number)
    return VersionView.of(version, sees_parameters=admitted.sees_parameters, is_author=admitted.is_author)


@router.get("/versions/{number}/code")
def get_version_code(admitted: AdmissionDep, show: ShowVersionsDep, number: Number) -> VersionCode:
    """Show the code of a version, to the strategy's owner and collaborators."""
    version = show.one(admitted, number)
    return VersionCode(number=number, source_hash=version.source_hash, source=show.source(admitted, version))


@router.post("/release", responses=refusals(409, 413))
def release_version(release: ReleaseVersionDep, who: AuthorDep, strategy_id: StrategyId, body: NewRelease) -> StrategyView:
    """Give a version to a share of those who follow the latest; with 100 percent to all of them."""
    return StrategyView.of(release.to_share(who, strategy_id, body.version, body.share_percent))


@router.post("/rollback", responses=refusals(409, 413))
def roll_back_version(
    release: ReleaseVersionDep, who: AuthorDep, strategy_id: StrategyId, body: Rollback | None = None
) -> StrategyView:
    """Drop the candidate, or without one go back to the stable version of before."""
    return StrategyView.of(release.roll_back(who, strategy_id, None if body is None else body.version))


@router.patch("", responses=refusals(409, 413))
def edit_strategy(
    edit: EditStrategyDep, who: AuthorDep, strategy_id: StrategyId, body: StrategyEdit, if_match: IfMatchDep
) -> StrategyView:
    """Change a strategy's name, description, tags, visibility or collaborators; the others stay as they are."""
    return StrategyView.of(edit(who, strategy_id, body.to_edit(), expect=if_match(version_of_strategy)))


@router.post("/retire", responses=refusals(409))
def retire_strategy(retire: RetireStrategyDep, who: AuthorDep, strategy_id: StrategyId) -> StrategyView:
    """End a strategy: it takes no more followers and gives no more entries; exits still close what is held."""
    return StrategyView.of(retire(who, strategy_id))


@router.get("/changes")
def list_changes(admitted: AdmissionDep, strategies: StrategiesDep, paging: PagingDep) -> Listing[StrategyChangeView]:
    """List a strategy's changes, newest first: versions, releases, rollbacks, edits."""
    page = strategies.list_changes(admitted.strategy.strategy_id, paging.start, paging.limit)
    items = [StrategyChangeView.of(change, is_author=admitted.is_author) for change in page.items]
    return Listing(items=items, next_cursor=paging.next(page.cursor))
