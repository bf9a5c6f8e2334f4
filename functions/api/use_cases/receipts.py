"""The use case of receipts, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.limits.list_receipts import ListReceipts
from functions.api.ports import DecisionsDep, HistoryDep


async def list_receipts(history: HistoryDep, decisions: DecisionsDep) -> ListReceipts:
    return ListReceipts(history, decisions)


ListReceiptsDep = Annotated[ListReceipts, Depends(list_receipts)]
