"""Stops and targets by ccxt: they wait at the venue, trigger inside candles and only ever take a position away."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue

CALM = ["50000"] * 61
TO_BOTH = ("50000", "52500", "48500", "50000")  # reaches a stop at 49,000 and a target at 52,000


def enter(trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "entry"})


def place_stop(trader: Any, price: float = 49_000, client_id: str = "stop", quantity: float = 0.01) -> Any:
    parameters = {"stopLossPrice": price, "reduceOnly": True, "clientAlgoId": client_id}
    return trader.create_order(BTC_SYMBOL, "market", "sell", quantity, None, parameters)


def place_target(trader: Any, price: float = 52_000, client_id: str = "target") -> Any:
    parameters = {"takeProfitPrice": price, "reduceOnly": True, "clientAlgoId": client_id}
    return trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, parameters)


def test_a_stop_rests_apart_from_ordinary_orders(trader: Any) -> None:
    enter(trader)
    stop = place_stop(trader)
    assert (stop["clientOrderId"], stop["status"], stop["triggerPrice"], stop["reduceOnly"]) == ("stop", "open", 49_000, True)
    place_target(trader)
    waiting = trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True})
    assert sorted(order["clientOrderId"] for order in waiting) == ["stop", "target"]
    assert sorted(order["info"]["orderType"] for order in waiting) == ["STOP_MARKET", "TAKE_PROFIT_MARKET"]
    assert trader.fetch_open_orders(BTC_SYMBOL) == []


def test_a_stop_triggers_inside_a_candle_at_its_price(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50100", "48500", "49200"), *["49200"] * 9])
    enter(trader)
    place_stop(trader)
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    stop = trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})
    assert stop["status"] == "closed"
    became = trader.fetch_order(stop["info"]["actualOrderId"], BTC_SYMBOL)
    assert (became["clientOrderId"], became["average"], became["filled"]) == ("stop", 48_995.1, 0.01)
    assert became["info"]["origType"] == "STOP_MARKET"


def test_a_gap_through_the_stop_fills_at_the_open(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("47000", "47500", "46000", "46500"), *["46500"] * 9])
    enter(trader)
    place_stop(trader)
    market.set_minute(62)
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == 46_995.3


def test_the_stop_comes_first_when_a_candle_reaches_both(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, TO_BOTH, *["50000"] * 9])
    enter(trader)
    place_target(trader)
    place_stop(trader)
    market.set_minute(62)
    assert [trade["side"] for trade in trader.fetch_my_trades(BTC_SYMBOL)] == ["buy", "sell"]
    assert trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})["status"] == "closed"
    assert trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "target"})["status"] == "rejected"


def test_an_orphan_stays_until_it_is_cancelled(trader: Any) -> None:
    enter(trader)
    place_stop(trader)
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert len(trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True})) == 1
    trader.cancel_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})
    assert trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True}) == []
    assert trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        trader.cancel_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})


def test_close_position_takes_whatever_is_there(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50000", "48500", "49200"), *["49200"] * 9])
    enter(trader)
    parameters = {"stopLossPrice": 49_000, "closePosition": True, "clientAlgoId": "all"}
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, parameters)
    enter(trader)
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["amount"] == 0.02


def test_a_stop_larger_than_the_position_is_capped(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50000", "48500", "49200"), *["49200"] * 9])
    enter(trader)
    place_stop(trader, quantity=5)
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL]) == []
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["amount"] == 0.01


@pytest.mark.parametrize("price", [50_000, 50_000.1])
def test_a_stop_that_is_reached_already_is_refused(trader: Any, price: float) -> None:
    enter(trader)
    with pytest.raises(ccxt.ExchangeError, match="-2021"):
        place_stop(trader, price)


def test_a_conditional_client_id_is_unique_among_waiting_ones_only(market: PaperVenue, trader: Any) -> None:
    enter(trader)
    place_stop(trader)
    with pytest.raises(ccxt.ExchangeError, match="-4116"):
        place_stop(trader)
    trader.cancel_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "stop"})
    assert place_stop(trader)["status"] == "open"


def test_a_conditional_type_at_the_ordinary_endpoint_is_refused(trader: Any) -> None:
    request = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01", "stopPrice": "49000"}
    with pytest.raises(ccxt.ExchangeError, match="-4120"):
        trader.fapiPrivatePostOrder(request)
