"""Receipts: how each decision was made."""

from __future__ import annotations

from functions.api.deps import CallerDep
from functions.api.filters import ReceiptFilterDep
from functions.api.paging import PagingDep
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.receipts import DecidedOrderView
from functions.api.schemas.values import Listing
from functions.api.use_cases.receipts import ListReceiptsDep

router = resource_router(VERSION + "/receipts", "orders", 401, 404, 422, 500, 503)


@router.get("")
def list_receipts(
    who: CallerDep, receipts: ListReceiptsDep, where: ReceiptFilterDep, paging: PagingDep
) -> Listing[DecidedOrderView]:
    """List the orders that signals have asked for, by the time of the decision, each with its receipt; kept for three months.

    A signal that closes and opens has two orders and one receipt. A page may be short, or empty, and yet have a next one.
    """
    page = receipts(who.tenant_id, where, paging.start, paging.limit)
    return Listing(items=[DecidedOrderView.of(decided) for decided in page.items], next_cursor=paging.next(page.cursor))
