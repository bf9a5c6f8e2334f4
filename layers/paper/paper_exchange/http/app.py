"""The venue as a web application: Binance USD-M futures' REST dialect, and an operator's door beside it."""

from __future__ import annotations

import logging
import traceback

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from paper_exchange import errors
from paper_exchange.errors import OperatorError, VenueError
from paper_exchange.exchange import Exchange
from paper_exchange.http.routes import (
    account,
    algo_orders,
    batches,
    history,
    interventions,
    margins,
    market_history,
    modes,
    neighbours,
    operator,
    order_changes,
    orders,
    public,
)
from paper_exchange.operator.interventions import Interventions
from paper_exchange.operator.key import OperatorKey
from paper_exchange.operator.operations import Operations, TokenSource

MODULES = (
    public,
    market_history,
    neighbours,
    account,
    modes,
    margins,
    orders,
    order_changes,
    batches,
    algo_orders,
    history,
    operator,
    interventions,
)
logger = logging.getLogger("paper_exchange")


def create_app(exchange: Exchange, operator_key: OperatorKey, new_token: TokenSource) -> FastAPI:
    """Put the venue together; all that it depends on is given."""
    app = FastAPI(title="Candlecast paper exchange", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.exchange = exchange
    app.state.operations = Operations(exchange, new_token)
    app.state.interventions = Interventions(exchange, new_token)
    app.state.operator_key = operator_key
    for module in MODULES:
        app.router.routes.extend(module.router.routes)  # include_router would work each of them out once more
    app.add_exception_handler(VenueError, _venue_error)
    app.add_exception_handler(OperatorError, _operator_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _request_error)
    app.add_middleware(_UnforeseenErrors)
    return app


async def _venue_error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, VenueError) else errors.internal_error()
    headers = getattr(request.state, "rate_headers", {}) | known.headers
    return JSONResponse({"code": known.code, "msg": known.message}, known.status, headers)


async def _operator_error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, OperatorError) else OperatorError("INTERNAL", "", 500)
    return JSONResponse({"code": known.code, "message": known.message}, known.status)


async def _request_error(request: Request, error: Exception) -> Response:
    """A path or a query of an operator that cannot be read; the answer names fields and never repeats their values."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    text = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems[:5])
    return await _operator_error(request, OperatorError("REQUEST_INVALID", text))


async def _http_error(request: Request, error: Exception) -> Response:
    """An unknown path or method, as the venue answers it."""
    return await _venue_error(request, errors.path_invalid(request.method, request.url.path))


class _UnforeseenErrors:
    """Answers a bug of ours as the venue answers one of its own, and logs type and place.

    The log has neither the error's text nor the query and headers, which hold keys and signatures.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # the outermost boundary
            _record(str(scope.get("path")), error)
            if scope["type"] != "http":
                raise
            answer = await _venue_error(Request(scope), errors.internal_error())
            await answer(scope, receive, send)


def _record(path: str, error: Exception) -> None:
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error("unexpected error on %s: %s at %s", path, type(error).__name__, " ".join(places[-1:]))
