"""Positions: what the caller holds."""

from __future__ import annotations

from candlecast.services.reconcile.value_positions import ValuePositions
from functions.api.deps import CallerDep, ServicesDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.trading import PositionList, PositionView

router = resource_router(VERSION + "/positions", "positions", 401, 500, 503)


@router.get("")
def list_positions(who: CallerDep, services: ServicesDep) -> PositionList:
    """List your open positions with their unrealised profit; there is one page."""
    value = ValuePositions(services.history, services.accounts, services.strategies, services.prices)
    return PositionList(items=[PositionView.of(valued) for valued in value(who.tenant_id)], as_of=services.clock.now())
