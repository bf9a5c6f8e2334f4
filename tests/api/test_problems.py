"""Refusals: problem+json with stable codes, for every kind of failure."""

from __future__ import annotations

import base64
import json

import pytest

from candlecast.domain.subscriptions.subscription import Subscription
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
from candlecast.runtime.compose import api
from functions.api.guards import MAX_BODY_BYTES
from tests.api.conftest import Deployment, giving
from tests.support.builders import SUBSCRIPTION
from tests.support.gateway import CONTEXT, Client, http_event, provide, the_adapter, the_app


class FailingSubscriptions:
    """Raises what it is given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_subscription(self, *_: object) -> Subscription:
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
    client = Client({**deployment.providers, api.subscriptions: giving(FailingSubscriptions(error))})
    answer = client.get(f"/v1/limits/usage/{SUBSCRIPTION}")
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["type"] == f"/problems/{code}"
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


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/accounts", "GET, POST"),
        ("/v1/kill-switches/USER/me", "DELETE, GET, PUT"),
        ("/v1/accounts/a/credentials", "DELETE, PUT"),
        ("/v1/limits/pools/fund-1", "GET, PUT"),
        ("/health", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_a_wrong_method_is_told_all_methods_of_the_path(deployment: Deployment, path: str, methods: str, method: str) -> None:
    answer = deployment.client.send(method, path)
    assert (answer.status, answer.code, answer.headers["allow"]) == (405, "METHOD_NOT_ALLOWED", methods)


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/positions", "/v1/orders", "/health"])
def test_an_unknown_or_repeated_parameter_is_refused(deployment: Deployment, path: str) -> None:
    answer = deployment.client.get(path, acount_id="a", **{"key\u202e": "secret"})
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    pointers = [error["pointer"] for error in answer.json["errors"]]
    assert pointers == ["query:acount_id", "query:(unknown name)"]


def test_a_parameter_comes_once(deployment: Deployment) -> None:
    event = http_event("GET", "/v1/orders", claims={"sub": "tenant-1"})
    provide(the_app(), deployment.providers)
    answer = the_adapter()({**event, "rawQueryString": "limit=1&limit=2"}, CONTEXT)
    assert (answer["statusCode"], '"query:limit"' in answer["body"]) == (422, True)


NEW_STRATEGY = {"kind": "BUILT_IN", "strategy_id": "new-1", "name": "n", "venue": "paper", "market": "BTC/USDT:USDT", "code": "x"}


@pytest.mark.parametrize(
    ("method", "path", "body", "pointers"),
    [
        ("POST", "/v1/strategies", {**NEW_STRATEGY, "timeframe": "1m", "name": ""}, ["/name"]),
        ("POST", "/v1/strategies", NEW_STRATEGY, ["/timeframe"]),
        ("POST", "/v1/strategies", {**NEW_STRATEGY, "timeframe": "1m", "parameters": {"fast": None}}, ["/parameters/fast"]),
        ("POST", "/v1/strategies", {"kind": "SECRET-KIND"}, [""]),
        ("POST", "/v1/strategies", {}, [""]),
        ("PUT", "/v1/limits/levels/USER/me", {"max_leverage": []}, ["/max_leverage"]),
        ("PUT", "/v1/limits/levels/USER/me", {"trading_windows": [{"days": [1, 9], "opens": "1", "closes": "08:00"}]},
         ["/trading_windows/0/days/1", "/trading_windows/0/opens"]),
        ("PUT", "/v1/limits/levels/USER/me", {"denied_markets": "BTC"}, ["/denied_markets"]),
        ("PUT", "/v1/limits/levels/USER/me", [], [""]),
        ("PUT", "/v1/kill-switches/USER/me", {"grade": "SECRET-GRADE", "reason": "r"}, ["/grade"]),
    ],
)  # fmt: skip
def test_pointers_lead_into_the_body_and_carry_no_tag_of_a_union(
    deployment: Deployment, method: str, path: str, body: object, pointers: list[str]
) -> None:
    answer = deployment.admin.send(method, path, body)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert list(dict.fromkeys(error["pointer"] for error in answer.json["errors"])) == pointers
    assert "SECRET" not in answer.text


@pytest.mark.parametrize(
    "raw",
    [
        b'{"label": "main", "venue": "pap',
        b'{"label": "m\xff", "venue": "paper"}',
        b"\xff\xfe{\x00}\x00",
        '{"label": "main", "venue": "paper"}'.encode("utf-16"),
        b'{"label": "main", "label": "other", "venue": "paper"}',
        b'{"label": "main", "venue": NaN}',
        b"[" * 30_000,
        b'{"a":' * 5_000,
        b'{"label": "main", "venue": ' + b"1" * 10_000 + b"}",
        b'{"label": "main", "venue": 0.' + b"1" * 10_000 + b"}",
    ],
)
def test_a_body_that_is_not_plain_json_is_refused_without_an_offset(deployment: Deployment, raw: bytes) -> None:
    event = http_event("POST", "/v1/accounts", claims={"sub": "tenant-1"})
    event |= {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    provide(the_app(), deployment.providers)
    answer = the_adapter()(event, CONTEXT)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"], problem["errors"][0]["pointer"]) == (422, "INVALID_REQUEST", "")


@pytest.mark.parametrize("name", ["a\u202eb", "a\u0000", "a\nb", "a\u200bb", "a\u2066b", "\ud800", "a\u2028"])
def test_names_labels_and_reasons_take_no_character_that_cannot_be_shown(deployment: Deployment, name: str) -> None:
    window = {"starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-12-02T00:00:00Z"}
    strategy = {"kind": "EXTERNAL", "strategy_id": "new-1", "name": "n", "venue": "paper"}
    bodies: list[tuple[str, str, object]] = [
        ("POST", "/v1/accounts", {"label": name, "venue": "paper"}),
        ("POST", "/v1/strategies", {**strategy, "name": name}),
        ("POST", "/v1/strategies", {**strategy, "description": name}),
        ("PUT", "/v1/kill-switches/USER/me", {"grade": "HALT_ALL", "reason": name}),
        ("PUT", "/v1/limits/levels/USER/me", {"blackouts": [{**window, "name": name}]}),
    ]
    for method, path, body in bodies:
        answer = deployment.admin.send(method, path, body)
        assert (answer.status, answer.code) == (422, "INVALID_REQUEST"), path


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"strategy_id": "strategy-1"}, "ALREADY_EXISTS"),
        ({"market": "MARK/USDT:USDT"}, "UNKNOWN_MARKET"),
        ({"venue": "mark"}, "UNKNOWN_VENUE"),
        ({"code": "mark"}, "STRATEGY_UNKNOWN"),
        ({"code": "mark/../x"}, "STRATEGY_NAME_INVALID"),
        ({"parameters": {"mark": 1}}, "PARAMETER_UNKNOWN"),
        ({"parameters": {"fast_period": "mark"}}, "PARAMETER_INVALID"),
        ({"parameters": {"fast_period": 987654321}}, "PARAMETER_INVALID"),
    ],
)
def test_a_refusal_of_a_use_case_repeats_nothing_that_was_sent(deployment: Deployment, change: object, code: str) -> None:
    assert isinstance(change, dict)
    answer = deployment.admin.send("POST", "/v1/strategies", {**NEW_STRATEGY, "timeframe": "1m", "code": "sma_cross", **change})
    assert answer.code == code
    assert not [
        sent for sent in ("mark", "987654321", "strategy-1") if sent in answer.json["detail"].lower().replace("market", "")
    ]


def test_names_in_other_scripts_are_taken(deployment: Deployment) -> None:
    for label in ("Größe", "口座\u3000一", "حساب", "l'été", "a\u00a0b", "\U0001f680"):
        assert deployment.client.post("/v1/accounts", {"label": label, "venue": "paper"}).status == 201


def test_a_problem_names_a_misspelt_field_and_repeats_nothing_that_looks_like_more_than_a_name(deployment: Deployment) -> None:
    sent = {"label": "main", "venue": "paper", "lable": 1, "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A": 1}
    errors = deployment.client.post("/v1/accounts", sent).json["errors"]
    assert {error["pointer"] for error in errors} == {"/lable", "/(unknown name)"}
