"""The use case of health, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.health.read_health import ReadHealth
from functions.api.ports import ClockDep, HealthDep


async def read_health(store: HealthDep, clock: ClockDep) -> ReadHealth:
    return ReadHealth(store, clock)


ReadHealthDep = Annotated[ReadHealth, Depends(read_health)]
