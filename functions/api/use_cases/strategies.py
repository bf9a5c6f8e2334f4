"""The use cases of strategies, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from candlecast.services.strategies.admit_reader import Admission, AdmitReader
from candlecast.services.strategies.change_source import ChangeSource, RevokePreviousSecret, ShowSource
from candlecast.services.strategies.create_strategy import CreateStrategy
from candlecast.services.strategies.rotate_source_secret import RotateSourceSecret
from candlecast.services.strategies.show_record import ShowRecord
from candlecast.services.strategies.show_slippage import ShowSlippage
from candlecast.services.strategies.show_strategy_equity import ShowStrategyEquity
from functions.api.deps import PLATFORM_ADMIN, CallerDep, StrategyId
from functions.api.ports import (
    ClockDep,
    HistoryDep,
    IdentifiersDep,
    MarketsDep,
    SourceSecretsDep,
    SourceUseDep,
    StrategiesDep,
    StrategyCodeDep,
    SubscriptionsDep,
    VenuesDep,
)
from functions.api.problems import FollowersOnly


async def create_strategy(
    strategies: StrategiesDep,
    code: StrategyCodeDep,
    markets: MarketsDep,
    secrets: SourceSecretsDep,
    clock: ClockDep,
    identifiers: IdentifiersDep,
    venues: VenuesDep,
) -> CreateStrategy:
    return CreateStrategy(strategies, code, markets, secrets, clock, identifiers, venues)


async def rotate_source_secret(
    strategies: StrategiesDep, secrets: SourceSecretsDep, clock: ClockDep, identifiers: IdentifiersDep
) -> RotateSourceSecret:
    return RotateSourceSecret(strategies, secrets, clock, identifiers)


async def show_source(strategies: StrategiesDep, use: SourceUseDep, clock: ClockDep) -> ShowSource:
    return ShowSource(strategies, use, clock)


async def change_source(strategies: StrategiesDep) -> ChangeSource:
    return ChangeSource(strategies)


async def revoke_previous_secret(strategies: StrategiesDep) -> RevokePreviousSecret:
    return RevokePreviousSecret(strategies)


async def admit_reader(strategies: StrategiesDep, subscriptions: SubscriptionsDep) -> AdmitReader:
    return AdmitReader(strategies, subscriptions)


async def show_record(strategies: StrategiesDep, clock: ClockDep) -> ShowRecord:
    return ShowRecord(strategies, clock)


async def show_strategy_equity(strategies: StrategiesDep, clock: ClockDep) -> ShowStrategyEquity:
    return ShowStrategyEquity(strategies, clock)


async def show_slippage(history: HistoryDep, clock: ClockDep) -> ShowSlippage:
    return ShowSlippage(history, clock)


def admission(
    who: CallerDep,
    admit: Annotated[AdmitReader, Depends(admit_reader)],
    strategy_id: StrategyId,
    link_key: Annotated[str | None, Query(max_length=64, description="Secret part of the link to a strategy.")] = None,
) -> Admission:
    """The strategy that is addressed, and the rights of the caller."""
    return admit(who.tenant_id, strategy_id, is_operator=PLATFORM_ADMIN in who.roles, link_key=link_key)


AdmissionDep = Annotated[Admission, Depends(admission)]


def readable_strategy(admitted: AdmissionDep) -> str:
    """Id of a strategy whose decisions the caller may read; anybody else learns that they are for followers."""
    if not admitted.sees_decisions:
        raise FollowersOnly
    return admitted.strategy.strategy_id


ReadableStrategy = Annotated[str, Depends(readable_strategy)]
ShowRecordDep = Annotated[ShowRecord, Depends(show_record)]
ShowSlippageDep = Annotated[ShowSlippage, Depends(show_slippage)]
ShowStrategyEquityDep = Annotated[ShowStrategyEquity, Depends(show_strategy_equity)]
CreateStrategyDep = Annotated[CreateStrategy, Depends(create_strategy)]
ShowSourceDep = Annotated[ShowSource, Depends(show_source)]
ChangeSourceDep = Annotated[ChangeSource, Depends(change_source)]
RevokePreviousSecretDep = Annotated[RevokePreviousSecret, Depends(revoke_previous_secret)]
RotateSourceSecretDep = Annotated[RotateSourceSecret, Depends(rotate_source_secret)]
