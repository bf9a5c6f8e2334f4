"""The use cases of subscriptions, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.subscriptions.cancel_subscription import CancelSubscription
from candlecast.services.subscriptions.change_subscription import ChangeSubscription
from candlecast.services.subscriptions.measure_subscription import MeasureSubscription
from candlecast.services.subscriptions.pin_version import PinVersion
from candlecast.services.subscriptions.show_equity import ShowEquity
from candlecast.services.subscriptions.subscribe import Subscribe
from functions.api.ports import (
    AccountsDep,
    ClockDep,
    HistoryDep,
    IdentifiersDep,
    StrategiesDep,
    SubscriptionsDep,
    TradeQueueDep,
)


async def subscribe(
    subscriptions: SubscriptionsDep,
    strategies: StrategiesDep,
    accounts: AccountsDep,
    clock: ClockDep,
    identifiers: IdentifiersDep,
) -> Subscribe:
    return Subscribe(subscriptions, strategies, accounts, clock, identifiers)


async def change_subscription(subscriptions: SubscriptionsDep, accounts: AccountsDep, clock: ClockDep) -> ChangeSubscription:
    return ChangeSubscription(subscriptions, accounts, clock)


async def cancel_subscription(
    subscriptions: SubscriptionsDep, accounts: AccountsDep, trade_queue: TradeQueueDep, clock: ClockDep
) -> CancelSubscription:
    return CancelSubscription(subscriptions, accounts, trade_queue, clock)


async def pin_version(subscriptions: SubscriptionsDep, strategies: StrategiesDep) -> PinVersion:
    return PinVersion(subscriptions, strategies)


async def measure_subscription(subscriptions: SubscriptionsDep, history: HistoryDep) -> MeasureSubscription:
    return MeasureSubscription(subscriptions, history)


async def show_equity(subscriptions: SubscriptionsDep, accounts: AccountsDep, history: HistoryDep, clock: ClockDep) -> ShowEquity:
    return ShowEquity(subscriptions, accounts, history, clock)


SubscribeDep = Annotated[Subscribe, Depends(subscribe)]
ChangeSubscriptionDep = Annotated[ChangeSubscription, Depends(change_subscription)]
PinVersionDep = Annotated[PinVersion, Depends(pin_version)]
CancelSubscriptionDep = Annotated[CancelSubscription, Depends(cancel_subscription)]
MeasureSubscriptionDep = Annotated[MeasureSubscription, Depends(measure_subscription)]
ShowEquityDep = Annotated[ShowEquity, Depends(show_equity)]
