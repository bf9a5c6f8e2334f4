"""Health: open to everybody, so its answer is cached and says nothing of where things are."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from fastapi import Request, Response

from candlecast.services.health.check_health import Health
from functions.api.ports import ClockDep
from functions.api.resources import resource_router
from functions.api.schemas.health import HealthView
from functions.api.use_cases.health import CheckHealthDep

CACHE = timedelta(seconds=5)  # no token is needed: a flood of requests costs one round of probes per environment in this time

router = resource_router("/health", "operations", 500)


@router.get("", responses={503: {"model": HealthView, "description": "A dependency does not answer."}})
def get_health(request: Request, response: Response, check: CheckHealthDep, clock: ClockDep) -> HealthView:
    """Say whether the service and everything that it depends on answer."""
    known: Health | None = getattr(request.app.state, "health", None)
    if known is None or clock.now() - known.checked_at >= CACHE:
        known = check()
        request.app.state.health = known
    response.status_code = HTTPStatus.OK if known.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return HealthView.of(known)
