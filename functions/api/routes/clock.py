"""The candle clock: its firings, and the strategies that it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query

from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.values.timeframe import Timeframe
from functions.api.deps import AdminDep
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import ClockRegistryDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.clock import ClockEntryView, ClockView
from functions.api.schemas.values import Listing
from functions.api.use_cases.clock import ShowClockDep

router = resource_router(VERSION + "/clock", "operations", 401, 403, 500, 503)


@router.get("")
def get_clock(_: AdminDep, show: ShowClockDep) -> ClockView:
    """Show each timeframe's last and next firing (platform admins)."""
    return ClockView.of(show())


@router.get("/{timeframe}", responses=refusals(404))
def list_clock_entries(
    _: AdminDep,
    registry: ClockRegistryDep,
    paging: PagingDep,
    timeframe: Annotated[Timeframe, Path(description="Length of the candles.")],
    kind: Annotated[
        Literal[StrategyKind.BUILT_IN, StrategyKind.UPLOADED], Query(description="Whose code: the deployment's or a tenant's.")
    ] = StrategyKind.BUILT_IN,
) -> Listing[ClockEntryView]:
    """List the followed strategies that run on each candle of a timeframe, by venue and market (platform admins)."""
    page = registry.entries(timeframe, kind, paging.start, paging.limit)
    return Listing(items=[ClockEntryView.model_validate(entry) for entry in page.items], next_cursor=paging.next(page.cursor))
