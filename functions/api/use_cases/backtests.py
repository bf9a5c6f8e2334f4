"""The use cases of backtests, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.backtests.ask_backtest import AskBacktest
from candlecast.services.backtests.cancel_backtest import CancelBacktest
from candlecast.services.backtests.send_tasks import SendTasks
from candlecast.services.backtests.show_results import ShowResults
from candlecast.services.strategies.admit_reader import AdmitReader
from functions.api.ports import (
    BacktestQueueDep,
    BacktestResultsDep,
    BacktestsDep,
    ClockDep,
    IdentifiersDep,
    MarketsDep,
    StrategiesDep,
    SubscriptionsDep,
)


async def ask_backtest(
    backtests: BacktestsDep,
    strategies: StrategiesDep,
    subscriptions: SubscriptionsDep,
    markets: MarketsDep,
    queue: BacktestQueueDep,
    clock: ClockDep,
    identifiers: IdentifiersDep,
) -> AskBacktest:
    return AskBacktest(
        backtests=backtests,
        strategies=strategies,
        subscriptions=subscriptions,
        admit=AdmitReader(strategies, subscriptions),
        markets=markets,
        send=SendTasks(backtests, queue),
        clock=clock,
        identifiers=identifiers,
    )


async def cancel_backtest(backtests: BacktestsDep, clock: ClockDep) -> CancelBacktest:
    return CancelBacktest(backtests, clock)


async def show_results(backtests: BacktestsDep, results: BacktestResultsDep, clock: ClockDep) -> ShowResults:
    return ShowResults(backtests, results, clock)


AskBacktestDep = Annotated[AskBacktest, Depends(ask_backtest)]
CancelBacktestDep = Annotated[CancelBacktest, Depends(cancel_backtest)]
ShowResultsDep = Annotated[ShowResults, Depends(show_results)]
