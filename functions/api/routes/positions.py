"""The caller's positions."""

from __future__ import annotations

from functions.api.deps import CallerDep
from functions.api.ports import ClockDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.trading import PositionList, PositionView
from functions.api.use_cases.positions import ValuePositionsDep

router = resource_router(VERSION + "/positions", "positions", 401, 500, 503)


@router.get("")
def list_positions(who: CallerDep, value: ValuePositionsDep, clock: ClockDep) -> PositionList:
    """List your open positions with their unrealised profit; there is one page."""
    return PositionList(items=[PositionView.of(valued) for valued in value(who.tenant_id)], as_of=clock.now())
