"""Orders that only reduce, by ccxt: they end with their position and make room for better ones."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue


def enter(trader: Any, quantity: float = 0.01) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", quantity)


def target(trader: Any, price: float, quantity: float = 0.01) -> Any:
    return trader.create_order(BTC_SYMBOL, "limit", "sell", quantity, price, {"reduceOnly": True})


def status(trader: Any, order: Any) -> str:
    return str(trader.fetch_order(order["id"], BTC_SYMBOL)["info"]["status"])


def test_a_target_ends_with_its_position_and_leaves_the_next_one_alone(market: PaperVenue, trader: Any) -> None:
    market.load([*["50000"] * 61, ("50000", "52500", "50000", "52000"), *["52000"] * 9])
    enter(trader)
    resting = target(trader, 52_000)
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01)
    assert (status(trader, resting), trader.fetch_open_orders(BTC_SYMBOL)) == ("EXPIRED", [])
    enter(trader)
    market.set_minute(62)
    assert trader.fetch_positions([BTC_SYMBOL])[0]["contracts"] == 0.01


def test_a_better_price_replaces_a_worse_one_and_a_worse_one_is_refused(trader: Any) -> None:
    enter(trader)
    first = target(trader, 52_000)
    second = target(trader, 51_000)
    assert (status(trader, first), status(trader, second)) == ("EXPIRED", "NEW")
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        target(trader, 51_500)


def test_every_order_that_closes_the_position_ends_with_it(trader: Any) -> None:
    enter(trader)
    whole = {"stopLossPrice": 49_000, "closePosition": True, "clientAlgoId": "whole"}
    assert trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, whole)["info"]["timeInForce"] == "GTE_GTC"
    with pytest.raises(ccxt.ExchangeError, match="-4130"):
        trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {**whole, "clientAlgoId": "another"})
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01)
    ended = trader.fetch_order(None, BTC_SYMBOL, {"trigger": True, "clientAlgoId": "whole"})
    assert ended["info"]["algoStatus"] == "EXPIRED"
    with pytest.raises(ccxt.ExchangeError, match="-4509"):
        trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, whole)
