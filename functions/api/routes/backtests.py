"""Backtests: questions about the past, their progress, their results."""

from __future__ import annotations

from candlecast.domain.values.ids import digest
from candlecast.ports.backtests import RequestKey
from candlecast.services.backtests.ask_backtest import Reader
from functions.api.deps import PLATFORM_ADMIN, BacktestId, CallerDep, CorrelationDep, IdempotencyKey
from functions.api.filters import BacktestFilterDep
from functions.api.manners.conditions import IfMatchDep, ShownDep, version_of_backtest
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import BacktestsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.backtests import BacktestView, NewBacktest, ResultLinksView
from functions.api.schemas.values import Listing
from functions.api.use_cases.backtests import AskBacktestDep, CancelBacktestDep, ShowResultsDep

router = resource_router(VERSION + "/backtests", "backtests", 401, 422, 500, 503)


@router.get("", responses=refusals(404))
def list_backtests(who: CallerDep, backtests: BacktestsDep, where: BacktestFilterDep, paging: PagingDep) -> Listing[BacktestView]:
    """List your backtests by the time at which you asked for them.

    A page with a filter may be short, or empty, and yet have a `next_cursor`.
    """
    page = backtests.list_backtests(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[BacktestView.of(backtest) for backtest in page.items], next_cursor=paging.next(page.cursor))


@router.post("", status_code=202, responses=refusals(404, 409, 413))
def ask_backtest(
    who: CallerDep,
    ask: AskBacktestDep,
    correlation_id: CorrelationDep,
    body: NewBacktest,
    idempotency_key: IdempotencyKey = None,
) -> BacktestView:
    """Ask for a strategy to be tried on past candles. It is computed as soon as there is room; follow it by its id."""
    reader = Reader(tenant_id=who.tenant_id, is_operator=PLATFORM_ADMIN in who.roles, link_key=body.link_key)
    asked_for = digest(body.model_dump_json(exclude_unset=True))  # a later release may know more fields
    key = None if idempotency_key is None else RequestKey(key=idempotency_key, asked_for=asked_for)
    return BacktestView.of(ask(reader, body.to_domain(), correlation_id, key))


@router.get("/{backtest_id}", responses=refusals(404))
def get_backtest(who: CallerDep, backtests: BacktestsDep, backtest_id: BacktestId, shown: ShownDep) -> BacktestView:
    """Show one backtest and its progress."""
    return BacktestView.of(shown(version_of_backtest, backtests.find_backtest(who.tenant_id, backtest_id)))


@router.delete("/{backtest_id}", responses=refusals(404, 409))
def cancel_backtest(who: CallerDep, cancel: CancelBacktestDep, backtest_id: BacktestId, if_match: IfMatchDep) -> BacktestView:
    """Cancel a backtest that waits or runs. An ended backtest stays as it is, and both stay in the list."""
    return BacktestView.of(cancel(who.tenant_id, backtest_id, expect=if_match(version_of_backtest)))


@router.get("/{backtest_id}/results", responses=refusals(404, 409))
def get_backtest_results(who: CallerDep, show: ShowResultsDep, backtest_id: BacktestId) -> ResultLinksView:
    """Get links to the results of a finished backtest, open for five minutes."""
    return ResultLinksView.of(show(who.tenant_id, backtest_id))
