"""Numbers that Python cannot read, or reads as something else, anywhere in a request: a refusal with a code, and never a 5xx."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from paper_exchange.http.app import MODULES
from tests.support.paper_venue import OPERATOR_KEY, START_MS, PaperVenue
from tests.support.signed_http import SignedHttp, signed

ABSURD = (
    *("1e999999999", "-1e999999999", "1e-999999999", "1e400", "9" * 20, "9" * 40, "9" * 5_000, "-" + "9" * 5_000),
    *("0." + "1" * 5_000, "1_000", "1_0.5", "\u0661\u0662", "\uff11", "\u00b2", "Infinity", "-Infinity", "NaN", "sNaN"),
    *("1e", "0x10", "+1", "--1", ".", "1.", "", " 1", "1\n", "\x00", "true", "null", "[]"),
    *("9" * 20 + "." + "9" * 20, "0." + "0" * 19 + "1"),
)
NUMERIC = (
    *(
        "limit",
        "startTime",
        "endTime",
        "fromId",
        "orderId",
        "algoId",
        "quantity",
        "price",
        "stopPrice",
        "triggerPrice",
        "leverage",
    ),
    *("activatePrice", "activationPrice", "callbackRate", "goodTillDate", "amount", "type", "countdownTime", "modifyId", "page"),
    *("recvWindow", "timestamp", "current", "size", "tranId", "id"),
)
USUAL = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "49000",
    "interval": "5m",
    "contractType": "PERPETUAL",
    "algoType": "CONDITIONAL",
    "orderId": "1",
    "algoId": "1",
    "triggerPrice": "52000",
    "leverage": "5",
    "amount": "1",
    "countdownTime": "0",
    "marginType": "CROSSED",
}
KINDS = ("LIMIT", "MARKET", "STOP_MARKET", "STOP", "TRAILING_STOP_MARKET", "1")
ROUNDS = 3  # absurd values of a parameter and a route; another seed takes others
OPERATORS: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/markets"): {
        "markets": [{"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick_size": "0.1", "step_size": "0.001"}]
    },
    ("PUT", "/clock"): {"mode": "stepped", "now_ms": START_MS},
    ("POST", "/clock/step"): {"milliseconds": 1},
    ("POST", "/accounts"): {"balances": {"USDT": "1"}},
    ("PUT", "/funding"): {"rate": "0.0001"},
    ("PUT", "/mark"): {"offset_bps": "1"},
    ("PUT", "/markets/BTCUSDT/spread"): {"half_spread_bps": "1"},
    ("PUT", "/limits"): {"weight_per_minute": 2_400, "orders_per_minute": 1_200, "warnings": 10, "ban_seconds": 120},
    ("POST", "/faults"): {
        "kind": "partial_fill",
        "path": "/fapi/v1/none",
        "count": 1,
        "delay_ms": 0,
        "retry_after_seconds": 1,
        "ratio": "0.5",
    },
}
REFUSALS = frozenset({"BODY_INVALID", "FAULT_INVALID", "CLOCK_INVALID", "CLOCK_BACKWARDS", "MARKET_INVALID"})
FIELDS_OF_A_MARKET = (
    *("tick_size", "step_size", "min_quantity", "max_quantity", "max_market_quantity", "min_price", "max_price", "min_notional"),
    *("multiplier_up", "multiplier_down", "max_orders", "max_algo_orders", "taker_fee", "maker_fee", "half_spread_bps"),
    *("max_leverage", "volume_share"),
)


def paths() -> list[tuple[str, str]]:
    """Every method and path of the dialect."""
    routes = [route for module in MODULES for route in module.router.routes]
    found = {(method, str(getattr(route, "path", ""))) for route in routes for method in getattr(route, "methods", None) or ()}
    return sorted(pair for pair in found if not pair[1].startswith("/operator"))


@pytest.fixture
def key(market: PaperVenue) -> SignedHttp:
    """An account's key at a venue that refuses nobody for asking often."""
    much = 1_000_000_000
    limits = {"weight_per_minute": much, "orders_per_ten_seconds": much, "orders_per_minute": much}
    market.operate("PUT", "/limits", limits)
    return signed(market)


def is_refusal_or_answer(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text[:300]
    if answer.status_code >= 400:
        assert isinstance(answer.json()["code"], int), answer.text[:300]


def send(key: SignedHttp, method: str, path: str, parameters: dict[str, str], *, in_body: bool) -> httpx.Response:
    """A signed request as any client might send it."""
    pairs = {"timestamp": str(key.venue.wall_clock()), **parameters}
    payload = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
    whole = f"{payload}&signature={quote(key.sign(payload), safe='')}"
    headers = {"X-MBX-APIKEY": key.api_key}
    if in_body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return key.venue.http.request(method, path, content=whole, headers=headers)
    return key.venue.http.request(method, f"{path}?{whole}", headers=headers)


@pytest.mark.parametrize(("method", "path"), paths(), ids=lambda it: str(it))
def test_no_number_of_a_parameter_is_a_fault_of_ours(key: SignedHttp, method: str, path: str) -> None:
    random = Random(f"{method} {path}")
    for name in NUMERIC:
        for value in random.sample(ABSURD, ROUNDS):
            parameters = {**USUAL, "type": random.choice(KINDS), name: value}
            in_body = method != "GET" and bool(random.getrandbits(1))
            is_refusal_or_answer(send(key, method, path, parameters, in_body=in_body and len(value) < 4_000))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_no_number_of_a_batch_is_a_fault_of_ours(key: SignedHttp, method: str) -> None:
    for name in ("quantity", "orderId", "goodTillDate"):
        for value in ABSURD:
            if len(value) > 1_000:
                continue  # longer than a body may be once it is quoted
            for text in (json.dumps(value), value):
                rows = json.dumps([{**USUAL, "type": "LIMIT", "PLACE": 0}]).replace('"PLACE": 0', f'"{name}": {text}')
                lists = {"batchOrders": rows, "orderIdList": f"[{text}]"}
                is_refusal_or_answer(send(key, method, "/fapi/v1/batchOrders", {"symbol": "BTCUSDT", **lists}, in_body=False))


@pytest.mark.parametrize("name", ["timestamp", "recvWindow", "orderId", "limit", "startTime", "quantity", "price"])
@pytest.mark.parametrize("value", ["1e999999999", "9" * 5_000, "1_000", "\u0661", "Infinity", "NaN", "1e5"])
def test_a_number_that_is_none_is_refused(key: SignedHttp, name: str, value: str) -> None:
    path = "/fapi/v1/allOrders" if name not in ("quantity", "price") else "/fapi/v1/order"
    answer = send(key, "GET" if path.endswith("s") else "POST", path, {**USUAL, name: value}, in_body=False)
    assert (answer.status_code, answer.json()["code"]) in ((400, -1100), (400, -1021), (400, -1131))


@pytest.mark.parametrize("name", ["X-MBX-APIKEY", "X-Operator-Key", "Content-Type", "recvWindow", "timestamp", "Retry-After"])
def test_no_header_is_a_fault_of_ours(key: SignedHttp, name: str) -> None:
    for value in ABSURD:
        if value.isascii() and value.isprintable() and value == value.strip():
            path = "/operator/clock" if name == "X-Operator-Key" else "/fapi/v3/account"
            answer = httpx.get(f"{key.venue.base_url}{path}", headers={name: value}, verify=False)  # noqa: S501 - plain HTTP
            is_refusal_or_answer(answer)
            assert answer.status_code >= 400


def operate(market: PaperVenue, method: str, path: str, body: str) -> httpx.Response:
    return market.http.request(method, f"/operator{path}", content=body.encode())


def bodies_with(body: dict[str, Any], name: str) -> list[str]:
    """The body with each absurd value for a field, as text and bare."""
    texts = [text for value in ABSURD for text in (json.dumps(value), value) if text.isascii()]
    return [json.dumps({**body, name: "PLACE"}).replace('"PLACE"', text) for text in texts]


@pytest.mark.parametrize(("method", "path"), sorted(OPERATORS))
def test_no_number_of_an_operator_is_a_fault_of_ours(market: PaperVenue, method: str, path: str) -> None:
    body = OPERATORS[method, path]
    for name, usual in body.items():
        if isinstance(usual, str) and not usual.replace(".", "").isdigit():
            continue
        for absurd in bodies_with(body, name):
            answer = operate(market, method, path, absurd)
            assert answer.status_code < 500, (absurd[:200], answer.text[:200])
            if answer.status_code >= 400:
                assert answer.json()["code"] in (
                    "BODY_INVALID",
                    "FAULT_INVALID",
                    "CLOCK_INVALID",
                    "CLOCK_BACKWARDS",
                    "MARKET_INVALID",
                )
        market.operate("PUT", "/limits", {"weight_per_minute": 1_000_000})
        assert signed(market).send("GET", "/fapi/v3/account").status_code == 200


@pytest.mark.parametrize("field", FIELDS_OF_A_MARKET)
def test_no_number_of_a_market_breaks_an_order(key: SignedHttp, field: str) -> None:
    market = OPERATORS["PUT", "/markets"]["markets"][0]
    for row in bodies_with(market, field):
        answer = operate(key.venue, "PUT", "/markets", f'{{"markets": [{row}]}}')
        assert answer.status_code in (200, 400), (row[:200], answer.text[:200])
        if answer.status_code == 200:
            for method, path in (("POST", "/fapi/v1/order"), ("GET", "/fapi/v1/exchangeInfo"), ("GET", "/fapi/v3/positionRisk")):
                is_refusal_or_answer(send(key, method, path, USUAL, in_body=False))


@pytest.mark.parametrize("place", range(6))
def test_no_number_of_a_candle_breaks_a_look(key: SignedHttp, place: int) -> None:
    usual = [START_MS, "50000", "50000", "50000", "50000", "1"]
    for value in ABSURD:
        for text in (json.dumps(value), value):
            cells = [json.dumps(cell) for cell in usual]
            for at in (1, 2, 3, 4) if 0 < place < 5 else (place,):
                cells[at] = text
            row = f"[[{','.join(cells)}]]"
            answer = key.venue.http.post(
                "/operator/markets/BTCUSDT/candles", params={"interval": "1m", "restart": True}, content=row.encode()
            )
            assert answer.status_code in (200, 400), (row[:200], answer.text[:200])
            if answer.status_code == 200:
                for path in ("premiumIndex", "depth", "ticker/24hr", "trades"):
                    is_refusal_or_answer(send(key, "GET", f"/fapi/v1/{path}", {"symbol": "BTCUSDT", "limit": "5"}, in_body=False))


@pytest.mark.parametrize("value", ["9" * 5_000, "1_0", "\u0661", "1e5", "Infinity", ""])
def test_numbers_in_an_operators_path_and_query_are_refused(market: PaperVenue, value: str) -> None:
    text = quote(value)
    for path in (f"/accounts?limit={text}", f"/book/orders?limit={text}", f"/book/fills?cursor=trader/{text}"):
        answer = market.http.get(f"/operator{path}")
        assert (answer.status_code, answer.json()["code"]) in ((400, "REQUEST_INVALID"), (400, "CURSOR_INVALID")), path[:80]
    if value:
        answer = market.http.delete(f"/operator/accounts/trader/orders/{text}?symbol=BTCUSDT")
        assert (answer.status_code, answer.json()["code"]) == (400, "REQUEST_INVALID")


def test_the_operators_key_is_asked_for_first(market: PaperVenue) -> None:
    answer = market.http.get("/operator/accounts?limit=1_0", headers={"X-Operator-Key": OPERATOR_KEY[:-1]})
    assert answer.status_code == 404
