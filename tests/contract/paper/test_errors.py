"""Refusals: the venue's code, its HTTP status, and the exception that ccxt makes of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import ccxt
import httpx
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue


def place(trader: Any, kind: str = "market", quantity: float = 0.01, price: float | None = None, **parameters: Any) -> Any:
    return trader.create_order(BTC_SYMBOL, kind, "buy", quantity, price, parameters)


def raw(trader: Any, **parameters: str) -> Any:
    """An order as ccxt would never send it."""
    return trader.fapiPrivatePostOrder({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", **parameters})


def test_an_unknown_key_is_an_authentication_error(market: PaperVenue) -> None:
    client = market.client({"api_key": "x" * 64, "api_secret": "y" * 64})
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        client.fetch_balance()


def test_a_wrong_secret_is_an_authentication_error(market: PaperVenue) -> None:
    keys = market.open_account()
    client = market.client({**keys, "api_secret": "wrong"})
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        client.fetch_balance()


def test_a_malformed_key_is_an_authentication_error(market: PaperVenue) -> None:
    with pytest.raises(ccxt.AuthenticationError, match="-2014"):
        market.client({"api_key": "short", "api_secret": "y"}).fetch_balance()


def test_a_revoked_key_is_refused_from_its_next_request_on(market: PaperVenue, trader: Any) -> None:
    place(trader)
    account = market.operate("GET", "/accounts")["accounts"][0]
    market.operate("DELETE", f"/accounts/{account['account_id']}/keys/{next(iter(account['keys']))}")
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        place(trader)


@pytest.mark.parametrize("offset_ms", [-60_000, 60_000])  # well outside ccxt's recvWindow of 10 s: at its edge chance decides
def test_a_time_stamp_outside_the_window_is_an_invalid_nonce(market: PaperVenue, trader: Any, offset_ms: int) -> None:
    market.wall_clock.offset_ms = offset_ms
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        trader.fetch_balance()


def test_without_time_stamp_or_signature_nothing_is_answered(market: PaperVenue) -> None:
    keys = market.open_account()
    with httpx.Client(base_url=market.base_url, headers={"X-MBX-APIKEY": keys["api_key"]}) as http:
        assert http.get("/fapi/v3/account").json()["code"] == -1102
        now = market.wall_clock()
        assert http.get("/fapi/v3/account", params={"timestamp": now}).json()["msg"].startswith("Mandatory parameter 'signature'")


def test_what_is_signed_cannot_be_changed_on_the_way(market: PaperVenue) -> None:
    keys = market.open_account()
    signed = f"symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.010&timestamp={market.wall_clock()}"
    signature = hmac.new(keys["api_secret"].encode(), signed.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": keys["api_key"], "Content-Type": "application/x-www-form-urlencoded"}
    changed = f"{signed.replace('0.010', '0.020')}&signature={signature}"
    with httpx.Client(base_url=market.base_url, headers=headers) as http:
        assert http.post("/fapi/v1/order", content=changed).json()["code"] == -1022
        assert http.post("/fapi/v1/order", content=f"{signed}&signature={signature}").json()["status"] == "NEW"


def test_signature_may_cover_query_and_body_together(market: PaperVenue) -> None:
    keys = market.open_account()
    query, body = "symbol=BTCUSDT&side=BUY&type=MARKET", f"quantity=0.01&timestamp={market.wall_clock()}"
    signature = hmac.new(keys["api_secret"].encode(), (query + body).encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": keys["api_key"]}
    answer = httpx.post(f"{market.base_url}/fapi/v1/order?{query}", content=f"{body}&signature={signature}", headers=headers)
    assert answer.json()["status"] == "NEW"


def test_too_little_margin_is_refused_and_nothing_happened(trader: Any) -> None:
    trader.set_leverage(1, BTC_SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        place(trader, quantity=0.2)
    assert trader.fetch_balance()["USDT"]["total"] == 10_000
    assert trader.fetch_orders(BTC_SYMBOL) == []


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        (-1111, {"quantity": "0.0011"}),
        (-4003, {"quantity": "0"}),
        (-4003, {"quantity": "-1"}),
        (-1100, {"quantity": "NaN"}),
        (-1100, {"quantity": "1e3"}),
        (-1105, {"quantity": ""}),
        (-4005, {"quantity": "100001"}),
        (-4164, {"quantity": "0.001"}),
        (-1121, {"symbol": "NOSUCH"}),
        (-1117, {"side": "HOLD"}),
        (-1116, {"type": "ICEBERG"}),
        (-4120, {"type": "STOP_MARKET"}),
        (-4015, {"newClientOrderId": "no spaces"}),
        (-4015, {"newClientOrderId": "x" * 37}),
        (-4061, {"positionSide": "LONG"}),
        (-1106, {"price": "50000"}),
        (-1130, {"reduceOnly": "perhaps"}),
        (-1102, {"type": "LIMIT", "timeInForce": "GTC"}),
        (-1102, {"type": "LIMIT", "price": "49000"}),
        (-1115, {"type": "LIMIT", "price": "49000", "timeInForce": "DAY"}),
        (-1111, {"type": "LIMIT", "price": "49000.01", "timeInForce": "GTC"}),
        (-4001, {"type": "LIMIT", "price": "0", "timeInForce": "GTC"}),
        (-4002, {"type": "LIMIT", "price": "10000000.1", "timeInForce": "GTC"}),
        (-4016, {"type": "LIMIT", "price": "52501", "timeInForce": "GTC"}),
        (-4024, {"side": "SELL", "type": "LIMIT", "price": "47499", "timeInForce": "GTC"}),
        (-5022, {"type": "LIMIT", "price": "50005", "timeInForce": "GTX"}),
        (-5021, {"type": "LIMIT", "price": "49000", "timeInForce": "FOK"}),
    ],
)
def test_a_bad_order_gets_the_venues_code(trader: Any, code: int, parameters: dict[str, str]) -> None:
    with pytest.raises(ccxt.ExchangeError, match=f'"code":{code},'):
        raw(trader, **parameters)
    assert trader.fetch_orders(BTC_SYMBOL) == []


def test_immediate_or_cancel_expires_when_nothing_is_there(trader: Any) -> None:
    order = place(trader, "limit", price=49_000, timeInForce="IOC")
    assert (order["status"], order["filled"]) == ("expired", 0)


def test_a_price_off_the_tick_and_a_quantity_off_the_step(venue: PaperVenue) -> None:
    coarse = {"symbol": "XRPUSDT", "base": "XRP", "quote": "USDT", "tick_size": "0.0005", "step_size": "5"}
    venue.load(["1"] * 10, coarse)
    venue.set_minute(10)
    client = venue.client(venue.open_account())
    order = {"symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    with pytest.raises(ccxt.ExchangeError, match="-4023"):
        client.fapiPrivatePostOrder({**order, "quantity": "11", "price": "1"})
    with pytest.raises(ccxt.ExchangeError, match="-4014"):
        client.fapiPrivatePostOrder({**order, "quantity": "10", "price": "0.9999"})
    with pytest.raises(ccxt.ExchangeError, match="-4004"):
        client.fapiPrivatePostOrder({**order, "quantity": "1", "price": "1"})


def test_open_orders_are_limited(venue: PaperVenue) -> None:
    small = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick_size": "0.1", "step_size": "0.001"}
    venue.load(["50000"] * 10, {**small, "max_orders": 1, "max_algo_orders": 1})
    venue.set_minute(10)
    trader = venue.client(venue.open_account())
    place(trader, "limit", price=49_000)
    with pytest.raises(ccxt.ExchangeError, match="-2025"):
        place(trader, "limit", price=49_000)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "1", "triggerPrice": "49000"}
    trader.fapiPrivatePostAlgoOrder({**stop, "algoType": "CONDITIONAL"})
    with pytest.raises(ccxt.ExchangeError, match="-4045"):
        trader.fapiPrivatePostAlgoOrder({**stop, "algoType": "CONDITIONAL"})


def test_leverage_out_of_range_or_not_affordable(trader: Any) -> None:
    with pytest.raises(ccxt.BadRequest, match="-4028"):
        trader.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 126})
    place(trader, quantity=0.5)
    with pytest.raises(ccxt.ExchangeError, match="-2028"):
        trader.set_leverage(1, BTC_SYMBOL)


def test_a_position_beyond_its_leverage_bracket_is_refused(market: PaperVenue) -> None:
    rich = market.client(market.open_account("1000000000"))
    rich.set_leverage(125, BTC_SYMBOL)
    with pytest.raises(ccxt.ExchangeError, match="-2027"):
        place(rich, quantity=2)


def test_an_interval_that_the_venue_lacks(market: PaperVenue) -> None:
    with pytest.raises(ccxt.BadRequest, match="-1120"):
        market.client().fetch_ohlcv(BTC_SYMBOL, "1m", params={"interval": "10m"})


def test_before_the_first_candle_there_is_no_price(venue: PaperVenue) -> None:
    venue.load(["50000"] * 10)
    venue.set_minute(0)
    with pytest.raises(ccxt.OperationFailed, match="-1112"):
        place(venue.client(venue.open_account()))


def test_an_unknown_path_is_answered_as_the_venue_does(market: PaperVenue) -> None:
    answer = httpx.get(f"{market.base_url}/fapi/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, -5000)
    assert httpx.delete(f"{market.base_url}/fapi/v1/ping").json()["code"] == -5000


@pytest.mark.parametrize("body", [b"a=1&a=2", b"&".join(b"p%d=1" % n for n in range(60)), b"x" * 20_000, b"\xff\xfe=%ff"])
def test_a_hostile_body_gets_a_code(market: PaperVenue, body: bytes) -> None:
    answer = httpx.post(f"{market.base_url}/fapi/v1/order", content=body, headers={"X-MBX-APIKEY": "k" * 64})
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] < 0
