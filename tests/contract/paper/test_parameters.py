"""Parameters that a client may send with an order do what the venue documents, or are refused with the venue's own error."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC, BTC_SYMBOL, PaperVenue

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
LIMIT = {**ORDER, "type": "LIMIT", "timeInForce": "GTC", "price": "50010"}
TRAILING = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.01"}


def send(trader: Any, order: dict[str, str], **changes: str) -> Any:
    return trader.fapiPrivatePostOrder({**order, **changes})


def stored(trader: Any, answer: Any) -> Any:
    return trader.fapiPrivateGetOrder({"symbol": "BTCUSDT", "orderId": answer["orderId"]})


@pytest.mark.parametrize("changes", [{}, {"newOrderRespType": "ACK"}])
def test_an_acknowledgement_tells_nothing_of_the_fill(trader: Any, changes: dict[str, str]) -> None:
    answer = send(trader, ORDER, **changes)
    assert (answer["status"], float(answer["executedQty"]), float(answer["avgPrice"])) == ("NEW", 0, 0)
    assert stored(trader, answer)["status"] == "FILLED"


@pytest.mark.parametrize(
    ("order", "status"),
    [
        (ORDER, "FILLED"),
        (LIMIT | {"timeInForce": "IOC"}, "FILLED"),
        (LIMIT | {"timeInForce": "IOC", "price": "49000"}, "EXPIRED"),
        (LIMIT | {"timeInForce": "FOK"}, "FILLED"),
        (LIMIT, "NEW"),
    ],
    ids=["market", "IOC", "IOC that misses", "FOK", "GTC"],
)
def test_a_result_is_told_of_market_orders_and_of_special_times_in_force(trader: Any, order: dict[str, str], status: str) -> None:
    answer = send(trader, order, newOrderRespType="RESULT")
    assert answer["status"] == status
    assert stored(trader, answer)["status"] == ("EXPIRED" if status == "EXPIRED" else "FILLED")


def test_another_kind_of_answer_is_refused(trader: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-1136"):
        send(trader, ORDER, newOrderRespType="FULL")
    with pytest.raises(ccxt.ExchangeError, match="-1136"):
        trader.fapiPrivatePostAlgoOrder({**TRAILING, "callbackRate": "1", "newOrderRespType": "FULL"})


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        (None, "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "NEW", "FILLED"),
    ],
)
def test_an_order_meets_an_own_one_within_the_spread(trader: Any, mode: str | None, maker: str, taker: str) -> None:
    resting = send(trader, LIMIT, side="SELL", price="50000")
    answer = send(trader, ORDER, **({} if mode is None else {"selfTradePreventionMode": mode}))
    told = stored(trader, answer)
    assert (stored(trader, resting)["status"], told["status"]) == (maker, taker)
    assert told["selfTradePreventionMode"] == (mode or "EXPIRE_MAKER")


def test_own_orders_beyond_the_touch_are_not_met(trader: Any) -> None:
    resting = send(trader, LIMIT, side="SELL", price="50100")
    send(trader, ORDER, selfTradePreventionMode="EXPIRE_BOTH")
    assert stored(trader, resting)["status"] == "NEW"


def test_a_mode_that_does_not_exist_is_refused(trader: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-1130"):
        send(trader, ORDER, selfTradePreventionMode="SOMETIMES")


@pytest.mark.parametrize("name", ["activationPrice", "activatePrice"])
def test_a_trailing_stop_takes_its_activation_by_either_name(trader: Any, name: str) -> None:
    answer = trader.fapiPrivatePostAlgoOrder({**TRAILING, "callbackRate": "1", name: "51000"})
    assert float(answer["activatePrice"]) == 51_000
    with pytest.raises(ccxt.ExchangeError, match="-4135"):
        trader.fapiPrivatePostAlgoOrder({**TRAILING, "callbackRate": "1", name: "49000"})


def test_open_conditional_orders_are_found_by_id(trader: Any) -> None:
    first, second = (trader.fapiPrivatePostAlgoOrder({**TRAILING, "callbackRate": rate}) for rate in ("1", "2"))
    found = trader.fapiPrivateGetOpenAlgoOrders({"algoId": second["algoId"]})
    assert [row["algoId"] for row in found] == [second["algoId"]]
    assert len(trader.fapiPrivateGetOpenAlgoOrders()) == 2
    assert trader.fapiPrivateGetOpenAlgoOrders({"algoId": first["algoId"], "symbol": "BTCUSDT"})[0]["algoId"] == first["algoId"]
    with pytest.raises(ccxt.ExchangeError, match="-1130"):
        trader.fapiPrivateGetOpenAlgoOrders({"algoType": "VP"})


@pytest.fixture
def isolated(trader: Any) -> Any:
    """A long of 0.1 on isolated margin."""
    trader.set_margin_mode("isolated", BTC_SYMBOL)
    trader.set_leverage(10, BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    return trader


def numbers(answer: dict[str, Any]) -> dict[str, Any]:
    """Every field of an answer that is a number in text."""
    return {name: float(value) for name, value in answer.items() if isinstance(value, str) and value[:1] in "-0123456789"}


def test_an_isolated_position_has_no_part_in_the_cross_margin(market: PaperVenue, isolated: Any) -> None:
    market.load(["50000"] * 61 + ["49000"] * 9)
    market.set_minute(62)
    account = isolated.fapiPrivateV3GetAccount()
    shown = numbers(account)
    wallet, apart = 10_000 - 0.1 * 50_005 * 0.0005, 0.1 * 50_005 / 10
    assert shown["totalWalletBalance"] == pytest.approx(wallet)
    assert shown["totalUnrealizedProfit"] == pytest.approx(0.1 * (49_000 - 50_005))
    assert (shown["totalCrossWalletBalance"], shown["totalCrossUnPnl"]) == (pytest.approx(wallet - apart), 0)
    assert shown["availableBalance"] == shown["maxWithdrawAmount"] == pytest.approx(wallet - apart)
    asset = numbers(account["assets"][0])
    assert (asset["crossWalletBalance"], asset["availableBalance"]) == (
        pytest.approx(wallet - apart),
        pytest.approx(wallet - apart),
    )
    balance = isolated.fapiPrivateV3GetBalance()[0]
    assert float(balance["balance"]) == pytest.approx(wallet)
    assert float(balance["crossWalletBalance"]) == float(balance["availableBalance"]) == pytest.approx(wallet - apart)


def test_profits_that_are_not_realised_can_be_used_and_not_withdrawn(market: PaperVenue, trader: Any) -> None:
    market.load(["50000"] * 61 + ["51000"] * 9)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    market.set_minute(62)
    shown = numbers(trader.fapiPrivateV3GetAccount())
    profit = 0.1 * (51_000 - 50_005)
    assert shown["availableBalance"] == pytest.approx(10_000 - 0.1 * 50_005 * 0.0005 + profit - 0.1 * 51_000 / 20)
    assert shown["maxWithdrawAmount"] == pytest.approx(shown["availableBalance"] - profit)


def test_isolated_leverage_is_not_lowered_under_a_position(isolated: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-4161"):
        isolated.set_leverage(5, BTC_SYMBOL)
    isolated.set_leverage(20, BTC_SYMBOL)


def test_totals_are_those_of_usdt(market: PaperVenue) -> None:
    usdc = {**BTC, "symbol": "BTCUSDC", "quote": "USDC"}
    market.load(["50000"] * 120, usdc)
    issued = market.operate("POST", "/accounts", {"balances": {"USDT": "100", "USDC": "1000"}})
    account = market.client(issued).fapiPrivateV3GetAccount()
    assert float(account["totalWalletBalance"]) == 100
    assert {row["asset"]: float(row["walletBalance"]) for row in account["assets"]} == {"USDT": 100, "USDC": 1_000}
