"""Positions as ccxt reads them, and their end by the market or by an operator."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue

CALM = ["50000"] * 61
CRASH = ("50000", "50000", "44000", "44500")


def trader_of(market: PaperVenue, balance: str, leverage: int = 20, *, isolated: bool = False) -> Any:
    trader = market.client(market.open_account(balance, account_id="trader"))
    trader.load_markets()
    trader.set_leverage(leverage, BTC_SYMBOL)
    if isolated:
        trader.set_margin_mode("isolated", BTC_SYMBOL)
    return trader


def position(trader: Any) -> Any:
    return trader.fetch_positions([BTC_SYMBOL])[0]


def buy(trader: Any, quantity: float = 0.1) -> Any:
    return trader.create_order(BTC_SYMBOL, "market", "buy", quantity)


def test_ccxt_reads_every_field_of_a_cross_position(market: PaperVenue) -> None:
    trader = trader_of(market, "1000")
    buy(trader)
    found = position(trader)
    assert (found["contracts"], found["side"], found["entryPrice"], found["markPrice"]) == (0.1, "long", 50_005, 50_000)
    assert (found["marginMode"], found["unrealizedPnl"], found["hedged"]) == ("cross", pytest.approx(-0.5), False)
    wallet = 1_000 - 0.1 * 50_005 * 0.0005
    assert found["liquidationPrice"] == pytest.approx((wallet - 5_000.5) / (0.1 * 0.004 - 0.1))
    assert found["initialMargin"] == pytest.approx(0.1 * 50_000 / 20)
    assert trader.fetch_leverage(BTC_SYMBOL)["longLeverage"] == 20


def test_an_isolated_position_is_alone_with_its_own_margin(market: PaperVenue) -> None:
    trader = trader_of(market, "100000", isolated=True)
    buy(trader)
    found = position(trader)
    apart = 0.1 * 50_005 / 20
    assert found["marginMode"] == "isolated"
    assert float(found["info"]["isolatedWallet"]) == pytest.approx(apart)
    assert float(found["info"]["isolatedMargin"]) == pytest.approx(apart - 0.5)
    assert found["liquidationPrice"] == pytest.approx((apart - 5_000.5) / (0.1 * 0.004 - 0.1))
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.05, None, {"reduceOnly": True})
    assert float(position(trader)["info"]["isolatedWallet"]) == pytest.approx(apart / 2)


def test_both_sides_of_hedge_mode_share_a_liquidation_price(market: PaperVenue) -> None:
    trader = trader_of(market, "1000")
    trader.set_position_mode(True)
    for side, position_side, quantity in (("BUY", "LONG", "0.1"), ("SELL", "SHORT", "0.02")):
        order = {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": quantity, "positionSide": position_side}
        trader.fapiPrivatePostOrder(order)
    found = trader.fetch_positions([BTC_SYMBOL])
    assert {row["side"] for row in found} == {"long", "short"}
    wallet = 1_000 - 0.1 * 50_005 * 0.0005 - 0.02 * 49_995 * 0.0005
    price = (wallet - 0.1 * 50_005 + 0.02 * 49_995) / (0.12 * 0.004 - 0.08)
    assert [row["liquidationPrice"] for row in found] == [pytest.approx(price)] * 2


@pytest.mark.parametrize("isolated", [False, True])
def test_a_position_that_cannot_be_carried_is_liquidated(market: PaperVenue, isolated: bool) -> None:
    market.load([*CALM, CRASH, *["44500"] * 9])
    trader = trader_of(market, "100000" if isolated else "300", isolated=isolated)
    buy(trader)
    price, before = position(trader)["liquidationPrice"], trader.fetch_balance()["USDT"]["total"] + 0.5
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    taken = trader.fapiPrivateGetForceOrders({"symbol": "BTCUSDT"})[0]
    assert taken["clientOrderId"].startswith("autoclose-")
    assert (taken["type"], taken["timeInForce"], taken["status"], taken["side"]) == ("LIMIT", "IOC", "FILLED", "SELL")
    assert float(taken["avgPrice"]) == pytest.approx(price, rel=2e-4)
    trade = trader.fetch_my_trades(BTC_SYMBOL)[-1]
    assert (trade["order"], trade["amount"]) == (str(taken["orderId"]), 0.1)
    lost = before - trader.fetch_balance()["USDT"]["total"]
    margin = 0.1 * 50_005 / 20  # cross: all that there was, less the maintenance margin that the fee did not take
    assert lost == pytest.approx(margin, abs=0.01) if isolated else 280 < lost <= before
    clearance = trader.fapiPrivateGetIncome({"incomeType": "INSURANCE_CLEAR"})
    assert [row["symbol"] for row in clearance] == ["BTCUSDT"]


def test_a_wallet_is_never_left_below_zero(market: PaperVenue) -> None:
    market.load([*CALM, ("40000", "40000", "39000", "39500"), *["39500"] * 9])
    trader = trader_of(market, "300")
    buy(trader)
    market.set_minute(62)
    assert trader.fetch_balance()["USDT"]["total"] == 0
    assert float(trader.fapiPrivateGetIncome({"incomeType": "INSURANCE_CLEAR"})[0]["income"]) > 0


def test_a_stop_ahead_of_the_liquidation_saves_the_rest(market: PaperVenue) -> None:
    market.load([*CALM, CRASH, *["44500"] * 9])
    trader = trader_of(market, "500")
    buy(trader)
    stop = {"stopLossPrice": 48_000, "reduceOnly": True, "clientAlgoId": "stop"}
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.1, None, stop)
    market.set_minute(62)
    assert trader.fapiPrivateGetForceOrders() == []
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == pytest.approx(48_000, rel=2e-4)


def test_open_orders_expire_with_the_account(market: PaperVenue) -> None:
    market.load([*CALM, CRASH, *["44500"] * 9])
    trader = trader_of(market, "400", 50)
    buy(trader)
    for number in range(20):
        trader.create_order(BTC_SYMBOL, "limit", "sell", 0.01, 55_000 + number)
    market.set_minute(62)
    assert (trader.fetch_open_orders(BTC_SYMBOL), trader.fetch_positions([BTC_SYMBOL])) == ([], [])
    assert [order["status"] for order in trader.fetch_orders(BTC_SYMBOL)].count("expired") == 20


def test_the_operator_may_let_positions_run(market: PaperVenue) -> None:
    market.load([*CALM, CRASH, *["44500"] * 9])
    market.operate("PUT", "/liquidating", {"liquidating": False})
    trader = trader_of(market, "300")
    buy(trader)
    market.set_minute(62)
    assert position(trader)["contracts"] == 0.1


def test_the_operator_liquidates_at_will(market: PaperVenue) -> None:
    trader = trader_of(market, "100000", isolated=True)
    buy(trader)
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 45_000)
    row = market.operate("POST", "/accounts/trader/liquidate", {"symbol": "BTCUSDT"})
    assert (row["client_order_id"][:10], row["status"], row["signed_by"]) == ("autoclose-", "FILLED", "")
    assert (trader.fetch_positions([BTC_SYMBOL]), trader.fetch_open_orders(BTC_SYMBOL)) == ([], [])
    fee = 0.1 * 50_005 * 0.0005
    assert trader.fetch_balance()["USDT"]["total"] == pytest.approx(100_000 - 0.1 * 50_005 / 20 - fee)
    again = market.http.post("/operator/accounts/trader/liquidate", json={"symbol": "BTCUSDT"})
    assert (again.status_code, again.json()["code"]) == (404, "POSITION_UNKNOWN")


def test_somebody_closes_by_hand(market: PaperVenue) -> None:
    trader = trader_of(market, "10000")
    buy(trader)
    market.operate("POST", "/accounts/trader/close", {"symbol": "BTCUSDT"})
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    order = trader.fetch_orders(BTC_SYMBOL)[-1]
    assert (order["clientOrderId"][:4], order["side"], order["filled"]) == ("web_", "sell", 0.1)


def test_somebody_trades_and_cancels_by_hand(market: PaperVenue) -> None:
    trader = trader_of(market, "10000")
    by_hand = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "49000", "timeInForce": "GTC"}
    placed = market.operate("POST", "/accounts/trader/orders", by_hand)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "48000", "quantity": "0.01"}
    waits = market.operate("POST", "/accounts/trader/algo-orders", stop)
    assert trader.fetch_open_orders(BTC_SYMBOL)[0]["clientOrderId"] == placed["client_order_id"]
    assert trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True})[0]["clientOrderId"].startswith("web_")
    market.http.delete(f"/operator/accounts/trader/orders/{placed['order_id']}", params={"symbol": "BTCUSDT"})
    market.http.delete(f"/operator/accounts/trader/algo-orders/{waits['algo_id']}")
    assert trader.fetch_open_orders(BTC_SYMBOL) == trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True}) == []
    own = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    market.http.delete(f"/operator/accounts/trader/orders/{own['id']}", params={"symbol": "BTCUSDT"})
    assert trader.fetch_order(own["id"], BTC_SYMBOL)["status"] == "canceled"


@pytest.mark.parametrize("path", ["orders", "close", "liquidate"])
def test_nobody_elses_hand_reaches_an_account(market: PaperVenue, path: str) -> None:
    market.open_account(account_id="trader")
    body = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"} if path == "orders" else {"symbol": "BTCUSDT"}
    unknown = market.http.post(f"/operator/accounts/nobody/{path}", json=body)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "ACCOUNT_UNKNOWN")
    market.http.headers["X-Operator-Key"] = "wrong"
    assert market.http.post(f"/operator/accounts/trader/{path}", json=body).json()["code"] == -5000


def test_an_order_by_hand_is_refused_like_any_other(market: PaperVenue) -> None:
    trader_of(market, "10")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    assert market.http.post("/operator/accounts/trader/orders", json=order).json()["code"] == -2019
    assert market.http.post("/operator/accounts/trader/orders", json={**order, "quantity": 1}).json()["code"] == "BODY_INVALID"
