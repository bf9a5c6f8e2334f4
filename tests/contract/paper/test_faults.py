"""Faults on demand, as ccxt meets them: orders that are executed although their answer is lost, and orders that are not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any

import ccxt
import httpx
import pytest

from paper_exchange.http import gate
from tests.support.paper_venue import BTC_SYMBOL, PATIENCE_SECONDS, PaperVenue
from tests.support.waiting import until

POLL_SECONDS = 0.01
ORDER_PATH = {"path": "/fapi/v1/order", "method": "POST"}


def place(trader: Any, client_id: str = "entry") -> Any:
    return trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": client_id})


def known(trader: Any, client_id: str = "entry") -> bool:
    return client_id in [order["clientOrderId"] for order in trader.fetch_orders(BTC_SYMBOL)]


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize(
    ("kind", "exception"),
    [
        ("timeout", ccxt.RequestTimeout),
        ("server_error", ccxt.ExchangeNotAvailable),
        ("unavailable", ccxt.ExchangeNotAvailable),
        ("closed", ccxt.NetworkError),
    ],
)
def test_an_answer_that_is_lost_says_nothing_of_the_order(
    market: PaperVenue, trader: Any, kind: str, exception: type[Exception], executed: bool
) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": kind, "executed": executed})
    with pytest.raises(exception):
        place(trader)
    assert known(trader) is executed


@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("banned", 418)])
def test_rate_limits_are_never_executed_and_say_when_to_come_back(
    market: PaperVenue, trader: Any, kind: str, status: int
) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": kind, "retry_after_seconds": 7})
    with pytest.raises(ccxt.DDoSProtection, match=str(status)):
        place(trader)
    assert trader.last_response_headers["Retry-After"] == "7"
    assert not known(trader)


def test_a_refusal_has_the_code_the_message_and_the_status_that_the_operator_gave(market: PaperVenue, trader: Any) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": "refused", "code": -2021, "message": "Order would trigger."})
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": "refused", "code": -4400, "message": "Rules.", "status": 403})
    with pytest.raises(ccxt.ExchangeError):
        place(trader)
    assert json.loads(trader.last_http_response) == {"code": -2021, "msg": "Order would trigger."}
    url, method, headers, body = sign_order(trader)
    answer = httpx.request(method, url, headers=headers, content=body, timeout=PATIENCE_SECONDS)
    assert (answer.status_code, answer.json()) == (403, {"code": -4400, "msg": "Rules."})
    assert not known(trader)


@pytest.mark.parametrize("executed", [True, False])
def test_a_refusal_may_come_although_the_order_is_executed(market: PaperVenue, trader: Any, executed: bool) -> None:
    rule = {**ORDER_PATH, "kind": "refused", "code": -1008, "message": "Overloaded.", "status": 503, "executed": executed}
    market.operate("POST", "/faults", rule)
    with pytest.raises(ccxt.ExchangeError):
        place(trader)
    assert known(trader) is executed


def sign_order(trader: Any) -> tuple[str, str, dict[str, str], str]:
    """URL, method, headers and body of an entry as ccxt would send it."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "entry"}
    signed = trader.sign("order", ["fapiPrivate"], "POST", order)
    return signed["url"], signed["method"], signed["headers"], signed["body"]


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(
    ("kind", "media_type", "is_body"),
    [
        ("html", "text/html", lambda body: body.startswith(b"<!DOCTYPE html>")),
        ("empty", "application/json", lambda body: body == b""),
        ("truncated", "application/json", lambda body: body.startswith(b'{"orderId"') and not is_json(body)),
        ("no_fields", "application/json", lambda body: body == b"{}"),
        ("not_utf8", "application/json", lambda body: body.startswith(b'{"orderId"') and b"\xff" in body),
    ],
)
def test_an_answer_that_cannot_be_read_says_nothing_of_the_order(
    market: PaperVenue, trader: Any, kind: str, media_type: str, is_body: Callable[[bytes], bool], status: int, executed: bool
) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": kind, "status": status, "executed": executed})
    url, method, headers, body = sign_order(trader)
    answer = httpx.request(method, url, headers=headers, content=body, timeout=PATIENCE_SECONDS)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(media_type)
    assert is_body(answer.content)
    assert known(trader) is executed


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Every slow request at the venue takes until this event is set."""
    may_go = Event()

    async def wait(_: float) -> None:
        while not may_go.is_set():
            await asyncio.sleep(POLL_SECONDS)

    monkeypatch.setattr(gate, "asyncio", SimpleNamespace(sleep=wait))
    return may_go


@pytest.mark.parametrize("executed", [True, False])
def test_a_slow_answer_outlasts_the_clients_patience(market: PaperVenue, trader: Any, executed: bool, answers: Event) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": "slow", "delay_ms": 1_200, "executed": executed})
    patience, trader.timeout = trader.timeout, 300
    with pytest.raises(ccxt.RequestTimeout):
        place(trader)
    trader.timeout = patience
    if executed:
        assert until(lambda: known(trader)), "it is executed before its answer is kept back"
        answers.set()
    else:
        assert not known(trader)
        answers.set()
        assert until(lambda: known(trader)), "a request that was slow to start is executed in the end"


def test_a_rule_is_used_up_by_its_count(market: PaperVenue, trader: Any) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": "timeout", "count": 2})
    for _ in range(2):
        with pytest.raises(ccxt.RequestTimeout):
            place(trader)
    assert place(trader)["status"] == "closed"
    assert [(rule["count"], rule["taken"]) for rule in market.operate("GET", "/faults")["faults"]] == [(2, 2)]


def test_a_rule_can_be_for_one_account_alone(market: PaperVenue, trader: Any) -> None:
    other = market.open_account(account_id="other")
    market.operate("POST", "/faults", {"path": "/fapi/*", "kind": "timeout", "account_id": "other", "count": 9})
    assert place(trader)["status"] == "closed"
    client = market.client(other)
    client.set_markets(trader.markets)
    with pytest.raises(ccxt.RequestTimeout):
        place(client)


def test_a_rule_can_be_withdrawn(market: PaperVenue, trader: Any) -> None:
    rule = market.operate("POST", "/faults", {**ORDER_PATH, "kind": "timeout", "count": 9})
    market.operate("DELETE", f"/faults/{rule['rule_id']}")
    assert place(trader)["status"] == "closed"


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "rate_limited", "path": "/x", "executed": True},
        {"kind": "slow", "path": "/x", "delay_ms": 60_000},
        {"kind": "timeout", "path": "/x", "count": 0},
        {"kind": "nonsense", "path": "/x"},
        {"kind": "refused", "path": "/x"},
        {"kind": "refused", "path": "/x", "code": 2021},
        {"kind": "refused", "path": "/x", "code": -100_000},
        {"kind": "refused", "path": "/x", "code": -2021, "status": 200},
        {"kind": "refused", "path": "/x", "code": -2021, "status": 600},
        {"kind": "refused", "path": "/x", "code": -2021, "message": "x" * 201},
        {"kind": "html", "path": "/x", "status": 204},
        {"kind": "html", "path": "/x", "code": -2021},
        {"kind": "timeout", "path": "/x", "status": 500},
        {"kind": "timeout", "path": "/x", "message": "late"},
        {"kind": "timeout", "path": "/" + "x" * 200},
        {"kind": "timeout"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(market: PaperVenue, rule: dict[str, Any]) -> None:
    answer = market.http.post("/operator/faults", json=rule)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("FAULT_INVALID", "BODY_INVALID")
