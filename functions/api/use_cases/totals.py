"""The use case of totals, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.reconcile.sum_accounts import SumAccounts
from functions.api.ports import AccountsDep, ClockDep, HistoryDep, ResultSumsDep, SubscriptionsDep
from functions.api.use_cases.positions import ValuePositionsDep


async def sum_accounts(
    accounts: AccountsDep,
    subscriptions: SubscriptionsDep,
    history: HistoryDep,
    sums: ResultSumsDep,
    value: ValuePositionsDep,
    clock: ClockDep,
) -> SumAccounts:
    return SumAccounts(accounts, subscriptions, history, sums, value, clock)


SumAccountsDep = Annotated[SumAccounts, Depends(sum_accounts)]
