"""Orders: every leg that was decided for the caller."""

from __future__ import annotations

from functions.api.deps import CallerDep, CorrelationDep, DryRun, OrderId
from functions.api.filters import OrderFilterDep
from functions.api.openapi import refusals
from functions.api.paging import PagingDep
from functions.api.ports import DecisionsDep, HistoryDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.receipts import ReceiptView
from functions.api.schemas.trading import OrderView
from functions.api.schemas.values import Listing
from functions.api.schemas.why import ExplainedOrderView
from functions.api.use_cases.orders import CancelOrderDep
from functions.api.use_cases.why import ExplainOrderDep

router = resource_router(VERSION + "/orders", "orders", 401, 404, 422, 500, 503)


@router.get("")
def list_orders(who: CallerDep, history: HistoryDep, where: OrderFilterDep, paging: PagingDep) -> Listing[OrderView]:
    """List your orders by the time at which they were recorded. A subscription or account that is not yours answers 404.

    A page with a filter may be short, or empty, and yet have a next one.
    """
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


@router.get("/{order_id}/why")
def explain_order(who: CallerDep, explain: ExplainOrderDep, order_id: OrderId) -> ExplainedOrderView:
    """Explain an order: the origin of its signal, the verdict, the decision and the outcome, each in a sentence."""
    return ExplainedOrderView.of(explain(who.tenant_id, order_id))


@router.post("/{order_id}/cancel", status_code=202, responses=refusals(409))
def cancel_order(
    who: CallerDep, cancel: CancelOrderDep, order_id: OrderId, correlation_id: CorrelationDep, dry_run: DryRun = False
) -> OrderView:
    """Cancel an entry that is not filled yet. The wish is kept until the venue has said how the order ended.

    A part that is filled until then stays held, with its stop. A stop, a target or an exit is refused, and so is an order that
    has ended. A repeat is harmless.
    """
    return OrderView.of(cancel(who.tenant_id, order_id, correlation_id, dry_run=dry_run))
