"""Parity of a strategy: live compared with a backtest, by day."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from functions.api.deps import StrategyId
from functions.api.openapi import refusals
from functions.api.resources import VERSION, resource_router
from functions.api.schemas.parity import AskedParity, ParityTaskView, ParityView
from functions.api.schemas.values import Day
from functions.api.use_cases.parity import AskParityDep, ShowParityDep
from functions.api.use_cases.strategies import AdmissionDep
from functions.api.use_cases.strategy_versions import AuthorDep

router = resource_router(VERSION + "/strategies", "strategies", 401, 422, 500, 503)
Since = Annotated[Day | None, Query(description="First day (UTC), at most 31 days with today; without it, the last thirty.")]


@router.get("/{strategy_id}/parity", responses=refusals(404))
def get_strategy_parity(admitted: AdmissionDep, show: ShowParityDep, since: Since = None) -> ParityView:
    """Show whether live decided as a backtest does; others than followers see counts, and no decision."""
    return ParityView.of(show(admitted, since))


@router.post("/{strategy_id}/parity", status_code=202, responses=refusals(404, 409, 413))
def ask_strategy_parity(who: AuthorDep, ask: AskParityDep, strategy_id: StrategyId, body: AskedParity) -> ParityTaskView:
    """Have days compared anew, as the author of the strategy or as an operator; each night does so for the day before."""
    return ParityTaskView(strategy_id=strategy_id, days=ask(who, strategy_id, body.since))
