"""The use case of the candle clock, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.market.show_clock import ShowClock
from functions.api.ports import ClockDep, FiringsDep


async def show_clock(firings: FiringsDep, clock: ClockDep) -> ShowClock:
    return ShowClock(firings, clock)


ShowClockDep = Annotated[ShowClock, Depends(show_clock)]
