"""Runs and signals of strategies, for those who follow them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from functions.api.filters import ExecutionFilterDep, SignalFilterDep
from functions.api.paging import PagingDep
from functions.api.ports import ExecutionsDep, SignalsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.execution_statistics import ExecutionStatisticsView
from functions.api.schemas.strategies import ExecutionView, PublishedSignalView
from functions.api.schemas.values import Day, Instant, Listing
from functions.api.schemas.why import ExplainedCandleView, ExplainedRunView
from functions.api.use_cases.executions import ShowExecutionStatisticsDep
from functions.api.use_cases.strategies import ReadableStrategy
from functions.api.use_cases.why import ExplainRunDep

router = resource_router(VERSION + "/strategies/{strategy_id}", "strategies", 401, 403, 404, 422, 500, 503)


@router.get("/executions")
def list_executions(
    executions: ExecutionsDep,
    strategy_id: ReadableStrategy,
    where: ExecutionFilterDep,
    paging: PagingDep,
) -> Listing[ExecutionView]:
    """List a strategy's runs by the close of their candle: one per candle, however many follow it.

    Followers and operators see them. A page with a filter may be short, or empty, and yet have a next one.
    """
    page = executions.list_executions(strategy_id, where, paging.start, paging.limit)
    return Listing(items=[ExecutionView.of(execution) for execution in page.items], next_cursor=paging.next(page.cursor))


@router.get("/executions/statistics")
def get_execution_statistics(
    show: ShowExecutionStatisticsDep,
    strategy_id: ReadableStrategy,
    since: Annotated[Day | None, Query(description="First day (UTC); without it, thirty days ago.")] = None,
) -> ExecutionStatisticsView:
    """Show how a strategy's runs went: states, durations and drift, by day and since the beginning."""
    return ExecutionStatisticsView.of(show(strategy_id, since))


@router.get("/executions/{candle_close}/why")
def explain_run(
    explain: ExplainRunDep,
    strategy_id: ReadableStrategy,
    candle_close: Annotated[Instant, Path(description="Close of the candle.", examples=["2026-12-01T08:00:00Z"])],
) -> ExplainedCandleView:
    """Explain the strategy's runs on a candle, each in a sentence, also those that gave no signal.

    A run that gave a signal names it; `GET /v1/signals/{signal_id}` goes on from there.
    """
    runs = [ExplainedRunView.of(run) for run in explain(strategy_id, candle_close)]
    return ExplainedCandleView(strategy_id=strategy_id, candle_close=candle_close, runs=runs)


@router.get("/signals")
def list_signals(
    signals: SignalsDep,
    strategy_id: ReadableStrategy,
    where: SignalFilterDep,
    paging: PagingDep,
) -> Listing[PublishedSignalView]:
    """List a strategy's signals by the time of their publication, with the progress of each. Followers and operators see them.

    A page with a filter may be short, or empty, and yet have a next one.
    """
    page = signals.list_signals(strategy_id, where, paging.start, paging.limit)
    return Listing(items=[PublishedSignalView.of(record) for record in page.items], next_cursor=paging.next(page.cursor))
