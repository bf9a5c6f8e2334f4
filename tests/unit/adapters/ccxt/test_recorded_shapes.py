"""Answers that others recorded at the venue pass the check of answers, and are read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.ccxt.answers import AnswerUnusable, check_answer
from candlecast.domain.values.terms import PositionSide
from tests.support import recorded_shapes as recorded
from tests.support.raw_venue import RawVenue

SYMBOL = {"symbol": "BTCUSDT"}
TRAILING = {"type": "TRAILING_STOP_MARKET", "origType": "TRAILING_STOP_MARKET", "activatePrice": "9020", "priceRate": "0.3"}
WAITING_ALGO = {
    name: recorded.ALGO_ORDER[name] for name in ("algoId", "clientAlgoId", "symbol", "side", "quantity", "triggerPrice")
}
RECORDED: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "a new order": ("POST", "order", {**SYMBOL, "newClientOrderId": "mine", "side": "SELL"}, recorded.NEW_ORDER),
    "an order": ("GET", "order", {**SYMBOL, "origClientOrderId": "mine"}, recorded.ORDER),
    "open orders": ("GET", "openOrders", SYMBOL, [recorded.ORDER]),
    "a trailing order from before there were conditional ones": ("GET", "openOrders", SYMBOL, [{**recorded.ORDER, **TRAILING}]),
    "a conditional order": ("GET", "algoOrder", {"clientAlgoId": "mine"}, recorded.ALGO_ORDER),
    "a conditional order with few fields": ("GET", "openAlgoOrders", SYMBOL, [{**WAITING_ALGO, "algoStatus": "NEW"}]),
    "a position": ("GET", "positionRisk", {}, [recorded.POSITION]),
    "a position of the older version": ("GET", "positionRisk", SYMBOL, [recorded.OLDER_POSITION]),
    "trades": ("GET", "userTrades", {"symbol": "ETHUSDT"}, [recorded.TRADE]),
    "an account of the older version": ("GET", "account", {}, recorded.OLDER_ACCOUNT),
    "a mark price": ("GET", "premiumIndex", SYMBOL, recorded.MARK),
    "a commission rate": ("GET", "commissionRate", SYMBOL, recorded.COMMISSION),
}


@pytest.mark.parametrize(("method", "path", "asked", "answer"), RECORDED.values(), ids=RECORDED)
def test_a_recorded_answer_is_data(method: str, path: str, asked: dict[str, str], answer: Any) -> None:
    check_answer(method, path, asked, answer)


@pytest.mark.parametrize(("method", "path", "asked", "answer"), RECORDED.values(), ids=RECORDED)
def test_a_recorded_answer_about_another_market_is_none(method: str, path: str, asked: dict[str, str], answer: Any) -> None:
    if "symbol" in asked:
        with pytest.raises(AnswerUnusable):
            check_answer(method, path, {**asked, "symbol": "LTCUSDT"}, answer)


def test_recorded_positions_are_read() -> None:
    raw = RawVenue()
    raw.say("GET", "positionRisk", [recorded.POSITION])
    (long,) = raw.connect().positions()
    assert (long.side, long.quantity, long.entry_price) == (PositionSide.LONG, Decimal("0.009"), Decimal("67445.9"))
    raw.say("GET", "positionRisk", [recorded.OLDER_POSITION])
    (short,) = raw.connect().positions()
    assert (short.side, short.quantity, short.mark_price) == (PositionSide.SHORT, Decimal("0.002"), Decimal(51_000))
