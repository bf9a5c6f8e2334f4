"""Ends by date and by countdown, prices from the book, the history of amendments, margin moved by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, PaperVenue
from tests.support.signed_http import SignedHttp, signed

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "49000"}
STOP = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "STOP",
    "quantity": "0.01",
    "triggerPrice": "49000",
    "price": "48900",
}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1", "newOrderRespType": "RESULT"}


@pytest.fixture
def http(market: PaperVenue) -> SignedHttp:
    """A key of an account at minute 60 of a market that stands still."""
    market.wall_clock.stand_at_a_minute()
    return signed(market)


def till(http: SignedHttp, minutes: int) -> dict[str, Any]:
    return {"timeInForce": "GTD", "goodTillDate": http.venue.wall_clock() + minutes * MINUTE_MS}


def without_price(order: dict[str, str], **changes: str) -> dict[str, str]:
    return {name: value for name, value in order.items() if name != "price"} | changes


def status(http: SignedHttp, order: Any) -> str:
    return str(http.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])["status"])


def test_an_order_that_is_good_till_a_date_ends_then(market: PaperVenue, http: SignedHttp) -> None:
    order = http.ask("POST", "/fapi/v1/order", **LIMIT | till(http, 11))
    assert order["goodTillDate"] == till(http, 11)["goodTillDate"]
    market.set_minute(70)
    assert status(http, order) == "NEW"
    market.set_minute(71)
    assert status(http, order) == "CANCELED"


def test_an_order_ends_before_the_candle_that_its_time_lies_in(venue: PaperVenue) -> None:
    venue.load(["50000"] * 70 + [("50000", "50000", "48000", "50000")] * 10)
    venue.set_minute(60)
    venue.wall_clock.stand_at_a_minute()
    http = signed(venue)
    date = venue.wall_clock() + 10 * MINUTE_MS + 30_000
    ends = http.ask("POST", "/fapi/v1/order", **LIMIT | {"timeInForce": "GTD", "goodTillDate": date})
    stays = http.ask("POST", "/fapi/v1/order", **LIMIT)
    venue.set_minute(72)
    assert (status(http, ends), status(http, stays)) == ("CANCELED", "FILLED")


def test_a_stop_that_is_good_till_a_date_expires(market: PaperVenue, http: SignedHttp) -> None:
    algo = http.ask("POST", "/fapi/v1/algoOrder", **STOP | till(http, 11))
    market.set_minute(75)
    ended = http.ask("GET", "/fapi/v1/algoOrder", algoId=algo["algoId"])
    assert (ended["algoStatus"], ended["goodTillDate"]) == ("EXPIRED", algo["goodTillDate"])


def test_a_date_is_checked(http: SignedHttp) -> None:
    date = till(http, 11)["goodTillDate"]
    assert http.code("POST", "/fapi/v1/order", **LIMIT | till(http, 10)) == -5040
    assert http.code("POST", "/fapi/v1/order", **LIMIT | {"timeInForce": "GTD", "goodTillDate": 253402300799000}) == -5040
    assert http.code("POST", "/fapi/v1/order", **LIMIT | {"timeInForce": "GTD", "goodTillDate": 0}) == -5040
    assert http.code("POST", "/fapi/v1/order", **LIMIT | {"timeInForce": "GTD"}) == -1102
    assert http.code("POST", "/fapi/v1/order", **LIMIT, goodTillDate=date) == -1106


@pytest.mark.parametrize(("match", "rests_at_or_takes"), [("QUEUE", "49995.0"), ("OPPONENT", "50005.0")])
def test_a_price_comes_from_the_best_level_of_the_book(http: SignedHttp, match: str, rests_at_or_takes: str) -> None:
    order = http.ask("POST", "/fapi/v1/order", **without_price(LIMIT, priceMatch=match))
    assert (order["price"], order["priceMatch"]) == (rests_at_or_takes, match)


def test_a_price_comes_from_the_level_that_depth_shows(http: SignedHttp) -> None:
    bids = http.venue.http.get("/fapi/v1/depth", params={"symbol": "BTCUSDT", "limit": "20"}).json()["bids"]
    for place in (5, 10, 20):
        order = http.ask("POST", "/fapi/v1/order", **without_price(LIMIT, priceMatch=f"QUEUE_{place}"))
        assert Decimal(order["price"]) == Decimal(bids[place - 1][0])


def test_a_match_is_checked(http: SignedHttp) -> None:
    assert http.code("POST", "/fapi/v1/order", **without_price(LIMIT, priceMatch="BEST")) == -5037
    assert http.code("POST", "/fapi/v1/order", **LIMIT, priceMatch="QUEUE") == -1106
    assert http.code("POST", "/fapi/v1/order", **MARKET, priceMatch="QUEUE") == -5038
    trailing = {"type": "TRAILING_STOP_MARKET", "callbackRate": "1", "priceMatch": "QUEUE"}
    kept = {name: value for name, value in STOP.items() if name not in ("price", "triggerPrice")}
    assert http.code("POST", "/fapi/v1/algoOrder", **kept | trailing) == -5038
    assert "price" not in without_price(LIMIT)
    assert http.code("POST", "/fapi/v1/order", **without_price(LIMIT), priceMatch="NONE") == -1102


def test_a_stop_takes_its_price_from_the_book_when_it_triggers(venue: PaperVenue) -> None:
    venue.load(["50000"] * 61 + ["48500"] * 10)
    venue.set_minute(60)
    http = signed(venue)
    http.ask("POST", "/fapi/v1/order", **MARKET)
    algo = http.ask("POST", "/fapi/v1/algoOrder", **without_price(STOP, priceMatch="OPPONENT"))
    assert algo["priceMatch"] == "OPPONENT"
    venue.set_minute(65)
    sold = http.ask("GET", "/fapi/v1/algoOrder", algoId=algo["algoId"])
    order = http.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=sold["actualOrderId"])
    assert (order["status"], order["priceMatch"], Decimal(order["price"])) == ("FILLED", "OPPONENT", Decimal("48495.1"))


def test_a_countdown_cancels_the_orders_of_its_symbol(market: PaperVenue, http: SignedHttp) -> None:
    order = http.ask("POST", "/fapi/v1/order", **LIMIT)
    algo = http.ask("POST", "/fapi/v1/algoOrder", **STOP)
    started = http.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=120_000)
    assert started == {"symbol": "BTCUSDT", "countdownTime": "120000"}
    market.set_minute(61)
    http.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=120_000)
    market.set_minute(62)
    assert status(http, order) == "NEW"
    market.set_minute(63)
    assert status(http, order) == "CANCELED"
    assert http.ask("GET", "/fapi/v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "NEW"
    later = http.ask("POST", "/fapi/v1/order", **LIMIT)
    market.set_minute(70)
    assert status(http, later) == "NEW"


def test_a_countdown_of_zero_stops_it(market: PaperVenue, http: SignedHttp) -> None:
    order = http.ask("POST", "/fapi/v1/order", **LIMIT)
    for milliseconds in (60_000, 0):
        http.ask("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=milliseconds)
    market.set_minute(70)
    assert status(http, order) == "NEW"
    assert http.code("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT") == -1102
    assert http.code("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=-1) == -1130
    assert http.code("POST", "/fapi/v1/countdownCancelAll", symbol="NOBODY", countdownTime=1) == -1121


def test_amendments_are_kept_the_latest_first(http: SignedHttp) -> None:
    order = http.ask("POST", "/fapi/v1/order", **LIMIT)
    named = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order["orderId"]}
    answer = http.ask("PUT", "/fapi/v1/order", **named, quantity="0.02", price="48000", modifyId=7)
    assert answer["modifyId"] == 7
    matched = http.ask("PUT", "/fapi/v1/order", **named, quantity="0.02", priceMatch="QUEUE")
    assert (matched["price"], matched["priceMatch"]) == ("49995.0", "QUEUE")
    rows = http.ask("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", orderId=order["orderId"])
    assert [row["amendment"]["count"] for row in rows] == [2, 1]
    assert rows[1]["amendment"] == {
        "price": {"before": "49000.0", "after": "48000.0"},
        "origQty": {"before": "0.010", "after": "0.020"},
        "count": 1,
        "modifyId": 7,
    }
    one = http.ask("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", origClientOrderId=order["clientOrderId"], limit=1)
    assert one == rows[:1]
    assert http.ask("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", orderId=order["orderId"], endTime=1) == []
    assert http.code("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", orderId=1) == -2013
    assert http.code("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT") == -1102
    assert http.code("PUT", "/fapi/v1/order", **named, quantity="0.03", price="48000", reduceOnly="true") == -5047


def test_margin_of_an_isolated_position_is_moved(http: SignedHttp) -> None:
    path, named = "/fapi/v1/positionMargin", {"symbol": "BTCUSDT", "amount": "100"}
    assert http.code("POST", path, **named, type=1) == -4049
    http.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert http.code("POST", path, **named, type=1) == -4054
    http.ask("POST", "/fapi/v1/order", **MARKET)
    risk = "/fapi/v3/positionRisk"
    before = http.ask("GET", risk, symbol="BTCUSDT")[0]
    moved = http.ask("POST", path, **named, type=1)
    assert (moved["amount"], moved["code"], moved["type"]) == (100.0, 200, 1)
    after = http.ask("GET", risk, symbol="BTCUSDT")[0]
    assert Decimal(after["isolatedWallet"]) - Decimal(before["isolatedWallet"]) == 100
    assert Decimal(after["liquidationPrice"]) < Decimal(before["liquidationPrice"])
    assert http.ask("POST", path, symbol="BTCUSDT", amount="40", type=2)["type"] == 2
    assert http.code("POST", path, symbol="BTCUSDT", amount="100", type=2) == -4051
    assert http.code("POST", path, symbol="BTCUSDT", amount="1000000", type=1) == -4050
    assert http.code("POST", path, symbol="BTCUSDT", amount="-1", type=1) == -4055
    assert http.code("POST", path, **named, type=3) == -1130
    assert http.code("POST", path, **named, type=1, positionSide="LONG") == -4061
    history = http.ask("GET", f"{path}/history", symbol="BTCUSDT")
    assert [(row["type"], row["amount"], row["deltaType"]) for row in history] == [
        (1, "100", "USER_ADJUST"),
        (2, "40", "USER_ADJUST"),
    ]
    assert [row["type"] for row in http.ask("GET", f"{path}/history", symbol="BTCUSDT", type=1)] == [1]
    assert http.code("GET", f"{path}/history", symbol="BTCUSDT", startTime=0, endTime=31 * 86_400_000) == -4165


def test_ccxt_uses_them(trader: Any) -> None:
    trader.set_margin_mode("isolated", BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    assert trader.add_margin(BTC_SYMBOL, 100)["amount"] == 100
    assert trader.reduce_margin(BTC_SYMBOL, 50)["type"] == "reduce"
    assert [row["type"] for row in trader.fetch_margin_adjustment_history(BTC_SYMBOL)] == ["add", "reduce"]
