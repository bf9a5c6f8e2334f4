"""The application: no environment, no AWS; its routes, and with them what they stand on, are loaded at their first request."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from mangum import Mangum
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from candlecast import __version__
from candlecast.domain.values.errors import DomainError
from functions.api import problems
from functions.api.guards import BodyLimit, UnexpectedErrors
from functions.api.resources import OVERRIDES, VERSION, Resource

TEXT_MEDIA_TYPES = [
    "application/json",
    problems.MEDIA_TYPE,
    "text/html",
    "text/csv",
]  # anything else would leave the function in base64


def create_app() -> FastAPI:
    """The API over what `runtime/compose/api.py` provides, or what stands in for it in `dependency_overrides`."""
    app = FastAPI(
        title="Candlecast",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would leave the gateway's stage and path out
    )
    app.dependency_overrides = OVERRIDES.dependency_overrides
    app.router.routes.extend(resources())
    app.add_exception_handler(DomainError, problems.domain_problem)
    app.add_exception_handler(RequestValidationError, problems.validation_problem)
    app.add_exception_handler(HTTPException, problems.http_problem)
    app.add_exception_handler(problems.Unauthenticated, problems.unauthenticated_problem)
    app.add_exception_handler(problems.Forbidden, problems.forbidden_problem)
    app.add_exception_handler(problems.FollowersOnly, problems.followers_only_problem)
    app.add_exception_handler(problems.Repeated, problems.repeated_answer)
    app.add_middleware(BodyLimit)
    app.add_middleware(UnexpectedErrors)  # added last, so it is the outermost
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_route("/openapi.json", document, include_in_schema=False)
    app.add_route("/docs", reference, include_in_schema=False)
    app.add_route(problems.PAGES + "{code}", code_page, include_in_schema=False)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The description; loaded when somebody asks for it, as both its answers are."""
    from functions.api.description.document import describe

    return describe(app)


def document(request: Request) -> Response:
    """The description for programs."""
    from functions.api.description import served

    return served.document(request.app).answer(request)


def reference(request: Request) -> Response:
    """The description as a page for people."""
    from functions.api.description import served

    return served.reference(request.app).answer(request)


def code_page(request: Request) -> Response:
    """A code of refusals as a page for people."""
    from functions.api.description import served

    page = served.code_page(request.path_params["code"])
    if page is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return page.answer(request)


def resources() -> list[BaseRoute]:
    """Where the routes are, in the order of the description."""
    return [
        Resource(f"{VERSION}/strategies", "strategies", "strategy_versions", "executions", "parity"),
        Resource(f"{VERSION}/marketplace", "marketplace"),
        Resource(f"{VERSION}/signals", "signals", "published_signals"),
        Resource(f"{VERSION}/subscriptions", "subscriptions"),
        Resource(f"{VERSION}/backtests", "backtests"),
        Resource(f"{VERSION}/accounts", "accounts"),
        Resource(f"{VERSION}/orders", "orders"),
        Resource(f"{VERSION}/receipts", "receipts"),
        Resource(f"{VERSION}/positions", "positions"),
        Resource(f"{VERSION}/trades", "trades"),
        Resource(f"{VERSION}/totals", "totals"),
        Resource(f"{VERSION}/live", "live"),
        Resource(f"{VERSION}/limits", "limits", "pools"),
        Resource(f"{VERSION}/dead-letters", "dead_letters"),
        Resource(f"{VERSION}/clock", "clock"),
        Resource(f"{VERSION}/kill-switches", "kill_switches"),
        Resource(f"{VERSION}/deployment-pause", "deployment_pause"),
        Resource(f"{VERSION}/approvals", "approvals"),
        Resource("/health", "health"),
    ]


def create_adapter() -> Mangum:
    """The API as a function of gateway events; needs a current event loop."""
    logging.getLogger("mangum").setLevel(logging.WARNING)  # it logs paths, and a webhook's secret may come to this door
    return Mangum(create_app(), lifespan="off", text_mime_types=TEXT_MEDIA_TYPES)
