"""Runs and signals of strategies."""

from __future__ import annotations

from functions.api.deps import DEFAULT_PAGE_SIZE, CallerDep, Cursor, PageSize, StrategyId
from functions.api.ports import ExecutionsDep, SignalsDep, StrategiesDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.strategies import ExecutionView, PublishedSignalView
from functions.api.schemas.values import Listing

router = resource_router(VERSION + "/strategies/{strategy_id}", "strategies", 401, 404, 422, 500, 503)


@router.get("/executions")
def list_executions(
    _: CallerDep,
    strategies: StrategiesDep,
    executions: ExecutionsDep,
    strategy_id: StrategyId,
    limit: PageSize = DEFAULT_PAGE_SIZE,
    cursor: Cursor = None,
) -> Listing[ExecutionView]:
    """List a strategy's runs, newest candle first: one per candle, however many follow it."""
    strategies.get_strategy(strategy_id)
    page = executions.list_executions(strategy_id, cursor, limit)
    return Listing(items=[ExecutionView.of(execution) for execution in page.items], next_cursor=page.cursor)


@router.get("/signals")
def list_signals(
    _: CallerDep,
    strategies: StrategiesDep,
    signals: SignalsDep,
    strategy_id: StrategyId,
    limit: PageSize = DEFAULT_PAGE_SIZE,
    cursor: Cursor = None,
) -> Listing[PublishedSignalView]:
    """List a strategy's signals, newest first, with the progress of each."""
    strategies.get_strategy(strategy_id)
    page = signals.list_signals(strategy_id, cursor, limit)
    return Listing(items=[PublishedSignalView.of(record) for record in page.items], next_cursor=page.cursor)
