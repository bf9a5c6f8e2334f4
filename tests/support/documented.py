"""Whether an answer is one that the API's description documents: its status for the operation, and its body by the schema."""

from __future__ import annotations

import json
import re
from functools import cache
from http import HTTPStatus
from typing import Any

from openapi_schema_validator import OAS31Validator

from tests.support.routes import Operation, document, operations

ANY_ROUTE = {HTTPStatus.METHOD_NOT_ALLOWED}  # refused before a route is found, so no operation names it


@cache
def routes() -> list[tuple[str, re.Pattern[str], Operation]]:
    """Method, form of the path, and operation; paths without parameters come first, as a fixed word is no id."""
    found = sorted(operations(), key=lambda it: it.path.count("{"))
    return [(it.method, re.compile(re.sub(r"\{[^}]*\}", "[^/]+", it.path)), it) for it in found]


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request is for; None where there is none."""
    return next((operation for name, form, operation in routes() if name == method and form.fullmatch(path)), None)


@cache
def validator(operation_id: str, status: str, media_type: str) -> OAS31Validator | None:
    """By the schema of an answer; None for an answer that is not documented."""
    [operation] = [it for it in operations() if it.operation_id == operation_id]
    content = operation.description["responses"].get(status, {}).get("content", {}).get(media_type)
    if content is None:
        return None
    schema = {**content["schema"], "components": document()["components"]}
    return OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER)


def undocumented(method: str, path: str, status: int, media_type: str, text: str) -> list[str]:
    """Faults of an answer by the description."""
    operation = operation_of(method, path)
    if operation is None or status in ANY_ROUTE:
        return []
    if status == HTTPStatus.NOT_MODIFIED:  # it has no body
        return [] if str(status) in operation.description["responses"] and text == "" else [f"{operation.operation_id}: {status}"]
    place = f"{operation.operation_id} {status} {media_type}"
    known = validator(operation.operation_id, str(status), media_type)
    if known is None:
        return [f"{place}: not documented"]
    body: Any = json.loads(text) if media_type.endswith("json") else text
    return [f"{place}: {'/'.join(map(str, it.absolute_path))}: {it.message[:200]}" for it in known.iter_errors(body)]
