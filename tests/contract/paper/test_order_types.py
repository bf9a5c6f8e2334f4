"""Kinds of orders by ccxt: times in force, partial fills, amendments, stop limits, trailing stops."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC, BTC_SYMBOL, PaperVenue

CALM = ["50000"] * 61
ORDER_PATH = {"path": "/fapi/v1/order", "method": "POST"}


def limit(trader: Any, price: float, quantity: float = 0.01, time_in_force: str = "GTC", side: str = "buy") -> Any:
    return trader.create_order(BTC_SYMBOL, "limit", side, quantity, price, {"timeInForce": time_in_force})


def cut(market: PaperVenue, ratio: str) -> None:
    market.operate("POST", "/faults", {**ORDER_PATH, "kind": "partial_fill", "ratio": ratio})


def held(trader: Any) -> float:
    return float(sum(position["contracts"] for position in trader.fetch_positions([BTC_SYMBOL])))


def waiting(trader: Any, **parameters: Any) -> Any:
    return trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, **parameters})


@pytest.mark.parametrize(("time_in_force", "status"), [("GTC", "open"), ("GTX", "open"), ("IOC", "expired")])
def test_what_is_not_marketable(trader: Any, time_in_force: str, status: str) -> None:
    assert limit(trader, 49_000, time_in_force=time_in_force)["status"] == status


def test_fill_or_kill_and_post_only_are_refused_where_they_cannot_be_kept(trader: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-5021"):
        limit(trader, 49_000, time_in_force="FOK")
    with pytest.raises(ccxt.ExchangeError, match="-5022"):
        limit(trader, 50_100, time_in_force="GTX")
    assert limit(trader, 50_100, time_in_force="FOK")["status"] == "closed"


def test_a_market_order_that_is_cut_expires_with_what_it_got(market: PaperVenue, trader: Any) -> None:
    cut(market, "0.35")
    order = trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    assert (order["status"], order["filled"], order["remaining"]) == ("expired", 0.003, 0.007)
    assert trader.fetch_order(order["id"], BTC_SYMBOL)["filled"] == held(trader) == 0.003
    assert trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)["status"] == "closed", "the rule is used up"


def test_a_market_order_may_get_nothing_at_all(market: PaperVenue, trader: Any) -> None:
    cut(market, "0")
    order = trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    assert (order["status"], order["filled"], trader.fetch_my_trades(BTC_SYMBOL)) == ("expired", 0, [])


def test_what_is_left_of_a_limit_order_rests_and_fills_later(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50000", "49500", "50000"), *["50000"] * 9])
    cut(market, "0.5")
    order = limit(trader, 50_010)
    assert (order["status"], order["filled"]) == ("open", 0), "the answer tells that it was accepted"
    assert trader.fetch_order(order["id"], BTC_SYMBOL)["info"]["status"] == "PARTIALLY_FILLED"
    assert trader.fetch_open_orders(BTC_SYMBOL)[0]["remaining"] == 0.005
    market.set_minute(62)
    done = trader.fetch_order(order["id"], BTC_SYMBOL)
    assert (done["status"], done["filled"], done["average"]) == ("closed", 0.01, pytest.approx((50_005 + 50_010) / 2))
    assert [trade["takerOrMaker"] for trade in trader.fetch_my_trades(BTC_SYMBOL)] == ["taker", "maker"]


@pytest.mark.parametrize(("time_in_force", "status"), [("IOC", "expired"), ("FOK", None)])
def test_what_is_left_of_an_order_that_may_not_rest(
    market: PaperVenue, trader: Any, time_in_force: str, status: str | None
) -> None:
    cut(market, "0.5")
    if status is None:
        with pytest.raises(ccxt.ExchangeError, match="-5021"):
            limit(trader, 50_010, time_in_force=time_in_force)
        assert held(trader) == 0
    else:
        order = limit(trader, 50_010, time_in_force=time_in_force)
        assert (order["status"], order["filled"], trader.fetch_open_orders(BTC_SYMBOL)) == (status, 0.005, [])


def test_a_resting_order_fills_by_its_share_of_each_candles_volume(market: PaperVenue, trader: Any) -> None:
    through = ("50000", "50000", "48900", "50000")  # every candle has a volume of 10
    market.load([*CALM, through, through, through, *["50000"] * 9], {**BTC, "volume_share": "0.0005"})
    order = limit(trader, 49_000, quantity=0.012)
    filled = []
    for minute in (62, 63, 64):
        market.set_minute(minute)
        filled.append(trader.fetch_order(order["id"], BTC_SYMBOL)["filled"])
    assert filled == [0.005, 0.01, 0.012]
    assert [trade["amount"] for trade in trader.fetch_my_trades(BTC_SYMBOL)] == [0.005, 0.005, 0.002]


def test_a_partly_filled_order_is_cancelled_with_what_it_got(market: PaperVenue, trader: Any) -> None:
    cut(market, "0.5")
    order = limit(trader, 50_010)
    cancelled = trader.cancel_order(order["id"], BTC_SYMBOL)
    assert (cancelled["status"], cancelled["filled"], held(trader)) == ("canceled", 0.005, 0.005)


def test_a_resting_order_is_amended_and_keeps_its_id(trader: Any) -> None:
    order = limit(trader, 49_000)
    amended = trader.edit_order(order["id"], BTC_SYMBOL, "limit", "buy", 0.02, 48_000)
    assert (amended["id"], amended["price"], amended["amount"], amended["status"]) == (order["id"], 48_000, 0.02, "open")
    assert [(row["price"], row["amount"]) for row in trader.fetch_open_orders(BTC_SYMBOL)] == [(48_000, 0.02)]
    with pytest.raises(ccxt.ExchangeError, match="-5027"):
        trader.edit_order(order["id"], BTC_SYMBOL, "limit", "buy", 0.02, 48_000)


def test_an_order_amended_into_the_market_executes(trader: Any) -> None:
    order = limit(trader, 49_000)
    amended = trader.edit_order(order["id"], BTC_SYMBOL, "limit", "buy", 0.01, 50_010)
    assert (amended["status"], amended["average"]) == ("closed", 50_005)
    assert trader.fetch_open_orders(BTC_SYMBOL) == []


def test_an_amendment_that_is_refused_changes_nothing(trader: Any) -> None:
    order = limit(trader, 49_000)
    for quantity, price, code in ((0.01, 49_000.05, "-1111"), (1_000, 49_000, "-2019"), (0.001, 49_000, "-4164")):
        request = {"symbol": "BTCUSDT", "side": "BUY", "orderId": order["id"], "quantity": quantity, "price": price}
        with pytest.raises(ccxt.ExchangeError, match=code):
            trader.fapiPrivatePutOrder(request)
    assert trader.fetch_open_orders(BTC_SYMBOL)[0]["price"] == 49_000
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        trader.edit_order("1", BTC_SYMBOL, "limit", "buy", 0.01, 48_000)


def test_amendments_that_cancel(market: PaperVenue, trader: Any) -> None:
    post_only = limit(trader, 49_000, time_in_force="GTX")
    assert trader.edit_order(post_only["id"], BTC_SYMBOL, "limit", "buy", 0.01, 50_100)["status"] == "canceled"
    cut(market, "0.5")
    partly = limit(trader, 50_004.9 + 5)
    assert trader.edit_order(partly["id"], BTC_SYMBOL, "limit", "buy", 0.005, 49_000)["status"] == "canceled"


def test_all_orders_of_a_symbol_are_cancelled_however_many(trader: Any) -> None:
    for number in range(50):
        limit(trader, 49_000 - number)
    stop = {"stopLossPrice": 48_000, "clientAlgoId": "stop"}
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, stop)
    trader.cancel_all_orders(BTC_SYMBOL)
    assert trader.fetch_open_orders(BTC_SYMBOL) == []
    assert len(trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True})) == 1
    trader.cancel_all_orders(BTC_SYMBOL, {"trigger": True})
    assert trader.fetch_open_orders(BTC_SYMBOL, params={"trigger": True}) == []


def stop_limit(trader: Any, trigger: float, price: float, **parameters: Any) -> Any:
    terms = {"stopLossPrice": trigger, "reduceOnly": True, "clientAlgoId": "stop-limit", **parameters}
    return trader.create_order(BTC_SYMBOL, "limit", "sell", 0.01, price, terms)


def test_a_stop_limit_that_is_marketable_fills_when_it_triggers(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("50000", "50000", "48500", "49500"), *["49500"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    assert stop_limit(trader, 49_000, 48_900)["info"]["orderType"] == "STOP"
    market.set_minute(62)
    done = waiting(trader, clientAlgoId="stop-limit")
    assert (done["info"]["algoStatus"], held(trader)) == ("FINISHED", 0)
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == 48_995.1


def test_a_stop_limit_rests_where_the_market_fell_through_it(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("48000", "49500", "47500", "48000"), ("48000", "49600", "48000", "49000"), *["49000"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    stop_limit(trader, 49_000, 48_900)
    market.set_minute(62)
    triggered = waiting(trader, clientAlgoId="stop-limit")
    assert (triggered["info"]["algoStatus"], held(trader)) == ("TRIGGERED", 0.01)
    resting = trader.fetch_open_orders(BTC_SYMBOL)[0]
    assert (resting["id"], resting["price"], resting["clientOrderId"]) == (
        triggered["info"]["actualOrderId"],
        48_900,
        "stop-limit",
    )
    market.set_minute(63)
    assert held(trader) == 0
    assert waiting(trader, clientAlgoId="stop-limit")["info"]["algoStatus"] == "FINISHED"
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == 48_900


def test_a_stop_limit_that_may_not_rest_expires(market: PaperVenue, trader: Any) -> None:
    market.load([*CALM, ("48000", "48500", "47500", "48000"), *["48000"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    stop_limit(trader, 49_000, 48_900, timeInForce="IOC")
    market.set_minute(62)
    assert (trader.fetch_orders(BTC_SYMBOL)[-1]["status"], held(trader)) == ("expired", 0.01)


def trail(trader: Any, percent: float = 1, **parameters: Any) -> Any:
    terms = {"trailingPercent": percent, "reduceOnly": True, "clientAlgoId": "trail", **parameters}
    return trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, terms)


def test_a_trailing_stop_follows_the_best_price(market: PaperVenue, trader: Any) -> None:
    rise, fall = ("50000", "51000", "49900", "51000"), ("51000", "51100", "50400", "50450")
    market.load([*CALM, rise, fall, *["50450"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    placed = trail(trader)
    assert (placed["info"]["callbackRate"], placed["info"]["orderType"]) == ("1", "TRAILING_STOP_MARKET")
    market.set_minute(62)
    assert held(trader) == 0.01, "the first candle falls by less than 1 % from the price at which it was placed"
    market.set_minute(63)
    assert held(trader) == 0
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == pytest.approx(51_000 * 0.99, rel=2e-4)


def test_a_trailing_stop_waits_for_its_activation(market: PaperVenue, trader: Any) -> None:
    before, activating = ("50000", "50400", "49000", "50000"), ("50000", "50600", "49900", "50500")
    market.load([*CALM, before, activating, ("50500", "50500", "50000", "50100"), *["50100"] * 9])
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    trail(trader, 1, trailingTriggerPrice=50_500)
    for minute, remains in ((62, 0.01), (63, 0.01), (64, 0)):
        market.set_minute(minute)
        assert held(trader) == remains
    assert trader.fetch_my_trades(BTC_SYMBOL)[-1]["price"] == pytest.approx(50_600 * 0.99, rel=2e-4)


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("-1130", {"callbackRate": "0.05"}),
        ("-1130", {"callbackRate": "10.1"}),
        ("-1130", {"callbackRate": "0.15"}),
        ("-1102", {}),
        ("-4135", {"callbackRate": "1", "activatePrice": "49000"}),
        ("-4136", {"callbackRate": "1", "closePosition": "true"}),
    ],
)
def test_a_trailing_stop_that_makes_no_sense_is_refused(trader: Any, code: str, parameters: dict[str, str]) -> None:
    request = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.01"}
    with pytest.raises(ccxt.ExchangeError, match=code):
        trader.fapiPrivatePostAlgoOrder({**request, **parameters})


def test_a_partial_fill_needs_a_ratio_below_one(market: PaperVenue) -> None:
    answer = market.http.post("/operator/faults", json={**ORDER_PATH, "kind": "partial_fill", "ratio": "1"})
    assert answer.status_code == 400
