"""One-way and hedge mode by ccxt: how the mode changes, which orders it takes, and that sides never mix."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, PaperVenue

ORDER = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.01"}


def send(trader: Any, side: str, position_side: str, **changes: str) -> Any:
    return trader.fapiPrivatePostOrder({**ORDER, "side": side, "positionSide": position_side, **changes})


def amounts(trader: Any) -> dict[str, float]:
    return {position["side"]: position["contracts"] for position in trader.fetch_positions([BTC_SYMBOL])}


@pytest.fixture
def hedger(trader: Any) -> Any:
    """A trader in hedge mode."""
    trader.set_position_mode(True)
    return trader


def test_the_mode_changes_and_is_told(trader: Any) -> None:
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        trader.set_position_mode(False)
    assert trader.set_position_mode(True) == {"code": 200, "msg": "success"}
    assert trader.fetch_position_mode(BTC_SYMBOL)["hedged"] is True
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        trader.set_position_mode(True)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_mode_stays_while_an_order_is_open(trader: Any, conditional: bool) -> None:
    if conditional:
        trader.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, {"stopLossPrice": 49_000})
    else:
        trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    with pytest.raises(ccxt.OperationRejected, match="-4067"):
        trader.set_position_mode(True)


def test_the_mode_stays_while_a_position_is_open(trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    with pytest.raises(ccxt.OperationRejected, match="-4068"):
        trader.set_position_mode(True)
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01)
    trader.set_position_mode(True)


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_one_way_mode_takes_no_side(trader: Any, side: str) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-4061"):
        send(trader, "BUY", side)


def test_hedge_mode_wants_a_side_and_no_reduce_only(hedger: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-4061"):
        send(hedger, "BUY", "BOTH")
    with pytest.raises(ccxt.ExchangeError, match="-4060"):
        send(hedger, "BUY", "UP")
    with pytest.raises(ccxt.BadRequest, match="-1106"):
        send(hedger, "BUY", "LONG", reduceOnly="true")


def test_a_long_and_a_short_stand_side_by_side(hedger: Any) -> None:
    send(hedger, "BUY", "LONG", quantity="0.02")
    send(hedger, "SELL", "SHORT")
    assert amounts(hedger) == {"long": 0.02, "short": 0.01}
    raw = {row["positionSide"]: row["positionAmt"] for row in hedger.fapiPrivateV3GetPositionRisk({"symbol": "BTCUSDT"})}
    assert raw == {"LONG": "0.020", "SHORT": "-0.010"}


def test_a_closing_order_closes_its_side_and_no_more(hedger: Any) -> None:
    send(hedger, "BUY", "LONG", quantity="0.02")
    send(hedger, "SELL", "SHORT", quantity="0.03")
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        send(hedger, "SELL", "LONG", quantity="0.021")
    assert send(hedger, "SELL", "LONG", quantity="0.02")["reduceOnly"] is True
    assert amounts(hedger) == {"short": 0.03}
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        send(hedger, "SELL", "LONG")


def test_ccxts_own_hedged_parameter_works(hedger: Any) -> None:
    hedger.create_order(BTC_SYMBOL, "market", "buy", 0.02, None, {"hedged": True})
    closed = hedger.create_order(BTC_SYMBOL, "market", "sell", 0.02, None, {"hedged": True, "reduceOnly": True})
    assert (closed["status"], closed["info"]["positionSide"]) == ("closed", "LONG")
    assert [trade["info"]["positionSide"] for trade in hedger.fetch_my_trades(BTC_SYMBOL)] == ["LONG", "LONG"]


def test_a_stop_of_one_side_leaves_the_other(market: PaperVenue, hedger: Any) -> None:
    market.load([*["50000"] * 61, ("50000", "50000", "48500", "48600"), *["48600"] * 9])
    send(hedger, "BUY", "LONG")
    send(hedger, "SELL", "SHORT")
    stop = {"stopLossPrice": 49_000, "positionSide": "LONG", "closePosition": True}
    hedger.create_order(BTC_SYMBOL, "market", "sell", 0.01, None, stop)
    market.set_minute(62)
    assert amounts(hedger) == {"short": 0.01}


def test_a_resting_closing_order_expires_when_its_side_is_gone(market: PaperVenue, hedger: Any) -> None:
    market.load([*["50000"] * 61, ("50000", "51500", "50000", "51000"), *["51000"] * 9])
    send(hedger, "BUY", "LONG")
    resting = send(hedger, "SELL", "LONG", type="LIMIT", price="51000", timeInForce="GTC")
    send(hedger, "SELL", "LONG")
    market.set_minute(62)
    assert hedger.fetch_order(resting["orderId"], BTC_SYMBOL)["status"] == "expired"
    assert amounts(hedger) == {}


def test_sides_in_the_operators_book(market: PaperVenue, hedger: Any) -> None:
    send(hedger, "BUY", "LONG")
    send(hedger, "SELL", "SHORT")
    rows = {row["position_side"]: (row["symbol"], row["amount"]) for row in market.book("positions")}
    assert rows == {"LONG": ("BTCUSDT", "0.01"), "SHORT": ("BTCUSDT", "-0.01")}
