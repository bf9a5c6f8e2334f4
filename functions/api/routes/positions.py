"""The caller's positions."""

from __future__ import annotations

from functions.api.deps import CallerDep
from functions.api.filters import PositionFilterDep
from functions.api.ports import ClockDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.trading import PositionList, PositionView
from functions.api.use_cases.positions import ValuePositionsDep

router = resource_router(VERSION + "/positions", "positions", 401, 404, 422, 500, 503)


@router.get("")
def list_positions(who: CallerDep, value: ValuePositionsDep, where: PositionFilterDep, clock: ClockDep) -> PositionList:
    """List your open positions with their unrealised profit, by the time of their opening; there is one page.

    A subscription or account that is not yours answers 404.
    """
    return PositionList(items=[PositionView.of(valued) for valued in value(who.tenant_id, where)], as_of=clock.now())
