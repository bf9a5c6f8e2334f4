"""Weights, order counts, 429 and 418 over HTTP, as ccxt meets them."""

from __future__ import annotations

from typing import Any

import ccxt
import httpx
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue

DOCUMENTED = {"weight_per_minute": 2_400, "orders_per_ten_seconds": 300, "orders_per_minute": 1_200}
MINUTE_MS = 60_000


@pytest.fixture
def market(market: PaperVenue) -> PaperVenue:
    """Its clock stands, and its clients' clocks with it."""
    market.wall_clock.stand_at_a_minute()
    return market


@pytest.fixture
def trader(market: PaperVenue) -> Any:
    client = market.client(market.open_account(account_id="trader"))
    client.load_markets()
    market.operate("PUT", "/limits", {"ban_seconds": 60})  # counts begin anew
    return client


def used(client: Any) -> int:
    return int(client.last_response_headers["X-Mbx-Used-Weight-1m"])


def buy(trader: Any) -> Any:
    return trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)


def test_the_documented_limits_hold_unless_an_operator_says_otherwise(market: PaperVenue) -> None:
    assert {name: market.operate("GET", "/limits")[name] for name in DOCUMENTED} == DOCUMENTED
    market.operate("PUT", "/limits", {"weight_per_minute": 100})
    shown = market.http.get("/fapi/v1/exchangeInfo").json()["rateLimits"]
    assert [limit["limit"] for limit in shown] == [100, 1_200, 300]


@pytest.mark.parametrize(
    ("weight", "ask"),
    [
        (1, lambda client: client.fetch_time()),
        (5, lambda client: client.fetch_balance()),
        (1, lambda client: client.fetch_open_orders(BTC_SYMBOL)),
        (40, lambda client: client.fapiPrivateGetOpenOrders()),
        (40, lambda client: client.fapiPrivateGetOpenAlgoOrders()),
        (5, lambda client: client.fetch_my_trades(BTC_SYMBOL)),
        (5, lambda client: client.fapiPrivateV3GetPositionRisk()),
        (30, lambda client: client.fapiPrivateGetIncome()),
        (30, lambda client: client.fapiPrivateGetPositionSideDual()),
        (1, lambda client: client.fetch_ohlcv(BTC_SYMBOL, "1m", limit=99)),
        (2, lambda client: client.fetch_ohlcv(BTC_SYMBOL, "1m", limit=100)),
        (5, lambda client: client.fetch_ohlcv(BTC_SYMBOL, "1m", limit=1_000)),
        (10, lambda client: client.fapiPublicGetKlines({"symbol": "BTCUSDT", "interval": "1m", "limit": 1_001})),
        (0, buy),
        (1, lambda client: client.fapiPrivateDeleteAllOpenOrders({"symbol": "BTCUSDT"})),
    ],
)
def test_a_request_weighs_what_the_venue_documents(trader: Any, weight: int, ask: Any) -> None:
    ask(trader)
    assert used(trader) == weight


def test_beyond_the_weight_comes_429_then_418_and_a_new_minute_after_the_ban(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"weight_per_minute": 12, "warnings": 1, "ban_seconds": 90})
    trader.fetch_balance()
    trader.fetch_balance()
    with pytest.raises(ccxt.DDoSProtection, match="429"):
        trader.fetch_balance()
    assert 0 < int(trader.last_response_headers["Retry-After"]) <= 60
    trader.fetch_time()
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        trader.fetch_balance()
    assert trader.last_response_headers["Retry-After"] == "90"
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        buy(trader)
    market.wall_clock.offset_ms += 2 * MINUTE_MS
    assert httpx.get(f"{market.base_url}/fapi/v1/ping").status_code == 200


def test_a_refused_request_does_nothing(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"weight_per_minute": 1})
    order = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    trader.cancel_order(order["id"], BTC_SYMBOL)
    kept = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    with pytest.raises(ccxt.DDoSProtection):
        trader.cancel_order(kept["id"], BTC_SYMBOL)
    assert [row["status"] for row in market.book("orders")] == ["CANCELED", "NEW"]


@pytest.mark.parametrize(
    ("limits", "window"),
    [({"orders_per_ten_seconds": 3}, "10 SECOND"), ({"orders_per_minute": 3}, "1 MINUTE")],
)
def test_an_account_places_so_many_orders_and_no_more(
    market: PaperVenue, trader: Any, limits: dict[str, int], window: str
) -> None:
    market.operate("PUT", "/limits", limits)
    buy(trader)
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": 49_000, "clientAlgoId": "stop"})
    order = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    assert [trader.last_response_headers[f"X-Mbx-Order-Count-{name}"] for name in ("10s", "1m")] == ["3", "3"]
    with pytest.raises(ccxt.DDoSProtection, match=f"-1015.*3 orders per {window}"):
        buy(trader)
    with pytest.raises(ccxt.DDoSProtection, match="-1015"):
        trader.edit_order(order["id"], BTC_SYMBOL, "limit", "buy", 0.01, 48_000)
    trader.cancel_order(order["id"], BTC_SYMBOL)
    assert used(trader) == 1, "orders weigh nothing, even refused ones"
    market.wall_clock.offset_ms += MINUTE_MS
    assert buy(trader)["status"] == "closed"


def test_one_accounts_orders_are_not_anothers(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"orders_per_minute": 1})
    other = market.client(market.open_account(account_id="other"))
    other.set_markets(trader.markets)
    assert (buy(trader)["status"], buy(other)["status"]) == ("closed", "closed")


def test_whoever_knows_a_key_but_not_its_secret_uses_up_nothing(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"orders_per_minute": 1})
    secret, trader.secret = trader.secret, "wrong"
    for _ in range(3):
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            buy(trader)
    trader.secret = secret
    assert buy(trader)["status"] == "closed"


def test_an_operator_names_other_budgets_than_addresses(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"weight_per_minute": 5, "buckets": {"other": "elsewhere"}})
    other = market.client(market.open_account(account_id="other"))
    other.set_markets(trader.markets)
    trader.fetch_balance()
    with pytest.raises(ccxt.DDoSProtection):
        trader.fetch_balance()
    other.fetch_balance()
    assert used(other) == 5


def test_an_operator_weighs_nothing(market: PaperVenue, trader: Any) -> None:
    market.operate("PUT", "/limits", {"weight_per_minute": 1})
    for _ in range(5):
        market.operate("GET", "/clock")
    trader.fetch_time()
    assert used(trader) == 1


def test_an_error_tells_the_weight_too(market: PaperVenue) -> None:
    answer = market.http.get("/fapi/v1/klines", params={"symbol": "NOSUCH", "interval": "1m"})
    assert (answer.status_code, answer.headers["X-MBX-USED-WEIGHT-1M"]) == (400, "5")


@pytest.mark.parametrize("body", [{"weight_per_minute": 0}, {"orders_per_minute": -1}, {"limit": 5}, {"buckets": {"a": ""}}])
def test_limits_that_make_no_sense_are_refused(market: PaperVenue, body: dict[str, Any]) -> None:
    assert market.http.put("/operator/limits", json=body).json()["code"] == "BODY_INVALID"
