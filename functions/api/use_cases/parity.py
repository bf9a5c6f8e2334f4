"""The use cases of parity, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.parity.ask_parity import AskParity
from candlecast.services.parity.show_parity import ShowParity
from functions.api.ports import ClockDep, ParityDaysDep, ParityQueueDep, StrategiesDep


async def show_parity(days: ParityDaysDep, clock: ClockDep) -> ShowParity:
    return ShowParity(days, clock)


async def ask_parity(strategies: StrategiesDep, days: ParityDaysDep, queue: ParityQueueDep, clock: ClockDep) -> AskParity:
    return AskParity(strategies, days, queue, clock)


ShowParityDep = Annotated[ShowParity, Depends(show_parity)]
AskParityDep = Annotated[AskParity, Depends(ask_parity)]
