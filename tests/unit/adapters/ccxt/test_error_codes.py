"""Every way in which Binance USD-M refuses, through ccxt's own classes: the instruction for a send and for a read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import ccxt
import pytest

from candlecast.adapters.ccxt import errors
from candlecast.adapters.ccxt.clients import clone_for, make_template
from candlecast.adapters.ccxt.errors import instruction, reading
from candlecast.adapters.ccxt.session import Answer
from candlecast.domain.values.errors import Ambiguous, DomainError, Fatal, Reject, RetryLater
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER
from candlecast.ports.venue import Credentials
from tests.unit.adapters.ccxt.binance_codes import CODES, DocumentedCode

KINDS: dict[str, type[DomainError]] = {"R": Reject, "L": RetryLater, "A": Ambiguous, "F": Fatal}
HTML = "<html><head><title>403 Forbidden</title></head><body>CloudFront</body></html>"
type Refuses = Callable[..., DomainError]


class OneAnswer:
    """A session with the same answer to every request."""

    def __init__(self, status: int, body: str, headers: dict[str, str]) -> None:
        self.answer = Answer(status, "reason", headers, body.encode())
        self.headers, self.cookies = dict[str, str](), dict[str, str]()

    def request(self, *_: Any, **__: Any) -> Answer:
        return self.answer


@pytest.fixture(scope="module")
def refuses() -> Refuses:
    """Place an order that the venue answers with a status and a body; returns the instruction."""
    template = make_template("binanceusdm", None)

    def place(status: int, body: str | dict[str, Any], **headers: str) -> DomainError:
        client = clone_for(template, Credentials("key", "secret"))
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        client.session = OneAnswer(status, body if isinstance(body, str) else json.dumps(body), named)
        with pytest.raises(ccxt.BaseError) as refused:
            client.fapiPrivatePostOrder({"symbol": "BTCUSDT"})
        return instruction(refused.value, client.last_response_headers)

    return place


def said(error: DomainError) -> tuple[type[DomainError], str]:
    return type(error), error.code


def test_each_code_is_documented_once() -> None:
    assert len({each.code for each in CODES}) == len(CODES) > 190


@pytest.mark.parametrize("documented", CODES, ids=lambda each: str(each.code))
def test_a_documented_code_becomes_its_instruction(refuses: Refuses, documented: DocumentedCode) -> None:
    error = refuses(400, {"code": documented.code, "msg": documented.meaning})
    assert said(error) == (KINDS[documented.kind], documented.ours)
    as_read = (RetryLater, "VENUE_UNAVAILABLE") if documented.kind == "A" else said(error)
    assert said(reading(error)) == as_read


@pytest.mark.parametrize("documented", CODES, ids=lambda each: str(each.code))
def test_no_code_disables_an_account_but_those_that_leave_no_doubt(refuses: Refuses, documented: DocumentedCode) -> None:
    error = refuses(400, {"code": documented.code, "msg": ""})
    assert isinstance(error, Fatal) is (documented.code in (-2017, -4109))


@pytest.mark.parametrize("code", sorted({int(code) for codes, _ in errors._GROUPS for code in codes}))
def test_a_code_of_ours_is_documented_or_known_from_elsewhere(code: int) -> None:
    elsewhere = {-4108, -4111, -4189}  # symbol about to be delivered; duplicate id of an algo order; reduce-only account
    assert code in {each.code for each in CODES} | elsewhere


def test_no_code_stands_in_two_groups() -> None:
    codes = [code for codes, _ in errors._GROUPS for code in codes]
    assert len(codes) == len(set(codes))


# -- the status of the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [-9999, -4999, -1, 5])
def test_a_server_error_with_a_code_that_nobody_knows_leaves_the_outcome_unknown(refuses: Refuses, code: int) -> None:
    assert said(refuses(500, {"code": code, "msg": "what is that"})) == (Ambiguous, "OUTCOME_UNKNOWN")


@pytest.mark.parametrize("status", [400, 404, 405, 408, 451, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["", HTML, "{}", "[]", "null", '{"msg":"no code"}', '{"code":'])
def test_a_failure_without_a_code_leaves_the_outcome_unknown(refuses: Refuses, status: int, body: str) -> None:
    assert isinstance(refuses(status, body), Ambiguous)


@pytest.mark.parametrize("code", [-1000, -1001, -2019, -9999])
def test_503_unknown_error_is_an_unknown_outcome_whatever_its_code(refuses: Refuses, code: int) -> None:
    text = "Unknown error, please check your request or try again later."
    assert said(refuses(503, {"code": code, "msg": text})) == (Ambiguous, "OUTCOME_UNKNOWN")


@pytest.mark.parametrize(
    "body", [{"code": -1000, "msg": "Service Unavailable."}, {"msg": "Service Unavailable"}, "Service Unavailable."]
)
def test_503_service_unavailable_has_certainly_failed(refuses: Refuses, body: str | dict[str, Any]) -> None:
    assert said(refuses(503, body)) == (RetryLater, "VENUE_UNAVAILABLE")


def test_a_proxys_503_page_leaves_the_outcome_unknown(refuses: Refuses) -> None:
    assert isinstance(refuses(503, "<html><h1>503 Service Unavailable</h1></html>"), Ambiguous)


def test_a_throttled_order_of_a_503_has_certainly_failed(refuses: Refuses) -> None:
    assert said(refuses(503, {"code": -1008, "msg": "Request throttled"})) == (RetryLater, "VENUE_OVERLOADED")


@pytest.mark.parametrize(("headers", "seconds"), [({}, errors.FIREWALL_SECONDS), ({"Retry_After": "60"}, 60)])
def test_a_firewalls_403_silences_the_address(refuses: Refuses, headers: dict[str, str], seconds: float) -> None:
    error = refuses(403, HTML, **headers)
    assert said(error) == (RetryLater, "RATE_LIMITED")
    assert isinstance(error, RetryLater)
    assert error.after_seconds == seconds


def test_a_403_of_the_venue_itself_is_what_its_code_says(refuses: Refuses) -> None:
    assert said(refuses(403, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})) == (
        RetryLater,
        "KEYS_REFUSED",
    )


def test_a_code_of_thousands_of_digits_is_none_and_in_no_message(refuses: Refuses) -> None:
    assert len(str(refuses(400, '{"code":-' + "1" * 5_000 + ',"msg":"x"}'))) < 100


@pytest.mark.parametrize("body", ["", HTML, '{"error":"unauthorized"}'])
def test_a_401_without_a_code_says_nothing_of_the_keys(refuses: Refuses, body: str) -> None:
    assert said(refuses(401, body)) == (RetryLater, "VENUE_UNAVAILABLE")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7200", 7_200),
        ("259200", 259_200),
        ("\xb2", errors.LEAST_BAN_SECONDS),
        ("Wed, 21 Oct", errors.LEAST_BAN_SECONDS),
        ("999999999", errors.MAX_BAN_SECONDS),
        (None, errors.LEAST_BAN_SECONDS),
    ],
)
def test_a_ban_lasts_as_long_as_the_venue_says(refuses: Refuses, asked: str | None, seconds: float) -> None:
    headers = {} if asked is None else {"Retry_After": asked}
    error = refuses(418, {"code": -1003, "msg": "Way too many requests; IP banned until 1712840265023."}, **headers)
    assert said(error) == (RetryLater, "RATE_LIMITED")
    assert isinstance(error, RetryLater)
    assert error.after_seconds == seconds


@pytest.mark.parametrize(
    ("body", "code"), [({"code": -1003, "msg": ""}, "RATE_LIMITED"), ({"code": -1015, "msg": ""}, "ORDER_RATE_LIMITED")]
)
def test_a_429_is_the_addresss_rate_or_the_accounts(refuses: Refuses, body: dict[str, Any], code: str) -> None:
    error = refuses(429, body, Retry_After="3600")
    assert said(error) == (RetryLater, code)
    assert isinstance(error, RetryLater)
    assert error.after_seconds == errors.MAX_RETRY_SECONDS


def test_refused_keys_are_asked_for_again_when_a_second_look_may_confirm(refuses: Refuses) -> None:
    error = refuses(401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action, request ip: 203.0.113.7"})
    assert isinstance(error, RetryLater)
    assert error.after_seconds == CONFIRM_REFUSAL_AFTER.total_seconds()
    assert "203.0.113.7" not in str(error)


def test_a_code_that_nobody_knows_never_disables_an_account(refuses: Refuses) -> None:
    for code in (-4990, -100, 100001003):  # ccxt takes the last one for an authentication error
        assert said(refuses(400, {"code": code, "msg": "x"})) == (Reject, "VENUE_REJECTED")


def test_a_message_for_which_ccxt_drops_the_code_keeps_it(refuses: Refuses) -> None:
    error = refuses(400, {"code": -2010, "msg": "Account has insufficient balance for requested action."})
    assert said(error) == (Reject, "INSUFFICIENT_FUNDS")
    assert error.message.startswith("-2010 ")
    assert said(refuses(400, {"code": -1003, "msg": "Too many requests. Please try again later."})) == (
        RetryLater,
        "RATE_LIMITED",
    )


def test_the_answer_to_an_earlier_request_says_nothing_of_a_later_failure() -> None:
    client = clone_for(make_template("binanceusdm", None), Credentials("key", "secret"))
    client.session = OneAnswer(418, "", {"Retry-After": "60"})
    try:
        client.fapiPrivatePostOrder({"symbol": "BTCUSDT"})
    except ccxt.BaseError:
        with pytest.raises(ccxt.BaseError) as lost:
            raise ccxt.RequestTimeout("no answer") from TimeoutError()
    assert isinstance(instruction(lost.value, client.last_response_headers), Ambiguous)
