"""The use cases of orders, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.orders.cancel_order import CancelOrder
from functions.api.ports import AccountsDep, AwaitedLooksDep, ClockDep, HistoryDep


async def cancel_order(accounts: AccountsDep, history: HistoryDep, looks: AwaitedLooksDep, clock: ClockDep) -> CancelOrder:
    return CancelOrder(accounts, history, looks, clock)


CancelOrderDep = Annotated[CancelOrder, Depends(cancel_order)]
