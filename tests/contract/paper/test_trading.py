"""ccxt's own binanceusdm trades at the paper exchange over HTTP. It builds, signs and parses as at a live venue."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue


def test_markets_carry_the_filters_as_ccxt_reads_them(trader: Any) -> None:
    market = trader.market(BTC_SYMBOL)
    assert (market["id"], market["swap"], market["linear"], market["active"]) == ("BTCUSDT", True, True, True)
    assert market["precision"] == {"amount": 0.001, "price": 0.1, "base": 1e-08, "quote": 1e-08}
    assert market["limits"]["cost"]["min"] == 100
    assert market["limits"]["amount"] == {"min": 0.001, "max": 1_000_000.0}
    assert market["limits"]["market"] == {"min": 0.001, "max": 100_000.0}
    assert "STOP_MARKET" in market["info"]["orderTypes"]


def test_candles_end_with_the_one_in_the_making(venue: PaperVenue) -> None:
    venue.load([str(100 + index) for index in range(30)])
    venue.set_minute(10)
    candles = venue.client().fetch_ohlcv(BTC_SYMBOL, "1m", limit=3)
    assert [(row[0] - START_MS) // MINUTE_MS for row in candles] == [8, 9, 10]
    assert [row[4] for row in candles] == [108, 109, 109]
    assert candles[-1][5] == 0


def test_candles_of_longer_intervals_are_built_from_the_base(venue: PaperVenue) -> None:
    venue.load([(str(100 + i), str(102 + i), str(99 + i), str(101 + i)) for i in range(60)])
    venue.set_minute(33)
    rows = venue.client().fetch_ohlcv(BTC_SYMBOL, "15m", limit=10)
    assert rows == [
        [START_MS, 100, 116, 99, 115, 150],
        [START_MS + 15 * MINUTE_MS, 115, 131, 114, 130, 150],
        [START_MS + 30 * MINUTE_MS, 130, 134, 129, 133, 30],
    ]


def test_a_market_order_answers_with_its_fill(trader: Any) -> None:
    order = trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "entry1"})
    assert (order["status"], order["clientOrderId"], order["filled"], order["average"]) == ("closed", "entry1", 0.01, 50005.0)
    assert order["cost"] == pytest.approx(500.05)


def test_an_order_is_found_by_its_client_id(trader: Any) -> None:
    placed = trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"clientOrderId": "entry2"})
    found = trader.fetch_order(None, BTC_SYMBOL, {"clientOrderId": "entry2"})
    assert (found["id"], found["status"], found["average"], found["side"]) == (placed["id"], "closed", 49995.0, "sell")
    with pytest.raises(ccxt.OrderNotFound):
        trader.fetch_order(None, BTC_SYMBOL, {"clientOrderId": "never-sent"})


def test_a_market_order_that_is_sent_again_executes_again(trader: Any) -> None:
    for _ in range(2):
        trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "again"})
    assert trader.fetch_positions([BTC_SYMBOL])[0]["contracts"] == 0.02
    latest = trader.fetch_orders(BTC_SYMBOL)[-1]["id"]
    assert trader.fetch_order(None, BTC_SYMBOL, {"clientOrderId": "again"})["id"] == latest


def test_trades_tell_the_fee_and_the_profit(market: PaperVenue, trader: Any) -> None:
    market.load(["50000"] * 61 + ["51000"] * 59)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    market.set_minute(62)
    order = trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
    trades = trader.fetch_my_trades(BTC_SYMBOL)
    assert [trade["side"] for trade in trades] == ["buy", "sell"]
    assert trades[1]["order"] == order["id"]
    assert trades[1]["takerOrMaker"] == "taker"
    assert trades[1]["fee"] == {"cost": pytest.approx(0.01 * 50994.9 * 0.0005), "currency": "USDT"}
    assert float(trades[1]["info"]["realizedPnl"]) == pytest.approx((50994.9 - 50005) * 0.01)
    assert [trade["id"] for trade in trader.fetch_my_trades(BTC_SYMBOL, params={"orderId": order["id"]})] == [trades[1]["id"]]


def test_balance_and_position_follow_the_fills(trader: Any) -> None:
    trader.set_leverage(10, BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    balance = trader.fetch_balance()
    fee, unrealized, used = 0.1 * 50005 * 0.0005, 0.1 * (50000 - 50005), 0.1 * 50000 / 10
    assert balance["USDT"]["total"] == pytest.approx(10_000 - fee + unrealized)
    assert balance["USDT"]["used"] == pytest.approx(used)
    assert balance["USDT"]["free"] == pytest.approx(10_000 - fee + unrealized - used)
    position = trader.fetch_positions([BTC_SYMBOL])[0]
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.1, 50005)
    assert position["unrealizedPnl"] == pytest.approx(-0.5)
    assert position["marginMode"] == "cross"


def test_reduce_only_is_capped_by_the_position(trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    order = trader.create_order(BTC_SYMBOL, "market", "sell", 5, None, {"reduceOnly": True})
    assert order["filled"] == 0.01
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})


def test_a_limit_order_rests_until_a_candle_goes_through_it(market: PaperVenue, trader: Any) -> None:
    market.load(["50000"] * 61 + [("50000", "50000", "49500", "49900"), ("49900", "49900", "49400", "49800")] + ["49800"] * 9)
    order = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49500, {"clientOrderId": "limit1"})
    assert order["status"] == "open"
    market.set_minute(62)
    assert [order["clientOrderId"] for order in trader.fetch_open_orders(BTC_SYMBOL)] == ["limit1"]
    market.set_minute(63)
    assert trader.fetch_open_orders(BTC_SYMBOL) == []
    filled = trader.fetch_order(order["id"], BTC_SYMBOL)
    assert (filled["status"], filled["average"]) == ("closed", 49500)
    assert trader.fetch_my_trades(BTC_SYMBOL)[0]["takerOrMaker"] == "maker"


def test_an_open_order_is_cancelled_by_its_client_id(trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49000, {"clientOrderId": "resting"})
    assert trader.cancel_order(None, BTC_SYMBOL, {"clientOrderId": "resting"})["status"] == "canceled"
    assert trader.fetch_order(None, BTC_SYMBOL, {"clientOrderId": "resting"})["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        trader.cancel_order(None, BTC_SYMBOL, {"clientOrderId": "resting"})


def test_a_client_id_is_unique_among_open_orders(trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49000, {"clientOrderId": "twice"})
    with pytest.raises(ccxt.ExchangeError, match="-4116"):
        trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49000, {"clientOrderId": "twice"})


def test_margin_mode_is_set_once_and_not_while_a_position_is_open(trader: Any) -> None:
    assert trader.set_margin_mode("isolated", BTC_SYMBOL)["code"] == 200
    with pytest.raises(ccxt.MarginModeAlreadySet):
        trader.set_margin_mode("isolated", BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    assert trader.fetch_positions([BTC_SYMBOL])[0]["marginMode"] == "isolated"
    with pytest.raises(ccxt.OperationRejected, match="-4048"):
        trader.set_margin_mode("cross", BTC_SYMBOL)


def test_leverage_is_bounded_by_the_brackets(trader: Any) -> None:
    assert trader.set_leverage(50, BTC_SYMBOL) == {"symbol": "BTCUSDT", "leverage": 50, "maxNotionalValue": "12000000"}
    tiers = trader.fetch_leverage_tiers([BTC_SYMBOL])[BTC_SYMBOL]
    assert (tiers[0]["maxLeverage"], tiers[-1]["maxLeverage"]) == (125, 1)


def test_fees_position_mode_and_the_rights_of_the_key(trader: Any) -> None:
    fee = trader.fetch_trading_fee(BTC_SYMBOL)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
    assert trader.fetch_position_mode(BTC_SYMBOL)["hedged"] is False
    rights = trader.sapiGetAccountApiRestrictions()
    assert (rights["enableFutures"], rights["enableWithdrawals"], rights["ipRestrict"]) == (True, False, False)


def test_prices_and_time(trader: Any) -> None:
    assert trader.fetch_ticker(BTC_SYMBOL)["last"] == 50000
    book = trader.fetch_bids_asks([BTC_SYMBOL])[BTC_SYMBOL]
    assert (book["bid"], book["ask"]) == (49995, 50005)
    assert trader.fetch_last_prices([BTC_SYMBOL])[BTC_SYMBOL]["price"] == 50000
    assert trader.fetch_mark_price(BTC_SYMBOL)["markPrice"] == 50000
    before, told, after = trader.milliseconds(), trader.fetch_time(), trader.milliseconds()
    assert before <= told <= after
