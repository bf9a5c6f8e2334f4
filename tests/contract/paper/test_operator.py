"""The operator's door: closed to everybody else, strict about candles, complete about the book."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support.paper_venue import BTC, BTC_SYMBOL, MINUTE_MS, OPERATOR_KEY, START_MS, PaperVenue


def send_rows(venue: PaperVenue, body: str | list[Any], **parameters: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return venue.http.post("/operator/markets/BTCUSDT/candles", params={"interval": "1m", **parameters}, content=text)


def row(minute: int, *prices: str) -> list[Any]:
    return [START_MS + minute * MINUTE_MS, *(prices or ("1", "1", "1", "1")), "5"]


@pytest.mark.parametrize("key", ["", "wrong", OPERATOR_KEY + "x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/operator/clock"), ("POST", "/operator/accounts"), ("POST", "/operator/reset")]
)
def test_without_the_key_the_door_does_not_exist(market: PaperVenue, key: str, method: str, path: str) -> None:
    market.http.headers["X-Operator-Key"] = key
    refused = market.http.request(method, path, json={})
    unknown = market.http.request(method, "/fapi/v1/nothing")
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["code"] == unknown.json()["code"]


def test_a_tenants_key_does_not_open_it(market: PaperVenue) -> None:
    keys = market.open_account()
    market.http.headers["X-Operator-Key"] = keys["api_key"]
    assert market.http.get("/operator/book/orders").status_code == 404


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("CANDLES_EMPTY", []),
        ("CANDLES_EMPTY", {"rows": 1}),
        ("BODY_INVALID", "[[1,2"),
        ("BODY_INVALID", "\xff"),
        ("CANDLE_MALFORMED", [[START_MS, "1", "1"]]),
        ("CANDLE_MALFORMED", [["soon", "1", "1", "1", "1", "1"]]),
        ("CANDLE_MALFORMED", [[True, "1", "1", "1", "1", "1"]]),
        ("CANDLE_MISALIGNED", [[START_MS + 1, "1", "1", "1", "1", "1"]]),
        ("CANDLE_NOT_A_NUMBER", [row(0, "1", "1", "1", "NaN")]),
        ("CANDLE_NOT_A_NUMBER", f"[[{START_MS}, NaN, 1, 1, 1, 1]]"),
        ("CANDLE_NOT_A_NUMBER", f"[[{START_MS}, Infinity, 1, 1, 1, 1]]"),
        ("CANDLE_NOT_A_NUMBER", [[START_MS, None, "1", "1", "1", "1"]]),
        ("CANDLE_NEGATIVE", [row(0, "1", "1", "-1", "1")]),
        ("CANDLE_NEGATIVE", [row(0, "0", "1", "0", "1")]),
        ("CANDLE_INCONSISTENT", [row(0, "2", "1", "1", "1")]),
        ("CANDLE_INCONSISTENT", [row(0, "1", "2", "1.5", "2")]),
        ("CANDLES_UNSORTED", [row(1), row(0)]),
        ("CANDLES_DUPLICATE", [row(0), row(0)]),
        ("CANDLES_GAP", [row(0), row(2)]),
    ],
)
def test_broken_candles_get_a_code_and_change_nothing(venue: PaperVenue, code: str, body: Any) -> None:
    venue.operate("PUT", "/markets", {"markets": [BTC]})
    answer = send_rows(venue, body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert venue.operate("GET", "/clock")["candles"] == {}


def test_candles_are_exact_whether_text_or_number(venue: PaperVenue) -> None:
    venue.operate("PUT", "/markets", {"markets": [BTC]})
    assert send_rows(venue, f"[[{START_MS}, 0.1, 0.3, 0.1, 0.3, 12345678.12345678]]").is_success
    venue.set_minute(1)
    rows = venue.http.get("/fapi/v1/klines", params={"symbol": "BTCUSDT", "interval": "1m", "limit": 2}).json()
    assert rows[0][1:6] == ["0.1", "0.3", "0.1", "0.3", "12345678.12345678"]


def test_candles_are_loaded_in_parts_that_follow_each_other(venue: PaperVenue) -> None:
    venue.operate("PUT", "/markets", {"markets": [BTC]})
    for start in range(0, 4_500, 900):  # parts that end inside and outside of the store's chunks
        rows = [row(minute, *[str(minute + 1)] * 4) for minute in range(start, start + 900)]
        assert send_rows(venue, rows).json()["count"] == start + 900
    assert send_rows(venue, [row(4_501)]).json()["code"] == "CANDLES_GAP"
    assert send_rows(venue, [row(0)]).json()["code"] == "CANDLES_UNSORTED"
    assert send_rows(venue, [row(4_499)]).json()["code"] == "CANDLES_DUPLICATE"
    assert send_rows(venue, [row(4_500)], interval="5m").json()["code"] == "INTERVAL_MISMATCH"
    venue.set_minute(4_500)
    closes = [candle[4] for candle in venue.client().fetch_ohlcv(BTC_SYMBOL, "1m", since=START_MS + 1_995 * MINUTE_MS, limit=10)]
    assert closes == list(range(1_996, 2_006))


def test_other_mistakes_with_candles(venue: PaperVenue) -> None:
    assert send_rows(venue, [row(0)]).json()["code"] == "MARKET_UNKNOWN"
    venue.operate("PUT", "/markets", {"markets": [BTC]})
    assert send_rows(venue, [row(0)], interval="7m").json()["code"] == "INTERVAL_UNKNOWN"
    path, headers = "/operator/markets/BTCUSDT/candles?interval=1m", {"Content-Encoding": "gzip"}
    assert venue.http.post(path, content=b"no gzip", headers=headers).json()["code"] == "BODY_INVALID"
    bomb = gzip.compress(b" " * (41 * 1024 * 1024))
    assert venue.http.post(path, content=bomb, headers=headers).json()["code"] == "BODY_TOO_LARGE"
    assert venue.http.post(path, content=b" " * (5 * 1024 * 1024 + 1)).json()["code"] == "BODY_TOO_LARGE"


@pytest.mark.parametrize("field", ["tick_size", "step_size"])
@pytest.mark.parametrize("value", ["0", "-1", "NaN", "x"])
def test_a_market_that_makes_no_sense_is_refused(venue: PaperVenue, field: str, value: str) -> None:
    answer = venue.http.put("/operator/markets", json={"markets": [{**BTC, field: value}]})
    assert (answer.status_code, answer.json()["code"]) in ((400, "MARKET_INVALID"), (400, "BODY_INVALID"))


def test_the_clock_goes_back_only_if_told_to(market: PaperVenue) -> None:
    answer = market.http.put("/operator/clock", json={"now_ms": START_MS})
    assert (answer.status_code, answer.json()["code"]) == (409, "CLOCK_BACKWARDS")
    market.set_minute(1, rewind=True)
    assert market.operate("POST", "/clock/step", {"milliseconds": MINUTE_MS})["now_ms"] == START_MS + 2 * MINUTE_MS
    assert market.http.put("/operator/clock", json={"now_ms": 10**16}).json()["code"] == "CLOCK_INVALID"


def test_keys_are_taken_as_given_shown_once_and_rotated(market: PaperVenue) -> None:
    given = {"account_id": "alice", "api_key": "A" * 32, "api_secret": "canary-secret"}
    issued = market.operate("POST", "/accounts", given)
    assert (issued["api_key"], issued["api_secret"]) == ("A" * 32, "canary-secret")
    assert market.http.post("/operator/accounts", json=given).json()["code"] == "ACCOUNT_EXISTS"
    second = market.operate("POST", "/accounts/alice/keys", {})
    market.operate("DELETE", f"/accounts/alice/keys/{issued['key_id']}")
    assert market.client(second).fetch_balance()["USDT"]["total"] == 10_000
    assert market.http.delete("/operator/accounts/alice/keys/none").json()["code"] == "KEY_UNKNOWN"
    assert market.http.post("/operator/accounts/bob/keys", json={}).json()["code"] == "ACCOUNT_UNKNOWN"
    duplicate = market.http.post("/operator/accounts/alice/keys", json={"api_key": second["api_key"]})
    assert duplicate.json()["code"] == "KEY_EXISTS"
    assert market.http.post("/operator/accounts", json={"api_key": "short"}).json()["code"] == "KEY_INVALID"


def test_no_answer_of_the_operators_repeats_a_secret(market: PaperVenue) -> None:
    market.operate("POST", "/accounts", {"account_id": "alice", "api_key": "canary" * 6, "api_secret": "canary-secret"})
    shown = [market.http.get(f"/operator/{path}").text for path in ("accounts", "book/orders", "book/positions", "clock")]
    refused = market.http.post("/operator/accounts", json={"api_key": "canary" * 6, "api_secret": "canary-secret"})
    malformed = market.http.post("/operator/accounts", json={"api_secret": ["canary-secret"], "surplus": "canary-secret"})
    assert "canary" not in "".join(shown) + refused.text + malformed.text


def test_the_book_tells_every_order_and_who_signed_it(market: PaperVenue) -> None:
    issued = {name: market.open_account(account_id=name) for name in ("alice", "bob", "carol")}
    for index, (name, keys) in enumerate(issued.items(), start=1):
        client = market.client(keys)
        for number in range(index):
            client.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": f"{name}{number}"})
        client.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000, {"clientOrderId": f"{name}-limit"})
    orders = market.book("orders", limit=2)
    assert [row["client_order_id"] for row in orders if row["status"] == "FILLED"] == [
        "alice0",
        "bob0",
        "bob1",
        "carol0",
        "carol1",
        "carol2",
    ]
    assert all(row["signed_by"] == issued[row["account_id"]]["key_id"] for row in orders)
    assert len(orders) == len({row["order_id"] for row in orders}) == 9
    fills = market.book("fills", limit=4)
    assert {row["order_id"] for row in fills} == {row["order_id"] for row in orders if row["status"] == "FILLED"}
    assert {row["account_id"]: row["amount"] for row in market.book("positions")} == {
        "alice": "0.01",
        "bob": "0.02",
        "carol": "0.03",
    }
    assert market.http.get("/operator/book/orders", params={"cursor": "x"}).json()["code"] == "CURSOR_INVALID"


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_the_book_together_are_the_book(market: PaperVenue, limit: int) -> None:
    client = market.client(market.open_account())
    ids = [client.create_order(BTC_SYMBOL, "market", "buy", 0.01)["id"] for _ in range(6)]
    assert [str(row["order_id"]) for row in market.book("orders", limit=limit)] == ids


def test_requests_are_counted_on_demand(market: PaperVenue, trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    market.operate("PUT", "/counting", {"counting": True})
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    account_id = market.operate("GET", "/accounts")["accounts"][0]["account_id"]
    assert market.operate("GET", "/counts")["counts"] == {account_id: {"POST /fapi/v1/order": 1}}


def test_a_reset_forgets_accounts_and_keeps_markets_unless_told(market: PaperVenue, trader: Any) -> None:
    market.operate("POST", "/reset", {})
    assert market.book("orders") == []
    assert market.operate("GET", "/accounts")["accounts"] == []
    assert market.operate("GET", "/clock")["now_ms"] == START_MS + 60 * MINUTE_MS
    market.operate("POST", "/reset", {"markets": True})
    assert market.operate("GET", "/clock")["candles"] == {}
