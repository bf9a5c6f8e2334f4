"""The use cases of strategies, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.strategies.create_strategy import CreateStrategy
from candlecast.services.strategies.rotate_source_secret import RotateSourceSecret
from functions.api.ports import (
    ClockDep,
    IdentifiersDep,
    MarketsDep,
    SourceSecretsDep,
    StrategiesDep,
    StrategyCodeDep,
    VenuesDep,
)


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
    strategies: StrategiesDep, secrets: SourceSecretsDep, identifiers: IdentifiersDep
) -> RotateSourceSecret:
    return RotateSourceSecret(strategies, secrets, identifiers)


CreateStrategyDep = Annotated[CreateStrategy, Depends(create_strategy)]
RotateSourceSecretDep = Annotated[RotateSourceSecret, Depends(rotate_source_secret)]
