"""Every refusal as problem+json (RFC 9457) with a stable code, and never with the caller's own text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from candlecast.domain.people.request_rate import TooManyRequests
from candlecast.domain.values.errors import (
    Ambiguous,
    CodeRefused,
    Conflict,
    DomainError,
    Fatal,
    InvalidValue,
    NotFound,
    PreconditionFailed,
    Reject,
    RetryLater,
)

MEDIA_TYPE = "application/problem+json"
PAGES = "/problems/"  # one for each code (functions/api/description/code_pages.py)
MAX_POINTERS = 20  # a body can be wrong in as many places as it has fields; a person reads the first few
NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}", re.ASCII)  # fields of ours and slips of the pen; no exchange's keys are so plain
NOT_REPEATED = "(unknown name)"
REPLACED_MESSAGES = {
    "json_invalid": "The body is not JSON",
    "union_tag_invalid": "The tag is none of those that are known",
    "union_tag_not_found": "The tag is missing",
}
MAX_POINTER_CHARACTERS = 200  # an unknown field's name is the caller's own text

PLACE = ("line", "row", "candle_close")  # of refused code; a problem has those that are known

# The first class that fits decides.
STATUS_OF_ERROR: tuple[tuple[type[DomainError], HTTPStatus], ...] = (
    (InvalidValue, HTTPStatus.UNPROCESSABLE_ENTITY),
    (NotFound, HTTPStatus.NOT_FOUND),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (Conflict, HTTPStatus.CONFLICT),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (Reject, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Fatal, HTTPStatus.CONFLICT),
    (RetryLater, HTTPStatus.SERVICE_UNAVAILABLE),
    (Ambiguous, HTTPStatus.SERVICE_UNAVAILABLE),
)
CODE_OF_STATUS = {
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
}
NOT_FOUND_DETAIL = "There is no such thing, or it is not yours."  # one text for both, so that nobody learns which


class FieldError(BaseModel):
    """One wrong field: its place (a JSON pointer, or `query:name`, `header:name`), and the rule that it breaks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"pointer": "/settings/leverage", "message": "must be a number"}]})

    pointer: str = Field(description="Place of the error: a JSON pointer into the body, or `query:name`, `header:name`.")
    message: str = Field(description="The rule that is broken, in words.")


class Problem(BaseModel):
    """A refusal as in RFC 9457; `code` is stable, `detail` is for people and may change."""

    type: str = Field(description="Address of the code's page, on this deployment.", examples=["/problems/POSITION_OPEN"])
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    code: str = Field(description="Stable code of the reason.", examples=["POSITION_OPEN"])
    detail: str = Field(
        description="The reason in words, for people; it may change.",
        examples=["the subscription holds a position: close it, or ask for it to be closed"],
    )
    errors: list[FieldError] = Field(default_factory=list, description="Where the request breaks the rule; may be empty.")
    line: int | None = Field(default=None, description="Line of the code that is refused, where one shows the fault.")
    row: int | None = Field(default=None, description="Candle of the check, from 0, at which the fault shows.")
    candle_close: datetime | None = Field(default=None, description="Close of that candle.")


class GatewayRefusal(BaseModel):
    """A refusal of the gateway in front of the API: of a token that is missing or wrong, or a fault on the way."""

    message: str = Field(description="The reason in the gateway's words.", examples=["Unauthorized"])


class Unauthenticated(Exception):
    """The request carries no verified token, or one without a usable tenant."""


class Forbidden(Exception):
    """The caller's roles do not allow the request; `role` would."""

    def __init__(self, role: str) -> None:
        super().__init__(role)
        self.role = role


class Repeated(Exception):
    """A request was done before: the answer that it got then."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.status = status
        self.text = text


class FollowersOnly(Exception):
    """The caller does not follow the strategy whose decisions are asked for. That the strategy exists is public."""


def type_of(code: str) -> str:
    """The address of the page of a code, as a reference that RFC 9457 lets a client complete with the API's own address."""
    return f"{PAGES}{code}"


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    place: Mapping[str, Any] | None = None,
) -> JSONResponse:
    """The response that tells a refusal; `place` has `line`, `row` and `candle_close` of refused code."""
    body = Problem(
        type=type_of(code),
        title=status.phrase,
        status=status.value,
        code=code,
        detail=detail,
        errors=list(errors),
        **(place or {}),
    )
    hidden = {name for name in PLACE if getattr(body, name) is None}
    return JSONResponse(
        body.model_dump(mode="json", exclude=hidden),
        status_code=status,
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", **(headers or {})},
    )


async def domain_problem(request: Request, error: Exception) -> JSONResponse:
    """Answer an error that a use case has raised. An error without a status of its own is a fault of ours."""
    if not isinstance(error, DomainError):
        raise TypeError("registered for domain errors only")
    status = next((status for kind, status in STATUS_OF_ERROR if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.NOT_FOUND:
        return problem(status, "NOT_FOUND", NOT_FOUND_DETAIL)
    after = getattr(error, "after_seconds", None)
    headers = dict(getattr(request.state, "rate", {}))
    if after is not None:
        headers["retry-after"] = str(ceil(after))
    place = {name: getattr(error, name) for name in PLACE} if isinstance(error, CodeRefused) else None
    return problem(status, error.code, error.message or error.code, headers=headers, place=place)


async def validation_problem(_: Request, error: Exception) -> JSONResponse:
    """A request that its schema does not allow: where and why, never what was sent."""
    if not isinstance(error, RequestValidationError):
        raise TypeError("registered for validation errors only")
    found = error.errors()[:MAX_POINTERS]
    errors = [FieldError(pointer=_pointer(item, error.body), message=_message(item)) for item in found]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "INVALID_REQUEST", "The request is not valid; see errors.", errors=errors)


async def http_problem(_: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of the framework: an unknown path, a wrong method, a body that is no JSON."""
    if not isinstance(error, HTTPException):
        raise TypeError("registered for the framework's errors only")
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:  # the framework's only reason: a body that it could not read
        return await validation_problem(_, RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": ""}]))
    detail = NOT_FOUND_DETAIL if status is HTTPStatus.NOT_FOUND else status.description or status.phrase
    return problem(status, CODE_OF_STATUS.get(status, status.name), detail, headers=error.headers)


async def unauthenticated_problem(_: Request, error: Exception) -> JSONResponse:
    detail = "A valid bearer token is needed."
    return problem(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", detail, headers={"www-authenticate": "Bearer"})


async def forbidden_problem(_: Request, error: Exception) -> JSONResponse:
    role = error.role if isinstance(error, Forbidden) else ""
    return problem(HTTPStatus.FORBIDDEN, "FORBIDDEN", f"The role {role} is needed.")


async def repeated_answer(_: Request, error: Exception) -> Response:
    """The first answer again."""
    if not isinstance(error, Repeated):
        raise TypeError("registered for repeats only")
    return Response(error.text, error.status, {"idempotency-replayed": "true"}, "application/json")


async def followers_only_problem(_: Request, error: Exception) -> JSONResponse:
    detail = "Followers see a strategy's runs and signals: subscribe to it, with or without an account."
    return problem(HTTPStatus.FORBIDDEN, "FOLLOWERS_ONLY", detail)


def _pointer(item: Mapping[str, Any], body: object) -> str:
    """The place of an error: a JSON pointer (RFC 6901) into the body, or `query:name`, `header:name`, `path:name`.

    Pydantic's place also has tags of unions and names of validators; a step that the body does not have is none of it.
    """
    where, *rest = item["loc"]
    if where != "body":
        return ":".join([str(where), *(_name(part) for part in rest)])[:MAX_POINTER_CHARACTERS]
    if item["type"] == "json_invalid":  # the rest is an offset in bytes
        return ""
    steps: list[str] = []
    for number, part in enumerate(rest):
        if _has(body, part):
            body = body[part]  # type: ignore[index]
        elif item["type"] != "missing" or number != len(rest) - 1:
            continue
        steps.append(str(part) if isinstance(part, int) else _name(part))
    return "".join(f"/{step}" for step in steps)[:MAX_POINTER_CHARACTERS]


def _has(body: object, part: int | str) -> bool:
    return part in body if isinstance(body, dict) else isinstance(body, list) and isinstance(part, int) and part < len(body)


def _name(part: int | str) -> str:
    """A field's name. The text that a caller sent in place of a name may be a key, so `NOT_REPEATED` replaces the text."""
    return part if isinstance(part, str) and NAME.fullmatch(part) else NOT_REPEATED


def _message(item: Mapping[str, Any]) -> str:
    """Pydantic's own text names types and bounds, not values; texts that repeat what was sent are replaced."""
    return REPLACED_MESSAGES.get(item["type"]) or str(item["msg"])
