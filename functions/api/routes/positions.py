"""The caller's positions."""

from __future__ import annotations

from functions.api.deps import CallerDep, CorrelationDep, DryRun, IdempotencyKey
from functions.api.filters import PositionFilterDep
from functions.api.openapi import refusals
from functions.api.ports import ClockDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.acts import ClosingView, PositionToClose, StopToMove, StopView
from functions.api.schemas.trading import PositionList, PositionView
from functions.api.use_cases.positions import ClosePositionDep, MoveStopDep, ValuePositionsDep

router = resource_router(VERSION + "/positions", "positions", 401, 404, 422, 500, 503)


@router.get("")
def list_positions(who: CallerDep, value: ValuePositionsDep, where: PositionFilterDep, clock: ClockDep) -> PositionList:
    """List your open positions with their unrealised profit, by the time of their opening; there is one page.

    A subscription or account that is not yours answers 404.
    """
    return PositionList(items=[PositionView.of(valued) for valued in value(who.tenant_id, where)], as_of=clock.now())


@router.post("/close", status_code=202, responses=refusals(404, 409, 413, 422))
def close_position(
    who: CallerDep,
    close: ClosePositionDep,
    body: PositionToClose,
    correlation_id: CorrelationDep,
    idempotency_key: IdempotencyKey = None,
    dry_run: DryRun = False,
) -> ClosingView:
    """Close a position at market, or a part of it; the exit is decided as it is sent, never for more than is held.

    An entry that rests for the position is cancelled first, and the stop fits the rest within seconds. Targets stay as they are.
    """
    place, reduction = body.place(), body.reduction()
    closing = close(
        who.tenant_id, place, reduction, correlation_id=correlation_id, idempotency_key=idempotency_key, dry_run=dry_run
    )
    return ClosingView.of(closing, dry_run=dry_run)


@router.put("/stop", responses=refusals(404, 409, 413, 422))
def move_stop(
    who: CallerDep, move: MoveStopDep, body: StopToMove, correlation_id: CorrelationDep, dry_run: DryRun = False
) -> StopView:
    """Move the stop of a position, or give it one. The new stop is placed within seconds, and only then is the old one cancelled.

    A price at which the stop would trigger at once is refused. A looser stop must be within the limits on stops and risk.
    """
    moved = move(who.tenant_id, body.place(), body.stop_price, correlation_id, dry_run=dry_run)
    return StopView.of(moved, dry_run=dry_run)
