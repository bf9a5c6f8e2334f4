"""Refusals of the API as exceptions: one class for each status, and the stable `code` in each."""

from __future__ import annotations

from http import HTTPStatus

import httpx

from .models.problem import Problem
from .types import Response

PROBLEM = "application/problem+json"
GATEWAY = "GATEWAY"  # code of an answer that never reached the API, so that it has none of its own


class Refused(Exception):
    """The API has refused a request. `code` is stable, `detail` is for people, `problem` is the whole answer of the API."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.problem: Problem | None = None
        if response.headers.get("content-type", "").startswith(PROBLEM):
            self.problem = Problem.from_dict(response.json())
        self.code: str = self.problem.code if self.problem else GATEWAY
        self.detail: str = self.problem.detail if self.problem else response.reason_phrase
        self.retry_after_seconds = _seconds(response.headers.get("retry-after"))
        super().__init__(f"{self.status} {self.code}: {self.detail}")


class Unauthenticated(Refused):
    """401: no valid token."""


class Forbidden(Refused):
    """403: the roles of the caller do not allow it."""


class NotFound(Refused):
    """404: there is no such thing, or the caller may not see it."""


class Conflict(Refused):
    """409: the state of things does not allow it."""


class Invalid(Refused):
    """422: a value of the request breaks a rule; `problem.errors` says where."""


class TooManyRequests(Refused):
    """429: retry after `retry_after_seconds`."""


class Unavailable(Refused):
    """503: a dependency does not answer; retry after `retry_after_seconds`."""


KINDS: dict[int, type[Refused]] = {
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.TOO_MANY_REQUESTS: TooManyRequests,
    HTTPStatus.SERVICE_UNAVAILABLE: Unavailable,
}


def refuse_problem(response: httpx.Response) -> None:
    """Raise the exception of a problem. Generated code calls this before it reads an answer."""
    if response.headers.get("content-type", "").startswith(PROBLEM):
        raise refusal(response)


def refusal(response: httpx.Response) -> Refused:
    """The exception of an answer that is none of the documented ones."""
    return KINDS.get(response.status_code, Refused)(response)


def body_of[T](answer: Response[T]) -> T:
    """The body of an answer. Raises TypeError for CSV, whose text is in the `content` of `sync_detailed`."""
    if answer.parsed is None:
        raise TypeError("the answer is no JSON: ask by sync_detailed or asyncio_detailed, and take its content")
    return answer.parsed


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
