"""Refusals: problem+json with stable codes, for every kind of failure."""

from __future__ import annotations

import pytest

from candlecast.domain.values.errors import (
    Ambiguous,
    Conflict,
    DomainError,
    Fatal,
    InvalidValue,
    NotFound,
    Poison,
    Reject,
    RetryLater,
)
from candlecast.ports.store import Page
from candlecast.runtime.compose import api
from functions.api.guards import MAX_BODY_BYTES
from tests.api.conftest import Deployment, giving
from tests.support.gateway import Client


class FailingHistory:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def list_trades(self, *_: object) -> Page[object]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidValue("no", code="SOME_RULE"), 422, "SOME_RULE"),
        (NotFound("no"), 404, "NOT_FOUND"),
        (NotFound("no", code="SOMETHING_ELSE"), 404, "NOT_FOUND"),
        (Conflict("VERSION_CONFLICT"), 409, "VERSION_CONFLICT"),
        (Reject("UNKNOWN_MARKET"), 422, "UNKNOWN_MARKET"),
        (Fatal("CREDENTIALS_MISSING"), 409, "CREDENTIALS_MISSING"),
        (RetryLater("STORE_BUSY", after_seconds=1.2), 503, "STORE_BUSY"),
        (Ambiguous("NO_ANSWER"), 503, "NO_ANSWER"),
        (Poison("UNREADABLE"), 500, "UNREADABLE"),
        (DomainError("SOMETHING_NEW"), 500, "SOMETHING_NEW"),
        (ZeroDivisionError("division by zero"), 500, "INTERNAL_ERROR"),
    ],
)
def test_every_error_has_its_status_and_code(deployment: Deployment, error: Exception, status: int, code: str) -> None:
    client = Client({**deployment.providers, api.history: giving(FailingHistory(error))})
    answer = client.get("/v1/trades")
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["type"] == f"urn:candlecast:problem:{code}"
    assert answer.json["status"] == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("retry-after") == ("2" if isinstance(error, RetryLater) else None)


def test_an_unknown_path_and_a_wrong_method_are_problems_too(deployment: Deployment) -> None:
    assert deployment.client.get("/v1/nothing").code == "NOT_FOUND"
    assert deployment.client.get("/redoc").code == "NOT_FOUND"
    assert deployment.client.get("/v1/accounts/").code == "NOT_FOUND"
    wrong = deployment.client.send("DELETE", "/v1/accounts")
    assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED")


def test_a_body_beyond_the_limit_is_refused_before_it_is_parsed(deployment: Deployment) -> None:
    fits = deployment.client.send("POST", "/v1/accounts", raw="x" * MAX_BODY_BYTES)
    assert (fits.status, fits.code) == (422, "INVALID_REQUEST")
    beyond = deployment.client.send("POST", "/v1/accounts", raw="x" * (MAX_BODY_BYTES + 1))
    assert (beyond.status, beyond.code) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "schlüssel"])
def test_a_malformed_idempotency_key_is_refused(deployment: Deployment, key: str) -> None:
    headers = {"idempotency-key": key}
    answer = deployment.client.send("POST", "/v1/accounts", {"label": "main", "venue": "paper"}, headers=headers)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert answer.json["errors"][0]["pointer"] == "header:idempotency-key"
    assert deployment.database.accounts == {}


def test_a_problem_lists_a_bounded_number_of_fields(deployment: Deployment) -> None:
    body = {"label": "main", "venue": "paper", **{f"field/{number}~": 1 for number in range(100)}}
    errors = deployment.client.post("/v1/accounts", body).json["errors"]
    assert len(errors) == 20


def test_a_problem_names_a_misspelt_field_and_repeats_nothing_that_looks_like_more_than_a_name(deployment: Deployment) -> None:
    sent = {"label": "main", "venue": "paper", "lable": 1, "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A": 1}
    errors = deployment.client.post("/v1/accounts", sent).json["errors"]
    assert {error["pointer"] for error in errors} == {"/lable", "/(unknown name)"}
