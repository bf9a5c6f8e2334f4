"""The use case of trades, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.subscriptions.list_trades import ListTrades
from functions.api.ports import HistoryDep, SignalsDep


async def list_trades(history: HistoryDep, signals: SignalsDep) -> ListTrades:
    return ListTrades(history, signals)


ListTradesDep = Annotated[ListTrades, Depends(list_trades)]
