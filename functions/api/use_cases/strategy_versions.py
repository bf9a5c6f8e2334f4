"""The use cases of authors, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.strategies.add_version import AddVersion
from candlecast.services.strategies.change_strategy import Author
from candlecast.services.strategies.code_versions import CodeVersions
from candlecast.services.strategies.edit_strategy import EditStrategy, RetireStrategy
from candlecast.services.strategies.release_version import ReleaseVersion
from candlecast.services.strategies.show_versions import ShowVersions
from candlecast.services.strategies.upload_strategy import UploadStrategy
from functions.api.deps import PLATFORM_ADMIN, CallerDep
from functions.api.ports import (
    BuiltInCodeDep,
    ClockDep,
    CodeChecksDep,
    CodeStoreDep,
    IdentifiersDep,
    MarketsDep,
    StrategiesDep,
    VenuesDep,
)


async def author(who: CallerDep) -> Author:
    return Author(who.tenant_id, is_operator=PLATFORM_ADMIN in who.roles)


async def code_versions(
    strategies: StrategiesDep, checks: CodeChecksDep, built_in: BuiltInCodeDep, code: CodeStoreDep
) -> CodeVersions:
    return CodeVersions(strategies=strategies, checks=checks, built_in=built_in, code=code)


CodeVersionsDep = Annotated[CodeVersions, Depends(code_versions)]


async def upload_strategy(
    strategies: StrategiesDep,
    versions: CodeVersionsDep,
    markets: MarketsDep,
    identifiers: IdentifiersDep,
    venues: VenuesDep,
) -> UploadStrategy:
    return UploadStrategy(strategies=strategies, versions=versions, markets=markets, identifiers=identifiers, venues=venues)


async def add_version(strategies: StrategiesDep, versions: CodeVersionsDep, code: CodeStoreDep, clock: ClockDep) -> AddVersion:
    return AddVersion(strategies=strategies, versions=versions, code=code, clock=clock)


async def release_version(strategies: StrategiesDep, clock: ClockDep) -> ReleaseVersion:
    return ReleaseVersion(strategies, clock)


async def edit_strategy(strategies: StrategiesDep, clock: ClockDep, identifiers: IdentifiersDep) -> EditStrategy:
    return EditStrategy(strategies, clock, identifiers)


async def retire_strategy(strategies: StrategiesDep, clock: ClockDep) -> RetireStrategy:
    return RetireStrategy(strategies, clock)


async def show_versions(strategies: StrategiesDep, code: CodeStoreDep) -> ShowVersions:
    return ShowVersions(strategies, code)


AuthorDep = Annotated[Author, Depends(author)]
UploadStrategyDep = Annotated[UploadStrategy, Depends(upload_strategy)]
AddVersionDep = Annotated[AddVersion, Depends(add_version)]
ReleaseVersionDep = Annotated[ReleaseVersion, Depends(release_version)]
EditStrategyDep = Annotated[EditStrategy, Depends(edit_strategy)]
RetireStrategyDep = Annotated[RetireStrategy, Depends(retire_strategy)]
ShowVersionsDep = Annotated[ShowVersions, Depends(show_versions)]
