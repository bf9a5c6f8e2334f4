"""Health: open to everybody, so it probes nothing, its answer is cached, and it says nothing of where things are."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

from fastapi import Request, Response

from candlecast.domain.health.health import HealthState
from candlecast.services.health.read_health import ToldHealth
from functions.api.ports import ClockDep
from functions.api.resources import resource_router
from functions.api.schemas.health import HealthView
from functions.api.use_cases.health import ReadHealthDep

REMEMBERED = timedelta(seconds=5)  # no token is needed: a flood of requests costs one read per environment in this time
CACHED = {"Cache-Control": "public, max-age=15"}  # a health is written each minute
NOT_CACHED = {"Cache-Control": "no-store", "Retry-After": "60"}  # the end of an outage is seen at once

router = resource_router("/health", "operations", 500)


@router.get("", responses={503: {"model": HealthView, "description": "No order can be placed, or nobody knows."}})
def get_health(request: Request, response: Response, read: ReadHealthDep, clock: ClockDep) -> HealthView:
    """Show the health of every component, as the probe of this minute has found it."""
    known: tuple[datetime, ToldHealth] | None = getattr(request.app.state, "health", None)
    if known is None or clock.now() - known[0] >= REMEMBERED:
        known = request.app.state.health = (clock.now(), read())
    told = known[1]
    is_down = told.state is HealthState.DOWN
    response.status_code = HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK
    response.headers.update(NOT_CACHED if is_down else CACHED)
    return HealthView.of(told)
