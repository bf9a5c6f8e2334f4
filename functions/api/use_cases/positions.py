"""The use case of positions, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.reconcile.value_positions import ValuePositions
from functions.api.ports import AccountsDep, HistoryDep, PricesDep, StrategiesDep


async def value_positions(
    history: HistoryDep, accounts: AccountsDep, strategies: StrategiesDep, prices: PricesDep
) -> ValuePositions:
    return ValuePositions(history, accounts, strategies, prices)


ValuePositionsDep = Annotated[ValuePositions, Depends(value_positions)]
