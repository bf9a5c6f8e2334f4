"""The use cases of positions, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.orders.close_position import ClosePosition
from candlecast.services.orders.move_stop import MoveStop
from candlecast.services.reconcile.value_positions import ValuePositions
from functions.api.ports import (
    AccountsDep,
    AwaitedLooksDep,
    ClockDep,
    HistoryDep,
    MarketsDep,
    PricesDep,
    QuotesDep,
    StrategiesDep,
    SubscriptionsDep,
    TradeQueueDep,
)
from functions.api.use_cases.limits import ReadLimitsDep


async def value_positions(
    history: HistoryDep, accounts: AccountsDep, strategies: StrategiesDep, prices: PricesDep
) -> ValuePositions:
    return ValuePositions(history, accounts, strategies, prices)


async def close_position(
    accounts: AccountsDep,
    history: HistoryDep,
    subscriptions: SubscriptionsDep,
    markets: MarketsDep,
    trade_queue: TradeQueueDep,
    clock: ClockDep,
) -> ClosePosition:
    return ClosePosition(accounts, history, subscriptions, markets, trade_queue, clock)


async def move_stop(
    accounts: AccountsDep,
    subscriptions: SubscriptionsDep,
    markets: MarketsDep,
    quotes: QuotesDep,
    read: ReadLimitsDep,
    looks: AwaitedLooksDep,
    clock: ClockDep,
) -> MoveStop:
    return MoveStop(accounts, subscriptions, markets, quotes, read, looks, clock)


MoveStopDep = Annotated[MoveStop, Depends(move_stop)]
ClosePositionDep = Annotated[ClosePosition, Depends(close_position)]
ValuePositionsDep = Annotated[ValuePositions, Depends(value_positions)]
