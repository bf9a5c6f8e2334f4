"""Several orders in one request, an order that is only tried, and an order that must still be open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.paper.test_shapes import ORDER, assert_shape
from tests.support.paper_venue import BTC_SYMBOL, PaperVenue
from tests.support.signed_http import SignedHttp, signed

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "49000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
TOO_SMALL = {**MARKET, "quantity": "0.0001"}


@pytest.fixture
def http(market: PaperVenue) -> SignedHttp:
    return signed(market)


def batch(http: SignedHttp, method: str, orders: list[Any]) -> Any:
    return http.ask(method, "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))


def named(order: dict[str, str], name: str, **changes: Any) -> dict[str, Any]:
    return {**order, "newClientOrderId": name, **changes}


def test_each_order_of_a_batch_is_answered_for_itself(http: SignedHttp) -> None:
    placed = batch(http, "POST", [named(MARKET, "a"), TOO_SMALL, named(LIMIT, "b"), named(LIMIT, "b"), {"symbol": "NOBODY"}])
    assert [answer.get("status", answer.get("code")) for answer in placed] == ["NEW", -1111, "NEW", -4116, -1102]
    for answer in (placed[0], placed[2]):
        assert_shape(answer, ORDER)
    assert http.ask("GET", "/fapi/v1/openOrders")[0]["clientOrderId"] == "b"
    assert [row["qty"] for row in http.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")] == ["0.010"]


def test_numbers_of_a_batch_may_be_json_numbers(http: SignedHttp) -> None:
    assert batch(http, "POST", [named(LIMIT, "a", quantity=0.01, price=49000.5)])[0]["price"] == "49000.5"
    refused = batch(
        http, "POST", [named(LIMIT, "b", price=1e-7), named(LIMIT, "c", quantity={"a": 1}), named(LIMIT, "d", price=None)]
    )
    assert [answer["code"] for answer in refused] == [-1111, -1100, -1102]


@pytest.mark.parametrize(
    ("orders", "code"),
    [("[]", -4082), (json.dumps([LIMIT] * 6), -4082), ("{}", -1102), ("[1]", -1102), ("[", -1102), ("", -1102)],
)
def test_a_batch_that_is_none_is_refused(http: SignedHttp, orders: str, code: int) -> None:
    assert http.code("POST", "/fapi/v1/batchOrders", batchOrders=orders) == code


def test_a_huge_exponent_costs_nothing(http: SignedHttp) -> None:
    orders = '[{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": 1e999999999}]'
    assert http.ask("POST", "/fapi/v1/batchOrders", batchOrders=orders)[0]["code"] == -1100


def test_a_batch_counts_as_five_orders_in_ten_seconds_and_as_one_in_the_minute(market: PaperVenue, http: SignedHttp) -> None:
    market.wall_clock.stand_at_a_minute()
    answer = http.send("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps([LIMIT]))
    assert (answer.headers["X-MBX-ORDER-COUNT-10S"], answer.headers["X-MBX-ORDER-COUNT-1M"]) == ("5", "1")
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "5"


def test_a_batch_amends_orders(http: SignedHttp) -> None:
    batch(http, "POST", [named(LIMIT, "a"), named(LIMIT, "b")])
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": "48000"}
    amended = batch(http, "PUT", [{**terms, "origClientOrderId": "a"}, {**terms, "origClientOrderId": "nobody"}])
    assert (amended[0]["price"], amended[0]["origQty"], amended[1]["code"]) == ("48000.0", "0.020", -2013)


def test_a_batch_cancels_orders_by_either_id(http: SignedHttp) -> None:
    ids = [order["orderId"] for order in batch(http, "POST", [named(LIMIT, name) for name in "abc"])]
    cancelled = http.ask("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=json.dumps([ids[0], 17]))
    assert [answer.get("status", answer.get("code")) for answer in cancelled] == ["CANCELED", -2011]
    cancelled = http.ask("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList='["b","c"]')
    assert [answer["clientOrderId"] for answer in cancelled] == ["b", "c"]
    assert http.ask("GET", "/fapi/v1/openOrders") == []
    path = "/fapi/v1/batchOrders"
    assert http.code("DELETE", path, symbol="BTCUSDT") == -1102
    assert http.code("DELETE", path, symbol="BTCUSDT", orderIdList="[]") == -1102
    assert http.code("DELETE", path, symbol="BTCUSDT", orderIdList=json.dumps(list(range(11)))) == -4032
    assert http.code("DELETE", path, symbol="NOBODY", orderIdList="[1]") == -1121


def test_an_order_that_is_tried_leaves_nothing(http: SignedHttp) -> None:
    tried = [http.ask("POST", "/fapi/v1/order/test", **order) for order in (MARKET, LIMIT)]
    assert [(answer["status"], answer["executedQty"]) for answer in tried] == [("NEW", "0.000")] * 2
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.010", "stopPrice": "48000"}
    assert http.ask("POST", "/fapi/v1/order/test", **stop)["triggerPrice"] == "48000.0"
    assert http.code("POST", "/fapi/v1/order/test", **TOO_SMALL) == -1111
    assert http.code("POST", "/fapi/v1/order/test", **{**stop, "stopPrice": "60000"}) == -2021
    for path in ("openOrders", "openAlgoOrders"):
        assert http.ask("GET", f"/fapi/v1/{path}") == []
    assert http.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT") == []


def test_an_open_order_is_found_until_it_closes(http: SignedHttp) -> None:
    http.ask("POST", "/fapi/v1/order", **named(LIMIT, "a"))
    wanted = {"symbol": "BTCUSDT", "origClientOrderId": "a"}
    assert http.ask("GET", "/fapi/v1/openOrder", **wanted)["status"] == "NEW"
    http.ask("DELETE", "/fapi/v1/order", **wanted)
    assert http.code("GET", "/fapi/v1/openOrder", **wanted) == -2013
    assert http.code("GET", "/fapi/v1/openOrder", symbol="BTCUSDT") == -1102


def test_ccxt_sends_batches(trader: Any) -> None:
    wanted: list[Any] = [
        {"symbol": BTC_SYMBOL, "type": "limit", "side": "buy", "amount": 0.01, "price": price, "params": {}}
        for price in (49_000, 48_000)
    ]
    ids = [order["id"] for order in trader.create_orders(wanted)]
    edits = [{"id": ids[0], "symbol": BTC_SYMBOL, "type": "limit", "side": "buy", "amount": 0.02, "price": 47_000}]
    assert [order["amount"] for order in trader.edit_orders(edits)] == [0.02]
    assert [order["status"] for order in trader.cancel_orders(ids, BTC_SYMBOL)] == ["canceled"] * 2
    assert trader.fapiPrivatePostOrderTest(MARKET)["executedQty"] == "0.000"
