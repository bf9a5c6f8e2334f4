"""The OpenAPI 3.1 document, from the code: the routes, the bodies with their bounds, and all refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from functions.api.deps import IDENTIFIER
from functions.api.description.links import link
from functions.api.description.words import IDS, PROPERTIES, SAME_WORDS
from functions.api.openapi import REFERENCE
from functions.api.problems import MEDIA_TYPE, GatewayRefusal, Problem
from functions.api.schemas.live import AccountChanged
from functions.api.schemas.values import Listing

DESCRIPTION = (
    "Follow strategies with your own exchange accounts. Money and quantities are decimal numbers as text; instants are RFC 3339 "
    "text with a zone, answered in UTC. Every refusal is problem+json with a stable `code`; only the gateway in front answers "
    "some with a `message` alone. What is not yours answers 404, as what does not exist does."
)
TAGS = [
    {"name": "strategies", "description": "Strategies, with their runs, signals and track records."},
    {"name": "subscriptions", "description": "Your use of a strategy, with your own risk settings."},
    {"name": "backtests", "description": "Strategies tried on past candles, with their results."},
    {"name": "accounts", "description": "Your exchange accounts. Keys are written and never read back."},
    {"name": "orders", "description": "Every order leg that was decided for you, placed or not, with the reason."},
    {"name": "positions", "description": "Your open positions, valued at the last price."},
    {"name": "trades", "description": "Round trips."},
    {"name": "totals", "description": "All your accounts together."},
    {"name": "live", "description": "Tickets for connections that report changes, in place of polling."},
    {"name": "limits", "description": "Limits: those that can be set, those in force, and the level that sets each."},
    {"name": "operations", "description": "Health, dead letters and kill switches."},
]
SERVERS = [{"url": "/", "description": "This deployment."}]
CONTACT = {"name": "The operators of this deployment"}
LICENSE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
METHODS = ("get", "put", "post", "patch", "delete")
HEADERS: Mapping[str, Mapping[str, Any]] = {
    "Retry-After": {
        "description": "Seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 5,
    },
    "WWW-Authenticate": {
        "description": "The scheme of the token that is missing; of a token that is refused, the gateway adds why.",
        "schema": {"type": "string", "pattern": "^Bearer( .*)?$"},
        "example": "Bearer",
    },
    "ETag": {
        "description": (
            "Tag of this answer, for `If-None-Match`. Of a single thing it names the version, too: send it in `If-Match` with a "
            "change of the thing."
        ),
        "schema": {"type": "string"},
        "example": '"8f4b1c0de2a37f55-0a6d7c1be99f4f0c8d2b5b7f6f3f9a11"',
    },
    "RateLimit": {
        "description": "Requests that are left, `r`, and seconds until the next window, `t`, of the quota `reads` or `writes`.",
        "schema": {"type": "string"},
        "example": '"reads";r=1740;t=42',
    },
    "RateLimit-Policy": {
        "description": "The quota of your tenant: requests, `q`, in a window of `w` seconds.",
        "schema": {"type": "string"},
        "example": '"reads";q=1800;w=60',
    },
    "Idempotency-Replayed": {
        "description": "Whether this is the answer of an earlier request with the same `Idempotency-Key`; absent if it is not.",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "Cache-Control": {
        "description": "Whether, and for how long, the answer may be kept.",
        "schema": {"type": "string"},
        "example": "no-store",
    },
}
MESSAGES: Mapping[str, Any] = {
    "account.changed": {
        "post": {
            "tags": ["live"],
            "operationId": "account_changed",
            "summary": "A message of a live connection: an account has changed",
            "description": "A text frame of a live connection, no HTTP request: `POST /v1/live/tickets` says where to connect.",
            "security": [],
            "requestBody": {
                "description": "The text of the frame.",
                "required": True,
                "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model=AccountChanged.__name__)}}},
            },
            "responses": {"default": {"description": "A message has no answer."}},
        }
    }
}
"""Messages that come to a client by themselves, by their type."""
OF_READING = {"200": ("ETag", "Cache-Control"), "304": ("ETag", "Cache-Control")}
OF_RATES = ("RateLimit-Policy", "RateLimit")
OF_REFUSALS = {
    "401": ("WWW-Authenticate", "Cache-Control"),
    "429": ("Retry-After", *OF_RATES, "Cache-Control"),
    "503": ("Retry-After", "Cache-Control"),
}
OF_KEYS = {
    **dict.fromkeys(("200", "201", "202"), ("Idempotency-Replayed",)),
    "409": ("Retry-After", "Cache-Control"),
}
OF_HEALTH = {**OF_READING, "503": OF_REFUSALS["503"]}
OF_THE_GATEWAY = ("401", "429", "500", "503")  # statuses with which the gateway in front answers with a body of its own
EXAMPLES = Path(__file__).with_name("examples.json")  # of the tests, which write and run them
NOTHING_SAID = "Successful Response"  # the framework's own words for an answer without any
CLAUSE = re.compile(r"[.;:,]\s")  # where the first thought of a description ends


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            summary="Trading strategies, followed by many with their own accounts.",
            description=DESCRIPTION,
            routes=[route for it in app.routes for route in getattr(it, "routes", [it])],
            tags=TAGS,
            servers=SERVERS,
            contact=CONTACT,
            license_info=LICENSE,
        )
        for model in (Problem, GatewayRefusal, AccountChanged):
            schema = model.model_json_schema(ref_template=REFERENCE, mode="serialization")
            made["components"]["schemas"] |= {**schema.pop("$defs", {}), model.__name__: schema}
        made["webhooks"] = MESSAGES
        made["components"]["headers"] = HEADERS
        document = named_by_title(made)
        for name, body in document["components"]["schemas"].items():
            _say_properties(name, body, document["components"]["schemas"])
        examples = json.loads(EXAMPLES.read_bytes())
        for method, _, operation in operations(document):
            _finish(method, operation, document["components"]["schemas"])
            _show(operation, examples["operations"].get(operation["operationId"], {}), examples["refusals"])
        link(document)
        app.openapi_schema = document
    return app.openapi_schema


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield method, path, methods[method]


def named_by_title(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the pages of things by names and words of their class: `AccountList`, not `Listing_AccountView_`."""
    schemas = document["components"]["schemas"]
    new = {name: body["title"] for name, body in schemas.items() if name.startswith("Listing_")}
    for name in new:
        schemas[name] = {"description": Listing.__doc__, **schemas[name]}
    document["components"]["schemas"] = {new.get(name, name): body for name, body in schemas.items()}
    paths = {REFERENCE.format(model=name): REFERENCE.format(model=title) for name, title in new.items()}
    renamed: dict[str, Any] = _renamed(document, paths)
    return renamed


def _renamed(value: Any, paths: Mapping[str, str]) -> Any:
    """`value` with other references; bounds, which the framework turns into fractions, are whole again."""
    if isinstance(value, Mapping):
        return {key: paths.get(it, it) if key == "$ref" else _renamed(it, paths) for key, it in value.items()}
    if isinstance(value, list):
        return [_renamed(it, paths) for it in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _say_properties(name: str, body: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Give the properties of a body the words of their model, else those of the body that was asked for, else common words."""
    same = schemas[SAME_WORDS[name]]["properties"] if name in SAME_WORDS else {}
    for field, described in body.get("properties", {}).items():
        words = described.get("description") or same.get(field, {}).get("description") or PROPERTIES.get(field)
        if words:
            described["description"] = words


def _finish(method: str, operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    operation["summary"] = CLAUSE.split(operation["description"], maxsplit=1)[0].rstrip(".").replace("\n", " ")
    operation.setdefault("security", [])
    for parameter in operation.get("parameters", ()):
        _finish_parameter(parameter)
    declared = OF_REFUSALS | (OF_READING if method == "get" else {})
    if any(it["name"] == "idempotency-key" for it in operation.get("parameters", ())):
        declared = declared | OF_KEYS
    if operation["operationId"] == "get_health":
        declared = OF_HEALTH
    for status, answer in operation["responses"].items():
        if answer["description"] == NOTHING_SAID:
            model = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            answer["description"] = schemas[model]["description"].partition("\n\n")[0]
        if status in OF_THE_GATEWAY and MEDIA_TYPE in answer.get("content", {}):
            answer["content"].setdefault(
                "application/json", {"schema": {"$ref": REFERENCE.format(model=GatewayRefusal.__name__)}}
            )
        names = declared.get(status, ("Cache-Control",) if status >= "400" else ())
        if "429" in operation["responses"] and status < "400":
            names = (*names, *OF_RATES)
        if names:
            answer["headers"] = answer.get("headers", {}) | {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _finish_parameter(parameter: dict[str, Any]) -> None:
    """Give a parameter its words; one that is left out is no null."""
    schema = parameter["schema"]
    alternatives = [it for it in schema.pop("anyOf", ()) if it.get("type") != "null"]
    if len(alternatives) == 1:
        parameter["schema"] = schema = alternatives[0] | schema
    elif alternatives:
        schema["anyOf"] = alternatives
    if parameter["name"] in IDS:
        parameter.setdefault("description", IDS[parameter["name"]])
        schema.setdefault("pattern", f"^{IDENTIFIER.pattern}$")


def _show(operation: dict[str, Any], example: Mapping[str, Any], refusals: Mapping[str, Any]) -> None:
    """Put examples at parameters that name things, at the body, at the answer, and at each refusal."""
    for parameter in operation.get("parameters", ()):
        value = example.get(parameter["in"], {}).get(parameter["name"])
        if value is not None:
            parameter["example"] = int(value) if parameter["schema"].get("type") == "integer" else value
    for number, value in enumerate(example.get("requests", ()), start=1):
        body = operation["requestBody"]["content"]["application/json"]
        body.setdefault("examples", {})[f"example-{number}"] = {"value": value}
    for status, answer in operation["responses"].items():
        content = answer.get("content", {})
        if status == example.get("status"):
            content["application/json"]["example"] = example["answer"]
            if "text/csv" in content and "csv" in example:
                content["text/csv"]["example"] = example["csv"]
        if MEDIA_TYPE in content and status in refusals:
            content[MEDIA_TYPE]["example"] = refusals[status]
