"""The use case of health, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.health.check_health import CheckHealth
from functions.api.ports import ClockDep, ProbesDep


async def check_health(probes: ProbesDep, clock: ClockDep) -> CheckHealth:
    return CheckHealth(probes, clock)


CheckHealthDep = Annotated[CheckHealth, Depends(check_health)]
