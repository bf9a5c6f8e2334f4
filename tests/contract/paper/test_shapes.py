"""Answers have the fields, and the kinds of values, that the venue documents for each path."""

from __future__ import annotations

import re
from typing import Any

import pytest

from candlecast.adapters.ccxt.answers import check_answer
from tests.support import recorded_shapes as recorded
from tests.support.paper_venue import BTC_SYMBOL, START_MS, PaperVenue

DECIMAL = re.compile(r"-?\d+(\.\d+)?")
ORDER = {
    "decimal": "price avgPrice origQty executedQty cumQuote stopPrice",
    "text": "symbol status clientOrderId timeInForce type side positionSide workingType origType priceMatch",
    "whole": "orderId updateTime time goodTillDate",
    "flag": "reduceOnly closePosition priceProtect",
}
ALGO = {
    "decimal": "quantity triggerPrice price actualPrice actualQty",
    "text": "clientAlgoId algoType orderType symbol side positionSide timeInForce algoStatus actualOrderId actualType workingType"
    " priceMatch selfTradePreventionMode",
    "whole": "algoId createTime updateTime triggerTime goodTillDate",
    "flag": "closePosition priceProtect reduceOnly",
}
TRADE = {
    "decimal": "commission price qty quoteQty realizedPnl",
    "text": "commissionAsset marginAsset side positionSide symbol",
    "whole": "id orderId time",
    "flag": "buyer maker",
}
POSITION = {
    "decimal": "positionAmt entryPrice breakEvenPrice markPrice unRealizedProfit liquidationPrice isolatedMargin notional"
    " isolatedWallet initialMargin maintMargin positionInitialMargin openOrderInitialMargin bidNotional askNotional",
    "text": "symbol positionSide marginAsset",
    "whole": "adl updateTime",
}
ACCOUNT = {
    "decimal": "totalInitialMargin totalMaintMargin totalWalletBalance totalUnrealizedProfit totalMarginBalance availableBalance"
    " totalPositionInitialMargin totalOpenOrderInitialMargin totalCrossWalletBalance totalCrossUnPnl maxWithdrawAmount",
}
ASSET = {
    "decimal": "walletBalance unrealizedProfit marginBalance maintMargin initialMargin positionInitialMargin"
    " openOrderInitialMargin crossWalletBalance crossUnPnl availableBalance maxWithdrawAmount",
    "text": "asset",
    "whole": "updateTime",
    "flag": "marginAvailable",
}
HELD = {
    "decimal": "positionAmt unrealizedProfit isolatedMargin notional isolatedWallet initialMargin maintMargin"
    " positionInitialMargin openOrderInitialMargin bidNotional askNotional",
    "text": "symbol positionSide",
    "whole": "updateTime",
}
BALANCE = {
    "decimal": "balance crossWalletBalance crossUnPnl availableBalance maxWithdrawAmount",
    "text": "accountAlias asset",
    "whole": "updateTime",
    "flag": "marginAvailable",
}
BRACKET = {"whole": "bracket initialLeverage notionalCap notionalFloor"}


def assert_shape(answer: dict[str, Any], shape: dict[str, str]) -> None:
    for name in shape.get("decimal", "").split():
        assert isinstance(answer[name], str), name
        assert DECIMAL.fullmatch(answer[name]), f"{name} is {answer[name]!r}"
    for kind, type_ in (("text", str), ("whole", int), ("flag", bool)):
        for name in shape.get(kind, "").split():
            assert type(answer[name]) is type_, f"{name} is {answer[name]!r}"


@pytest.fixture
def active(trader: Any) -> Any:
    """An account with a position, a resting order and a stop."""
    trader.set_leverage(10, BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1, None, {"clientOrderId": "entry"})
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.1, 49_000, {"clientOrderId": "limit"})
    stop = {"stopLossPrice": 48_000, "reduceOnly": True, "clientAlgoId": "stop"}
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.1, None, stop)
    return trader


def test_orders(active: Any) -> None:
    market = {"symbol": "BTCUSDT"}
    answers = [
        active.fapiPrivatePostOrder(
            {**market, "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": "RESULT"}
        ),
        active.fapiPrivateGetOrder({**market, "origClientOrderId": "entry"}),
        *active.fapiPrivateGetOpenOrders(market),
        *active.fapiPrivateGetAllOrders(market),
        active.fapiPrivateDeleteOrder({**market, "origClientOrderId": "limit"}),
    ]
    assert [answer["status"] for answer in answers] == ["FILLED", "FILLED", "NEW", "FILLED", "NEW", "FILLED", "CANCELED"]
    for answer in answers:
        assert_shape(answer, ORDER)


def test_an_amended_order_names_its_pair(active: Any) -> None:
    terms = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1", "price": "48000", "origClientOrderId": "limit"}
    amended = active.fapiPrivatePutOrder(terms)
    assert_shape(amended, {**ORDER, "text": f"{ORDER['text']} pair", "decimal": f"{ORDER['decimal']} cumQty cumBase"})


def test_open_orders_are_told_as_notionals_of_bids_and_asks(active: Any) -> None:
    risk = active.fapiPrivateV3GetPositionRisk()[0]
    assert (float(risk["bidNotional"]), float(risk["askNotional"])) == (4_900, 0)


def test_conditional_orders(active: Any) -> None:
    for answer in (active.fapiPrivateGetAlgoOrder({"clientAlgoId": "stop"}), *active.fapiPrivateGetOpenAlgoOrders()):
        assert_shape(answer, ALGO)
    cancelled = active.fapiPrivateDeleteAlgoOrder({"clientAlgoId": "stop"})
    assert (cancelled["clientAlgoId"], cancelled["code"], cancelled["msg"]) == ("stop", "200", "success")


def test_trades_positions_and_balances(active: Any) -> None:
    assert_shape(active.fapiPrivateGetUserTrades({"symbol": "BTCUSDT"})[0], TRADE)
    assert_shape(active.fapiPrivateV3GetPositionRisk()[0], POSITION)
    account = active.fapiPrivateV3GetAccount()
    assert_shape(account, ACCOUNT)
    assert_shape(account["assets"][0], ASSET)
    assert_shape(account["positions"][0], HELD)
    older = active.fapiPrivateV2GetAccount()
    assert (older["feeBurn"], older["tradeGroupId"], older["updateTime"]) == (False, -1, 0)
    assert_shape(older["assets"][0], ASSET)
    assert_shape(older["positions"][0], {**HELD, "decimal": f"{HELD['decimal']} breakEvenPrice entryPrice leverage maxNotional"})
    assert_shape(active.fapiPrivateV3GetBalance()[0], BALANCE)
    brackets = active.fapiPrivateGetLeverageBracket({"symbol": "BTCUSDT"})[0]["brackets"]
    assert_shape(brackets[0], BRACKET)


def test_the_older_versions_of_account_and_position(active: Any) -> None:
    position = active.fetch_positions([BTC_SYMBOL], {"useV2": True})[0]
    assert (position["leverage"], position["contracts"], position["marginMode"]) == (10, 0.1, "cross")
    assert position["liquidationPrice"] is None
    assert active.fetch_balance({"useV2": True})["USDT"]["used"] == pytest.approx(0.1 * 50_000 / 10 + 0.1 * 49_000 / 10)


def test_answers_pass_the_check_that_the_executor_makes_of_every_venue(active: Any) -> None:
    """The key fields of `adapters/ccxt/answers.py`, which real answers have: `tests/unit/adapters/ccxt/test_answers.py`."""
    market = {"symbol": "BTCUSDT"}
    order = {**market, "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "another"}
    stop = {**market, "side": "SELL", "type": "STOP_MARKET", "algoType": "CONDITIONAL", "quantity": "0.1"}
    stop |= {"triggerPrice": "47000", "clientAlgoId": "lower"}
    asked: list[tuple[str, str, str, dict[str, Any]]] = [
        ("POST", "order", "fapiPrivate", {**order, "newOrderRespType": "RESULT"}),
        ("GET", "order", "fapiPrivate", {**market, "origClientOrderId": "entry"}),
        ("GET", "openOrders", "fapiPrivate", {}),
        ("DELETE", "order", "fapiPrivate", {**market, "origClientOrderId": "limit"}),
        ("POST", "algoOrder", "fapiPrivate", stop),
        ("GET", "algoOrder", "fapiPrivate", {"clientAlgoId": "stop"}),
        ("GET", "openAlgoOrders", "fapiPrivate", market),
        ("DELETE", "algoOrder", "fapiPrivate", {"clientAlgoId": "stop"}),
        ("POST", "leverage", "fapiPrivate", {**market, "leverage": 7}),
        ("GET", "userTrades", "fapiPrivate", {**market, "startTime": START_MS}),
        ("GET", "positionRisk", "fapiPrivateV3", {}),
        ("GET", "positionRisk", "fapiPrivateV2", market),
        ("GET", "account", "fapiPrivateV3", {}),
        ("GET", "klines", "fapiPublic", {**market, "interval": "1m", "startTime": START_MS}),
        ("GET", "ticker/bookTicker", "fapiPublic", market),
        ("GET", "premiumIndex", "fapiPublic", market),
        ("GET", "exchangeInfo", "fapiPublic", {}),
    ]
    for method, path, api, parameters in asked:
        check_answer(method, path, parameters, active.request(path, [api], method, parameters))


def test_margins_add_up(active: Any) -> None:
    account = active.fapiPrivateV3GetAccount()
    number = {name: float(value) for name, value in account.items() if isinstance(value, str)}
    assert number["totalMarginBalance"] == pytest.approx(number["totalWalletBalance"] + number["totalUnrealizedProfit"])
    assert number["availableBalance"] == pytest.approx(number["totalMarginBalance"] - number["totalInitialMargin"])
    assert number["totalInitialMargin"] == pytest.approx(500 + 490)


def test_a_liquidation_price_where_equity_meets_maintenance(market: PaperVenue) -> None:
    trader = market.client(market.open_account("1000"))
    trader.set_leverage(50, BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.5)
    risk = trader.fapiPrivateV3GetPositionRisk()[0]
    price = float(risk["liquidationPrice"])
    wallet = 1_000 - 0.5 * 50_005 * 0.0005
    assert wallet + 0.5 * (price - 50_005) == pytest.approx(0.5 * price * 0.004, abs=1e-4)


def assert_like(answer: dict[str, Any], seen: dict[str, Any]) -> None:
    """Every field that a recorded answer has, as the same kind of value."""
    assert {name: type(value) for name, value in seen.items()} == {name: type(answer.get(name)) for name in seen}


def test_answers_have_what_recorded_answers_have(active: Any) -> None:
    market = {"symbol": "BTCUSDT"}
    order = {**market, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "48000"}
    active.fapiPrivatePostAlgoOrder(
        {
            **market,
            "side": "SELL",
            "type": "STOP_MARKET",
            "algoType": "CONDITIONAL",
            "quantity": "0.1",
            "triggerPrice": "47000",
            "clientAlgoId": "lower",
            "workingType": "MARK_PRICE",
        }
    )
    assert_like(active.fapiPrivatePostOrder(order), recorded.NEW_ORDER)
    assert_like(active.fapiPrivateGetOrder({**market, "origClientOrderId": "entry"}), recorded.ORDER)
    assert_like(active.fapiPrivateGetAlgoOrder({"clientAlgoId": "lower"}), recorded.ALGO_ORDER)
    assert_like(active.fapiPrivateV3GetPositionRisk()[0], recorded.POSITION)
    assert_like(active.fapiPrivateV2GetPositionRisk(market)[0], recorded.OLDER_POSITION)
    assert_like(active.fapiPrivateGetUserTrades(market)[0], recorded.TRADE)
    account = active.fapiPrivateV2GetAccount()
    assert_like(account, recorded.OLDER_ACCOUNT)
    assert_like(account["assets"][0], recorded.ASSET)
    assert_like(active.fapiPrivateV3GetBalance()[0], recorded.BALANCE)
    assert_like(active.fapiPublicGetPremiumIndex(market), recorded.MARK)
    assert_like(active.fapiPrivateGetSymbolConfig(market)[0], recorded.SYMBOL_CONFIG)
    assert_like(active.fapiPrivateGetCommissionRate(market), recorded.COMMISSION)
    assert_like(active.fapiPublicGetTicker24hr(market), recorded.DAY_TICKER)


def test_settled_funding_has_what_recorded_funding_has(market: PaperVenue, trader: Any) -> None:
    market.load(["50000"] * 600)
    market.operate("PUT", "/funding", {"rate": "0.001"})
    market.set_minute(481)
    assert_like(trader.fapiPublicGetFundingRate({"symbol": "BTCUSDT"})[0], recorded.FUNDING)
