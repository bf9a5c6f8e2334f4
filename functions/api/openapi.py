"""The API's description: OpenAPI 3.1 from the code, refusals included."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from functions.api.problems import MEDIA_TYPE, Problem

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = (
    "Follow strategies with your own exchange accounts. Money and quantities are decimal numbers as text; instants are RFC 3339 "
    "text with a zone, answered in UTC. Every refusal is problem+json with a stable `code`. What is not yours answers 404, as "
    "what does not exist does."
)
TAGS = [
    {"name": "strategies", "description": "Strategies, with their runs, signals and track records."},
    {"name": "subscriptions", "description": "Your use of a strategy, with your own risk settings."},
    {"name": "backtests", "description": "Strategies tried on past candles, with their results."},
    {"name": "accounts", "description": "Your exchange accounts. Keys are written and never read back."},
    {"name": "orders", "description": "Every order leg that was decided for you, placed or not, with the reason."},
    {"name": "positions", "description": "Your open positions, valued at the last price."},
    {"name": "trades", "description": "Round trips."},
    {"name": "limits", "description": "Limits: those that can be set, those in force, and the level that sets each."},
    {"name": "operations", "description": "Health, dead letters and kill switches."},
]
MEANINGS = {
    401: "No valid token.",
    403: "The caller's roles do not allow it.",
    404: "There is no such thing, or it is not yours.",
    409: "The state of things does not allow it; `code` says what stands in the way.",
    413: "The body is larger than any legitimate one.",
    422: "The request is not valid; `code` says which rule it breaks, `errors` where.",
    500: "A fault of ours.",
    503: "Something that the service depends on does not answer; try again after `Retry-After` seconds.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route or router that may refuse with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model=Problem.__name__)}}}
    return {status: {"description": MEANINGS[HTTPStatus(status)], "content": content} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=app.description,
            routes=[route for it in app.routes for route in getattr(it, "routes", [it])],
            tags=app.openapi_tags,
        )
        schema = Problem.model_json_schema(ref_template=REFERENCE, mode="serialization")
        schemas = document["components"]["schemas"]
        schemas.update(schema.pop("$defs"))
        schemas[Problem.__name__] = schema
        app.openapi_schema = document
    return app.openapi_schema
