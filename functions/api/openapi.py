"""Refusals of routes, as the API's description tells them; `functions/api/description/` makes the description itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from functions.api.problems import MEDIA_TYPE, Problem

REFERENCE = "#/components/schemas/{model}"
MEANINGS = {
    401: "No valid token.",
    403: "The caller's roles do not allow it.",
    404: "There is no such thing, or it is not yours.",
    409: "The state of things does not allow it; `code` says what stands in the way.",
    412: "The thing is not as `If-Match` says, or the operation compares no version.",
    413: "The body is larger than any legitimate one.",
    422: "The request is not valid; `code` says which rule it breaks, `errors` where.",
    429: "The tenant has sent as many requests as it may in a minute; the next begins after `Retry-After` seconds.",
    500: "A fault of ours.",
    503: "Something that the service depends on does not answer; try again after `Retry-After` seconds.",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route or router that may refuse with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model=Problem.__name__)}}}
    return {status: {"description": MEANINGS[HTTPStatus(status)], "content": content} for status in statuses}
