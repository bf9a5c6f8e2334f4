"""Orders: every leg that was decided for the caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from candlecast.domain.orders.intent import IntentState
from candlecast.ports.store import OrderFilter
from functions.api.deps import CallerDep, OrderId, identifier
from functions.api.paging import PagingDep
from functions.api.ports import AccountsDep, DecisionsDep, HistoryDep, SubscriptionsDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.receipts import ReceiptView
from functions.api.schemas.trading import OrderView
from functions.api.schemas.values import Listing

router = resource_router(VERSION + "/orders", "orders", 401, 404, 422, 500, 503)


@router.get("")
def list_orders(
    who: CallerDep,
    paging: PagingDep,
    history: HistoryDep,
    subscriptions: SubscriptionsDep,
    accounts: AccountsDep,
    subscription_id: Annotated[str | None, Query()] = None,
    account_id: Annotated[str | None, Query()] = None,
    state: Annotated[IntentState | None, Query(description="Only orders in this state.")] = None,
) -> Listing[OrderView]:
    """List your orders, newest first; a subscription or account that is not yours answers 404."""
    if subscription_id is not None:
        subscriptions.get_subscription(who.tenant_id, identifier(subscription_id))
    if account_id is not None:
        accounts.load(who.tenant_id, identifier(account_id))
    where = OrderFilter(subscription_id=subscription_id, account_id=account_id, state=state)
    page = history.list_orders(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[OrderView.of(intent) for intent in page.items], next_cursor=paging.next(page.cursor))


@router.get("/{order_id}")
def get_order(who: CallerDep, history: HistoryDep, order_id: OrderId) -> OrderView:
    """Show one order."""
    return OrderView.of(history.get_order(who.tenant_id, order_id))


@router.get("/{order_id}/receipt")
def get_order_receipt(who: CallerDep, history: HistoryDep, decisions: DecisionsDep, order_id: OrderId) -> ReceiptView:
    """Show how the order was decided: every limit with its value, bound and origin; kept for three months."""
    order = history.get_order(who.tenant_id, order_id)
    return ReceiptView.of(decisions.get_receipt(who.tenant_id, order.signal_id, order.subscription_id))
