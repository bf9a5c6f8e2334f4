"""The use cases of limits and pools, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.limits.change_limits import ChangeLimits
from candlecast.services.limits.describe_limits import DescribeLimits
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.limits.show_usage import ShowUsage
from candlecast.services.limits.validate_order import ValidateOrder
from functions.api.ports import (
    AccountsDep,
    ClockDep,
    KillSwitchesDep,
    LimitStoreDep,
    MarketsDep,
    MetricsDep,
    PoolsDep,
    QuotesDep,
    StrategiesDep,
    SubscriptionsDep,
    TableGenerationDep,
)


async def change_limits(limits: LimitStoreDep, switches: KillSwitchesDep, clock: ClockDep) -> ChangeLimits:
    return ChangeLimits(limits, switches, clock)


async def read_limits(limits: LimitStoreDep, clock: ClockDep, metrics: MetricsDep) -> ReadLimits:
    return ReadLimits(limits, clock, metrics)


ChangeLimitsDep = Annotated[ChangeLimits, Depends(change_limits)]
ReadLimitsDep = Annotated[ReadLimits, Depends(read_limits)]


async def describe_limits(read: ReadLimitsDep, subscriptions: SubscriptionsDep, accounts: AccountsDep) -> DescribeLimits:
    return DescribeLimits(read, subscriptions, accounts)


async def show_usage(read: ReadLimitsDep, subscriptions: SubscriptionsDep, accounts: AccountsDep, clock: ClockDep) -> ShowUsage:
    return ShowUsage(read, subscriptions, accounts, clock)


async def validate_order(
    read: ReadLimitsDep,
    subscriptions: SubscriptionsDep,
    strategies: StrategiesDep,
    accounts: AccountsDep,
    pools: PoolsDep,
    markets: MarketsDep,
    quotes: QuotesDep,
    clock: ClockDep,
    metrics: MetricsDep,
    generation: TableGenerationDep,
) -> ValidateOrder:
    return ValidateOrder(read, subscriptions, strategies, accounts, pools, markets, quotes, clock, metrics, generation)


DescribeLimitsDep = Annotated[DescribeLimits, Depends(describe_limits)]
ShowUsageDep = Annotated[ShowUsage, Depends(show_usage)]
ValidateOrderDep = Annotated[ValidateOrder, Depends(validate_order)]
