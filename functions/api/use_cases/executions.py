"""The use case of runs, made of its ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.strategies.show_execution_statistics import ShowExecutionStatistics
from functions.api.ports import ClockDep, ExecutionsDep


async def show_execution_statistics(executions: ExecutionsDep, clock: ClockDep) -> ShowExecutionStatistics:
    return ShowExecutionStatistics(executions, clock)


ShowExecutionStatisticsDep = Annotated[ShowExecutionStatistics, Depends(show_execution_statistics)]
