"""Rules of every route: unknown query parameters and bodies that are not plain JSON are refused, lists are CSV on request.

Everything that is read has a tag (`functions/api/manners/conditions.py`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from inspect import signature
from typing import Annotated, Any, Literal, NoReturn

from fastapi import Depends, Query, params
from fastapi.dependencies.utils import get_flat_params, get_typed_return_annotation
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from functions.api.guards import MAX_BODY_BYTES
from functions.api.manners.conditions import MOMENT, answered, if_none_match, refuse_unread
from functions.api.openapi import refusals

MAX_DEPTH = 12  # the deepest legitimate body, a window's days within the limits of settings, has seven levels
MAX_COMMAS = MAX_BODY_BYTES // 2  # what a body without code has at most; each wrong part costs a kilobyte to report
MAX_DIGITS = 40  # of one number: more than money has
TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # in JSON; possessive, so that no body takes more than one pass


FORMAT = "format"
CSV_ANSWER: Mapping[int | str, Any] = {
    200: {
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": {"X-Next-Cursor": {"description": "Of CSV: `cursor` of the next page.", "schema": {"type": "string"}}},
    }
}
NOT_MODIFIED: Mapping[int | str, Any] = {304: {"description": "The answer is still the one that you have."}}
CONDITIONAL = frozenset({"PUT", "PATCH", "DELETE"})  # a POST makes something, or is safe on any state
ASKS_ONLY = frozenset({"validate_order"})  # a POST for the sake of its body: it does nothing
ROWS = ("items", "days")  # of an answer that is a list: the field that has the entries


def chosen_format(
    _: Annotated[
        Literal["json", "csv"],
        Query(alias=FORMAT, description="`csv` answers a table; the header `X-Next-Cursor` then has the next page's cursor."),
    ] = "json",
) -> None:
    """The form of a list; `StrictRoute` reads it."""


class StrictRoute(APIRoute):
    """A route that refuses unknown and repeated query parameters, reads bodies by `StrictRequest`, and gives lists as CSV.

    A route that reads answers with a tag. A route that writes refuses a condition that it does not compare.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        methods, model = frozenset(options.get("methods") or ()), get_typed_return_annotation(endpoint)
        self.reads, self.is_conditional = "GET" in methods, bool(methods & CONDITIONAL)
        self.rows = _rows(model) if self.reads else None
        self.tells_moment = MOMENT in getattr(model, "model_fields", ())
        added: list[Callable[..., Any]] = []
        if HTTPStatus.UNAUTHORIZED in (options.get("responses") or ()):  # a request without a token has no tenant
            from functions.api.manners.rate_limits import EXITS, limited

            if endpoint.__name__ not in EXITS:
                added.append(limited)
                options["responses"] = {**options["responses"], **refusals(429)}
        added += [chosen_format] if self.rows is not None else []
        added += [if_none_match] if self.reads else []
        if "POST" in methods and endpoint.__name__ not in ASKS_ONLY and not has_key(endpoint):
            from functions.api.manners.idempotency import once  # with its ports, as all that a route stands on

            added.append(once)
            options["responses"] = {**(options.get("responses") or {}), **refusals(409, 422, 503)}
        options["dependencies"] = [*(options.get("dependencies") or ()), *map(Depends, added)]
        options["responses"] = {
            **(options.get("responses") or {}),
            **(CSV_ANSWER if self.rows is not None else {}),
            **(NOT_MODIFIED if self.reads else {}),
            **(refusals(412) if self.is_conditional else {}),
        }
        super().__init__(path, endpoint, **options)

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the query parameters that the route or one of its dependencies takes."""
        return frozenset(field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, params.Query))

    @cached_property
    def headers(self) -> frozenset[str]:
        """Names of the headers that the route or one of its dependencies takes."""
        return frozenset(field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, params.Header))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            self.check_parameters(request)
            if self.is_conditional:
                refuse_unread(request.headers, self.headers)
            answer = await self._answer(handler, StrictRequest(request.scope, request.receive))
            is_csv = request.query_params.get(FORMAT) == "csv"
            if is_csv:
                answer = self._as_csv(answer)
            is_tagged = self.reads and answer.status_code == HTTPStatus.OK
            if is_tagged:
                answer = answered(request, answer, tells_moment=self.tells_moment and not is_csv)
            answer.headers.update(getattr(request.state, "rate", {}))
            return answer

        return strict

    async def _answer(self, handler: Callable[[Request], Coroutine[Any, Any, Response]], request: Request) -> Response:
        """The answer; a request that carries a key is told what became of it."""
        try:
            answer = await handler(request)
        except Exception:
            if (settle := getattr(request.state, "settle", None)) is not None:
                settle.refused()
            raise
        if (settle := getattr(request.state, "settle", None)) is not None:
            settle.done(answer)
        return answer

    def _as_csv(self, answer: Response) -> Response:
        from functions.api.csv_pages import as_csv  # few ask for it, and a start pays for none of it

        *_, name = (word for word in self.path.split("/") if not word.startswith("{"))
        return as_csv(answer, self.response_model, self.rows or "", name)

    def check_parameters(self, request: Request) -> None:
        """Raises `RequestValidationError` with the places of unknown and repeated parameters."""
        given = Counter(name for name, _ in request.query_params.multi_items())
        errors = [_error("query", name, "Unknown parameter") for name in given if name not in self.parameters]
        errors += [_error("query", name, "Given more than once") for name in self.parameters if given[name] > 1]
        if errors:
            raise RequestValidationError(errors)


def has_key(endpoint: Callable[..., Any]) -> bool:
    """Whether an act knows its repeats by itself: the id of the thing that it makes follows from the key."""
    return "idempotency_key" in signature(endpoint).parameters


def _rows(model: Any) -> str | None:
    """The field of a list's model that has the entries; None for the model of anything else."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    found = [name for name in ROWS if name in model.model_fields]
    return found[0] if found else None


class StrictRequest(Request):
    """A request whose body is UTF-8 and JSON of bounded depth, parts and digits, where no member comes twice."""

    async def json(self) -> Any:
        """The body; raises `RequestValidationError`, whose text repeats nothing of the body."""
        try:
            text = (await self.body()).decode()
            if text.count("[") + text.count("{") > MAX_DEPTH or text.count(",") > MAX_COMMAS:
                _check_shape(text)
            return _DECODER.decode(text)
        except (ValueError, ArithmeticError, RecursionError):
            raise RequestValidationError(
                [_error("body", "", "The body is not JSON, or not of a form that is read here")]
            ) from None


def _error(where: str, name: str, message: str) -> dict[str, Any]:
    return {"type": "value_error", "loc": (where, name) if name else (where,), "msg": message, "input": None}


def _check_shape(text: str) -> None:
    """Commas and brackets within text do not count: code has many."""
    bare, depth = TEXT.sub("", text), 0
    if bare.count(",") > MAX_COMMAS:
        raise ValueError("too many parts")
    for character in bare:
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError("too deep")
        elif character in "]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("too many digits")
    return int(digits)


def _fraction(digits: str) -> float | int:
    """The number, whole if its value is: to JSON Schema, 29.0 is the integer 29. Money of a float would lose digits."""
    if len(digits) > MAX_DIGITS:
        raise ValueError("too many digits")
    exact = Decimal(digits)
    is_whole = exact.adjusted() < MAX_DIGITS and exact == exact.to_integral_value()
    return int(exact) if is_whole else float(digits)


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_whole, parse_float=_fraction, parse_constant=_no_constant)
