"""An account's modes and limits, what neighbours of the venue answer, and the sockets that are not there yet."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue
from tests.support.signed_http import SignedHttp, signed


@pytest.fixture
def http(market: PaperVenue) -> SignedHttp:
    return signed(market)


def test_each_asset_is_a_margin_of_its_own(http: SignedHttp) -> None:
    assert http.ask("GET", "/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": False}
    assert http.code("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false") == -4171
    assert http.code("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true") == -4084
    assert http.code("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="maybe") == -1130
    assert http.code("POST", "/fapi/v1/multiAssetsMargin") == -1102


def test_the_account_tells_its_modes(http: SignedHttp) -> None:
    before = http.ask("GET", "/fapi/v1/accountConfig")
    assert (before["canTrade"], before["canWithdraw"], before["dualSidePosition"], before["multiAssetsMargin"]) == (
        True,
        False,
        False,
        False,
    )
    http.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    assert http.ask("GET", "/fapi/v1/accountConfig")["dualSidePosition"] is True


def test_the_place_in_the_queue_of_deleveraging_names_the_sides_of_the_mode(http: SignedHttp) -> None:
    def quantiles() -> Any:
        return http.ask("GET", "/fapi/v1/adlQuantile", symbol="BTCUSDT")[0]["adlQuantile"]

    assert quantiles() == {"LONG": 0, "SHORT": 0, "BOTH": 0}
    http.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    assert quantiles() == {"LONG": 0, "SHORT": 0, "HEDGE": 0}
    http.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert quantiles() == {"LONG": 0, "SHORT": 0, "BOTH": 0}
    assert http.code("GET", "/fapi/v1/adlQuantile", symbol="NOBODY") == -1121


def test_the_order_limits_are_those_in_force(market: PaperVenue, http: SignedHttp) -> None:
    market.operate("PUT", "/limits", {"orders_per_minute": 77})
    limits = http.ask("GET", "/fapi/v1/rateLimit/order")
    assert [(row["interval"], row["intervalNum"], row["limit"]) for row in limits] == [("MINUTE", 1, 77), ("SECOND", 10, 300)]


def test_commissions_name_the_three_rates(http: SignedHttp) -> None:
    rates = http.ask("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
    assert (rates["makerCommissionRate"], rates["takerCommissionRate"], rates["rpiCommissionRate"]) == (
        "0.0002",
        "0.0005",
        "0.0002",
    )


def test_a_listen_key_is_refused_in_plain_words(market: PaperVenue, http: SignedHttp) -> None:
    headers = {"X-MBX-APIKEY": http.api_key}
    for method in ("POST", "PUT", "DELETE"):
        answer = market.http.request(method, "/fapi/v1/listenKey", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, -4084)
        assert "no sockets yet" in answer.json()["msg"]


def test_the_wallet_knows_the_assets_and_no_network(http: SignedHttp) -> None:
    coins = http.ask("GET", "/sapi/v1/capital/config/getall")
    assert [(coin["coin"], coin["networkList"], coin["withdrawAllEnable"]) for coin in coins] == [
        ("BTC", [], False),
        ("USDT", [], False),
    ]


def test_ccxt_starts_with_its_default_options(market: PaperVenue) -> None:
    client = market.client(market.open_account(), options={})
    assert client.options["fetchCurrencies"] is True
    assert client.load_markets()[BTC_SYMBOL]["linear"] is True
    assert set(client.currencies) >= {"BTC", "USDT"}
    assert client.fetch_status()["status"] == "ok"
    client.session.close()


def test_the_class_of_all_markets_starts_too(market: PaperVenue) -> None:
    keys = market.open_account()
    client: Any = ccxt.binance({"apiKey": keys["api_key"], "secret": keys["api_secret"], "options": {"defaultType": "swap"}})
    client.urls["api"] = {name: f"{market.base_url}/{url.split('/', 3)[3]}" for name, url in client.urls["api"].items()}
    assert list(client.load_markets()) == [BTC_SYMBOL]
    assert client.fetch_balance()["USDT"]["free"] == 10_000
    client.session.close()
