"""Trades: the caller's round trips."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.api.deps import CallerDep, identifier
from functions.api.paging import PagingDep
from functions.api.ports import HistoryDep, SubscriptionsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.trading import TradeView
from functions.api.schemas.values import Listing

router = resource_router(VERSION + "/trades", "trades", 401, 404, 422, 500, 503)


@router.get("")
def list_trades(
    who: CallerDep,
    paging: PagingDep,
    history: HistoryDep,
    subscriptions: SubscriptionsDep,
    subscription_id: Annotated[str | None, Query()] = None,
) -> Listing[TradeView]:
    """List your closed trades, newest first; a subscription that is not yours answers 404."""
    if subscription_id is not None:
        subscriptions.get_subscription(who.tenant_id, identifier(subscription_id))
    page = history.list_trades(who.tenant_id, subscription_id, paging.start, paging.limit)
    return Listing(items=[TradeView.of(trade) for trade in page.items], next_cursor=paging.next(page.cursor))
