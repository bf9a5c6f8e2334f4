"""Trades: the caller's round trips."""

from __future__ import annotations

from functions.api.deps import CallerDep
from functions.api.filters import TradeFilterDep
from functions.api.paging import PagingDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.trading import TradeView
from functions.api.schemas.values import Listing
from functions.api.use_cases.trades import ListTradesDep

router = resource_router(VERSION + "/trades", "trades", 401, 404, 422, 500, 503)


@router.get("")
def list_trades(who: CallerDep, trades: ListTradesDep, where: TradeFilterDep, paging: PagingDep) -> Listing[TradeView]:
    """List your closed trades by the time of their close. A subscription or account that is not yours answers 404.

    A page with a filter may be short, or empty, and yet have a next one.
    """
    page = trades(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[TradeView.of(trade) for trade in page.items], next_cursor=paging.next(page.cursor))
