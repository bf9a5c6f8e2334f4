"""The application as a pure function of its services: no environment, no AWS, nothing at import."""

from __future__ import annotations

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from mangum import Mangum
from starlette.exceptions import HTTPException

from candlecast.domain.errors import DomainError
from candlecast.ports.api_services import ApiServices
from functions.api import problems
from functions.api.guards import BodyLimit, UnexpectedErrors
from functions.api.openapi import DESCRIPTION, TAGS, describe
from functions.api.routes import (
    accounts,
    dead_letters,
    executions,
    health,
    kill_switches,
    limits,
    orders,
    pools,
    positions,
    strategies,
    subscriptions,
    trades,
)

VERSION = "1.0.0"
TEXT_MEDIA_TYPES = ["application/json", problems.MEDIA_TYPE]  # anything else would leave the function in base64


def create_app(services: ApiServices) -> FastAPI:
    """The API over the given services."""
    app = FastAPI(
        title="Candlecast",
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would leave the gateway's stage and path out
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    for module in (
        strategies,
        executions,
        subscriptions,
        accounts,
        orders,
        positions,
        trades,
        limits,
        pools,
        dead_letters,
        kill_switches,
    ):
        # One by one: a router in between would have FastAPI work every route out once more than it needs.
        app.include_router(module.router, prefix="/v1")
    app.include_router(health.router)
    app.add_exception_handler(DomainError, problems.domain_problem)
    app.add_exception_handler(RequestValidationError, problems.validation_problem)
    app.add_exception_handler(HTTPException, problems.http_problem)
    app.add_exception_handler(problems.Unauthenticated, problems.unauthenticated_problem)
    app.add_exception_handler(problems.Forbidden, problems.forbidden_problem)
    app.add_middleware(BodyLimit)
    app.add_middleware(UnexpectedErrors)  # added last, so it is the outermost
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def create_adapter(services: ApiServices) -> Mangum:
    """The API as a function of gateway events; needs a current event loop."""
    logging.getLogger("mangum").setLevel(logging.WARNING)  # it logs paths, and a webhook's secret may come to this door
    return Mangum(create_app(services), lifespan="off", text_mime_types=TEXT_MEDIA_TYPES)


def _operation_id(route: APIRoute) -> str:
    """The function's name: clients are generated from it, so it is as stable as the path."""
    return route.name
