"""A venue's answer is data only if it has the documented shape; anything else leaves an order unknown, or is asked for again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from candlecast.adapters.ccxt.answers import KEY_RIGHTS, AnswerUnusable, check_answer
from candlecast.adapters.ccxt.errors import UNUSABLE
from candlecast.adapters.ccxt.market_data import CcxtMarketData
from candlecast.adapters.ccxt.venue import CcxtVenue
from candlecast.domain.values.errors import Ambiguous, DomainError, RetryLater
from candlecast.domain.values.terms import MarginMode, PositionMode, PositionSide
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.reports import LeverageCap, VenueOrderStatus
from tests.support.builders import BTC, NOW
from tests.support.raw_venue import (
    ENTRY_ID,
    MINUTE_MS,
    NOW_MS,
    Json,
    RawVenue,
    a_position,
    a_trade,
    an_account,
    an_algo_order,
    an_income,
    an_order,
    entry,
    some_funding_rates,
    some_klines,
    some_rights,
    stop,
)

D = Decimal
SENDING: dict[str, Callable[[CcxtVenue], Any]] = {
    "an order": lambda venue: venue.create_order(entry().request()),
    "a stop": lambda venue: venue.create_order(stop().request()),
    "a cancellation": lambda venue: venue.cancel_order(entry()),
    "a stop's cancellation": lambda venue: venue.cancel_order(stop()),
    "leverage and margin mode": lambda venue: venue.set_market_settings(BTC, D(5), MarginMode.CROSS),
    "the position mode": lambda venue: venue.set_position_mode(PositionMode.HEDGE),
}
READING: dict[str, Callable[[CcxtVenue], Any]] = {
    "an order": lambda venue: venue.find_order(entry()),
    "a stop": lambda venue: venue.find_order(stop()),
    "an order by its number": lambda venue: venue.find_order_by_venue_id(BTC, str(ENTRY_ID)),
    "open orders": lambda venue: venue.open_orders(BTC),
    "open orders of all markets": lambda venue: venue.open_orders(),
    "trades": lambda venue: venue.trades_since(BTC, NOW),
    "positions": lambda venue: venue.positions(),
    "positions of a market": lambda venue: venue.positions_in(BTC),
    "the balance": lambda venue: venue.balance(NOW),
    "trades of an order": lambda venue: venue.trades_of(BTC, str(ENTRY_ID)),
    "funding": lambda venue: venue.funding(NOW, NOW),
    "fee rates": lambda venue: venue.fee_rates(BTC, NOW),
    "leverage caps": lambda venue: venue.leverage_caps({BTC: D(10)}, NOW),
    "a mark price": lambda venue: venue.mark_of("BTC", "USDT"),
    "the rights of the key": lambda venue: venue.key_rights(),
}
PUBLIC: dict[str, Callable[[CcxtMarketData], Any]] = {
    "candles": lambda data: data.candles("paper", BTC, Timeframe.M1, NOW, 3),
    "a quote": lambda data: data.quote("paper", BTC, NOW),
    "rates of funding": lambda data: data.funding_rates("paper", BTC, NOW - timedelta(days=1), NOW),
}
BRACKETS: dict[str, Any] = {"symbol": "BTCUSDT", "brackets": [{"bracket": 1, "initialLeverage": 20, "notionalCap": 1_000}]}


def with_bracket(**changes: Any) -> dict[str, Any]:
    return {**BRACKETS, "brackets": [{**BRACKETS["brackets"][0], **changes}]}


RATES = {"symbol": "BTCUSDT", "makerCommissionRate": "0.0002", "takerCommissionRate": "0.0004"}
NO_ANSWERS = {
    "nothing": b"",
    "blanks": b"   ",
    "a page": b"<html><body>502 Bad Gateway</body></html>",
    "text": b"OK",
    "cut": b'{"orderId":4087922044,"symbol":"BTCU',
    "a cut list": b'[{"symbol":"BTCUSDT",',
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "an empty object": b"{}",
    "an object in a list": b"[{}]",
    "null in a list": b"[null]",
    "lists in a list": b"[[[]]]",
    "a foreign object": b'{"retCode":0,"retMsg":"OK","result":{"list":[]}}',
    "depth": b"[" * 100_000,
    "bytes": b"\xff\xfe\x00{}",
    "a number that no parser takes": b'{"orderId":' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.parametrize("send", SENDING.values(), ids=SENDING)
def test_what_is_no_answer_to_a_change_leaves_its_outcome_unknown(send: Callable[[CcxtVenue], Any], body: bytes) -> None:
    raw = RawVenue()
    raw.say_bytes(body)
    with pytest.raises(Ambiguous) as told:
        send(raw.connect())
    assert told.value.code == UNUSABLE
    assert told.value.__suppress_context__, "what the venue sent belongs into no log"
    assert len(raw.asked) == 1, "nothing is sent twice"


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.parametrize("ask", READING.values(), ids=READING)
def test_what_is_no_answer_to_a_question_is_asked_for_again(ask: Callable[[CcxtVenue], Any], body: bytes) -> None:
    raw = RawVenue()
    raw.say_bytes(body)
    with pytest.raises(RetryLater) as told:
        ask(raw.connect())
    assert told.value.code == UNUSABLE


@pytest.mark.parametrize("body", [*NO_ANSWERS.values(), b"[]"], ids=[*NO_ANSWERS, "an empty list"])
@pytest.mark.parametrize("ask", PUBLIC.values(), ids=PUBLIC)
def test_public_data_that_is_none_is_asked_for_again(ask: Callable[[CcxtMarketData], Any], body: bytes) -> None:
    raw = RawVenue()
    raw.say_bytes(body)
    if ask in (PUBLIC["candles"], PUBLIC["rates of funding"]) and body == b"[]":
        assert ask(raw.market_data()) == [], "a market before its first candle has none, nor a settlement"
        return
    with pytest.raises(RetryLater):
        ask(raw.market_data())


@pytest.mark.parametrize(
    "ask", [READING[name] for name in ("positions of a market", "the balance", "an order", "the rights of the key")]
)
def test_a_list_that_cannot_be_empty_is_none(ask: Callable[[CcxtVenue], Any]) -> None:
    raw = RawVenue()
    raw.say_bytes(b"[]")
    with pytest.raises(RetryLater, match=UNUSABLE):
        ask(raw.connect())


@pytest.mark.parametrize("status", [201, 202, 203, 204, 206])
def test_the_session_takes_no_success_but_200(status: int) -> None:
    """Shown with a server in `test_venue_session.py`; here: the venue's words are not needed for it."""
    raw = RawVenue()
    raw.say_bytes(b"", status)
    with pytest.raises(Ambiguous):
        SENDING["an order"](raw.connect())


# -- fields ----------------------------------------------------------------------------------------------------------------------

ABSURD: tuple[Any, ...] = (None, "", "NaN", "Infinity", "-1", "1e999", "9" * 41, "0x10", True, [], {}, [1], "ten", float("inf"))
ORDER_FIELDS: dict[str, tuple[Any, ...]] = {
    "orderId": (None, "", 0, -1, 1.5, "x", True, 2**70, []),
    "clientOrderId": (None, "", 7, "somebody-elses", "a" * 200),
    "symbol": (None, "", 7, "ETHUSDT"),
    "status": (None, "", 7, "filled", "DONE"),
    "side": (None, "LONG", "SELL"),
    "executedQty": (*ABSURD, "10.001", "0"),
    "origQty": ABSURD,
    "avgPrice": ("NaN", "-100", "1000.0", "1.0", {}),
    "cumQuote": ("NaN", "-1", "100", "1e5x", []),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ORDER_FIELDS.items() for value in values])
def test_an_order_with_a_field_that_cannot_be_is_unknown(name: str, value: Any) -> None:
    raw = RawVenue()
    raw.say("POST", "order", an_order(**{name: value}))
    raw.say("GET", "order", an_order(**{name: value}))
    with pytest.raises(Ambiguous, match=UNUSABLE):
        SENDING["an order"](raw.connect())
    if (name, value) != ("side", "SELL"):  # a question does not say which side it expects
        with pytest.raises(RetryLater, match=UNUSABLE):
            READING["an order"](raw.connect())


@pytest.mark.parametrize("name", ["orderId", "clientOrderId", "symbol", "status", "side", "executedQty", "origQty"])
def test_an_order_without_a_field_is_unknown(name: str) -> None:
    raw, order = RawVenue(), an_order()
    del order[name]
    raw.say("POST", "order", order)
    with pytest.raises(Ambiguous, match=UNUSABLE):
        SENDING["an order"](raw.connect())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algoId", None),
        ("clientAlgoId", "other"),
        ("symbol", "ETHUSDT"),
        ("algoStatus", "OPEN"),
        ("quantity", "NaN"),
        ("side", "BUY"),
    ],
)
def test_a_stop_with_a_field_that_cannot_be_is_unknown(name: str, value: Any) -> None:
    raw = RawVenue()
    raw.say("POST", "algoOrder", an_algo_order(**{name: value}))
    with pytest.raises(Ambiguous, match=UNUSABLE):
        SENDING["a stop"](raw.connect())


UNUSABLE_ROWS: dict[str, tuple[str, str, Json]] = {
    "a position of no market": ("positions", "positionRisk", [a_position(symbol=None)]),
    "a position of no quantity": ("positions", "positionRisk", [a_position(positionAmt=None)]),
    "a position of an absurd quantity": ("positions", "positionRisk", [a_position(positionAmt="1e30")]),
    "a position without a side": ("positions", "positionRisk", [a_position(positionSide=None)]),
    "a long that is short": ("positions", "positionRisk", [a_position(positionSide="SHORT")]),
    "a position without a price": ("positions", "positionRisk", [a_position(entryPrice="0.0")]),
    "a position twice": ("positions", "positionRisk", [a_position(), a_position()]),
    "a position among text": ("positions", "positionRisk", [a_position(), "x"]),
    "an object for a list": ("positions", "positionRisk", a_position()),
    "positions of another market": ("positions of a market", "positionRisk", [a_position(symbol="ETHUSDT")]),
    "a trade of another market": ("trades", "userTrades", [a_trade(symbol="ETHUSDT")]),
    "a trade before the time": ("trades", "userTrades", [a_trade(time=NOW_MS - 1)]),
    "a trade in seconds": ("trades", "userTrades", [a_trade(time=NOW_MS // 1000)]),
    "a trade of nothing": ("trades", "userTrades", [a_trade(qty="0")]),
    "a trade at no price": ("trades", "userTrades", [a_trade(price="-1")]),
    "a trade of no side": ("trades", "userTrades", [a_trade(side="buy")]),
    "a trade without an order": ("trades", "userTrades", [a_trade(orderId=None)]),
    "a trade twice": ("trades", "userTrades", [a_trade(), a_trade()]),
    "an open order of another market": ("open orders", "openOrders", [an_order(status="NEW", symbol="ETHUSDT")]),
    "an open order without an id": ("open orders", "openOrders", [an_order(clientOrderId=None)]),
    "an open stop without a state": ("open orders", "openAlgoOrders", [an_algo_order(algoStatus=None)]),
    "an account without equity": ("the balance", "account", an_account(totalMarginBalance=None)),
    "an account of NaN": ("the balance", "account", an_account(availableBalance="NaN")),
    "an account without assets": ("the balance", "account", an_account(assets={})),
    "an asset without a balance": ("the balance", "account", an_account(assets=[{"asset": "USDT"}])),
    "an asset twice": ("the balance", "account", an_account(assets=[{"asset": "USDT", "marginBalance": "1"}] * 2)),
    "a payment of another kind": ("funding", "income", [an_income(incomeType="COMMISSION")]),
    "a payment before the time": ("funding", "income", [an_income(time=NOW_MS - 1)]),
    "a payment after the time": ("funding", "income", [an_income(time=NOW_MS + 1)]),
    "a payment of no amount": ("funding", "income", [an_income(income="")]),
    "a payment in nothing": ("funding", "income", [an_income(asset="")]),
    "a payment for no market": ("funding", "income", [an_income(symbol=None)]),
    "a payment twice": ("funding", "income", [an_income(), an_income()]),
    "rates of another market": ("fee rates", "commissionRate", {**RATES, "symbol": "ETHUSDT"}),
    "a rate in per cent": ("fee rates", "commissionRate", {**RATES, "takerCommissionRate": "4"}),
    "no rate": ("fee rates", "commissionRate", {**RATES, "makerCommissionRate": None}),
    "brackets of one symbol twice": ("leverage caps", "leverageBracket", [BRACKETS, BRACKETS]),
    "brackets of no symbol": ("leverage caps", "leverageBracket", [{**BRACKETS, "symbol": ""}]),
    "no brackets": ("leverage caps", "leverageBracket", [{**BRACKETS, "brackets": None}]),
    "a bracket of no leverage": ("leverage caps", "leverageBracket", [with_bracket(initialLeverage=0)]),
    "a bracket without its cap": ("leverage caps", "leverageBracket", [with_bracket(notionalCap=None)]),
    "a cap of nothing": ("leverage caps", "leverageBracket", [with_bracket(notionalCap=0)]),
    "a coefficient of nothing": ("leverage caps", "leverageBracket", [{**BRACKETS, "notionalCoef": -1}]),
    "a mark of another market": ("a mark price", "premiumIndex", {"symbol": "ETHUSDT", "markPrice": "1"}),
    "a mark of nothing": ("a mark price", "premiumIndex", {"symbol": "BTCUSDT", "markPrice": "0"}),
}


@pytest.mark.parametrize(("ask", "endpoint", "answer"), UNUSABLE_ROWS.values(), ids=UNUSABLE_ROWS)
def test_rows_that_cannot_be_are_asked_for_again(ask: str, endpoint: str, answer: Json) -> None:
    raw = RawVenue()
    raw.say("GET", endpoint, answer)
    with pytest.raises(RetryLater, match=UNUSABLE):
        READING[ask](raw.connect())


@pytest.mark.parametrize("value", [None, "true", "false", 0, 1, "", [], {}], ids=repr)
@pytest.mark.parametrize("name", KEY_RIGHTS)
def test_a_right_that_is_neither_true_nor_false_is_asked_for_again(name: str, value: Any) -> None:
    raw = RawVenue()
    raw.say("GET", "account/apiRestrictions", some_rights(**{name: value}))
    with pytest.raises(RetryLater, match=UNUSABLE):
        raw.connect().key_rights()
    raw.say("GET", "account/apiRestrictions", {told: given for told, given in some_rights().items() if told != name})
    with pytest.raises(RetryLater, match=UNUSABLE):
        raw.connect().key_rights()


def test_json_of_infinity_and_nan_is_no_number() -> None:
    raw = RawVenue()
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "9" * 400):
        raw.say_bytes(json.dumps([a_position(positionAmt="@")]).replace('"@"', value).encode(), method="GET")
        with pytest.raises(RetryLater, match=UNUSABLE):
            READING["positions"](raw.connect())


@pytest.mark.parametrize(
    "rows",
    [
        [[NOW_MS - MINUTE_MS, "100", "101", "99", "100"]],
        [[str(NOW_MS), *some_klines()[0][1:]], "x"],
        some_klines()[::-1],
        [some_klines()[0], some_klines()[0]],
        [[*some_klines()[0][:6], NOW_MS + 1]],
        [[some_klines()[0][0], "NaN", *some_klines()[0][2:]]],
        [[some_klines()[0][0], "100", "99", "101", *some_klines()[0][4:]]],
        [[some_klines()[0][0], "-100", *some_klines()[0][2:]]],
        [[opened - 100 * MINUTE_MS, *rest, closed - 100 * MINUTE_MS] for opened, *rest, closed in [r[:7] for r in some_klines()]],
        [[opened + 1_000, *rest, closed + 1_000] for opened, *rest, closed in [r[:7] for r in some_klines()]],
    ],
    ids=[
        "short",
        "text",
        "backwards",
        "twice",
        "of another length",
        "NaN",
        "high below low",
        "negative",
        "before the start",
        "off a boundary",
    ],
)
def test_candles_that_cannot_be_are_asked_for_again(rows: Json) -> None:
    raw = RawVenue()
    raw.say("GET", "klines", rows)
    with pytest.raises(RetryLater, match=UNUSABLE):
        PUBLIC["candles"](raw.market_data())


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "ETHUSDT"},
        {"fundingTime": NOW_MS - 24 * 60 * MINUTE_MS - 1},
        {"fundingTime": NOW_MS},
        {"fundingTime": str(NOW_MS - 1)},
        {"fundingTime": some_funding_rates()[0]["fundingTime"]},
        {"fundingRate": "1"},
        {"fundingRate": "NaN"},
        {"fundingRate": None},
    ],
    ids=str,
)
def test_rates_of_funding_that_cannot_be_are_asked_for_again(change: dict[str, Any]) -> None:
    raw = RawVenue()
    first, last = some_funding_rates()
    raw.say("GET", "fundingRate", [first, last | change])
    with pytest.raises(RetryLater, match=UNUSABLE):
        PUBLIC["rates of funding"](raw.market_data())


def test_rates_of_funding_are_read_to_the_millisecond() -> None:
    first, last = PUBLIC["rates of funding"](RawVenue().market_data())
    assert (first.rate, last.rate) == (D("-0.00012345"), D("-0.00012345"))
    assert last.at == NOW - timedelta(minutes=1) + timedelta(milliseconds=4)
    assert last.at - first.at == timedelta(hours=8)


def test_a_venue_without_funding_has_no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = RawVenue()
    data = raw.market_data()
    monkeypatch.setitem(data._client("paper", BTC).has, "fetchFundingRateHistory", None)
    assert list(PUBLIC["rates of funding"](data)) == []


@pytest.mark.parametrize(
    ("endpoint", "change"),
    [
        ("ticker/bookTicker", {"symbol": "ETHUSDT"}),
        ("ticker/bookTicker", {"bidPrice": "0.00"}),
        ("ticker/bookTicker", {"bidPrice": "101.70"}),
        ("ticker/bookTicker", {"askPrice": "Infinity"}),
        ("premiumIndex", {"symbol": "ETHUSDT"}),
        ("premiumIndex", {"markPrice": None}),
        ("premiumIndex", {"markPrice": "1015.0"}),
        ("premiumIndex", {"lastFundingRate": "7"}),
    ],
)
def test_a_quote_that_cannot_be_is_asked_for_again(endpoint: str, change: dict[str, Any]) -> None:
    raw = RawVenue()
    raw.answers["GET", endpoint] = {**raw.answers["GET", endpoint], **change}  # type: ignore[dict-item]
    with pytest.raises(RetryLater, match=UNUSABLE):
        PUBLIC["a quote"](raw.market_data())


@pytest.mark.parametrize("answer", [[], {}, {"symbols": []}, {"symbols": [{}]}, {"symbols": {}}])
def test_a_catalogue_without_markets_is_none(answer: Json) -> None:
    with pytest.raises(AnswerUnusable):
        check_answer("GET", "exchangeInfo", {}, answer)


def test_an_error_of_a_reading_that_nobody_foresaw_is_an_instruction(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (KeyError("secret"), TypeError("secret"), RecursionError("secret"), ZeroDivisionError("secret")):

        def raising(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        raw = RawVenue()
        monkeypatch.setattr(ccxt.binanceusdm, "parse_order", raising)
        for call, kind in ((SENDING["an order"], Ambiguous), (READING["an order"], RetryLater)):
            with pytest.raises(DomainError) as told:
                call(raw.connect())
            assert (type(told.value), told.value.code, "secret" in repr(told.value)) == (kind, UNUSABLE, False)
            assert told.value.message.startswith(f"{type(error).__name__} in raising:")


# -- answers as they are -----------------------------------------------------------------------------------------------------


def test_honest_answers_are_read() -> None:
    raw = RawVenue()
    venue, data = raw.connect(), raw.market_data()
    placed = SENDING["an order"](venue)
    assert (placed.venue_order_id, placed.status, placed.filled_quantity) == (str(ENTRY_ID), VenueOrderStatus.FILLED, D(10))
    found = READING["an order"](venue)
    assert (found.average_price, found.fee) == (D(100), D("0.4"))
    for send in SENDING.values():
        send(venue)
    (position,) = venue.positions()
    assert (position.market, position.side, position.quantity, position.mark_price) == (BTC, PositionSide.LONG, D(10), D("101.5"))
    assert [order.trigger_price for order in venue.open_orders(BTC)] == [D(90)]
    assert [trade.fee for trade in venue.trades_since(BTC, NOW)] == [D("0.4")]
    assert venue.balance(NOW).equity == D("10014.6")
    assert len(PUBLIC["candles"](data)) == 3
    assert PUBLIC["a quote"](data).funding_rate == D("0.0001")


@pytest.mark.parametrize("name", ["trades", "trades of an order"])
def test_as_many_trades_are_asked_for_as_the_venue_lists_at_once(name: str) -> None:
    raw = RawVenue()
    READING[name](raw.connect())
    assert [asked["limit"] for _, endpoint, asked in raw.asked if endpoint == "userTrades"] == ["1000"]


def test_what_the_venue_has_charged_is_read_in_the_asset_that_was_paid() -> None:
    raw = RawVenue()
    raw.say("GET", "userTrades", [a_trade(commission="0.00081000", commissionAsset="BNB"), a_trade(id=2, commission="-0.1")])
    paid, rebate = raw.connect().trades_of(BTC, str(ENTRY_ID))
    assert (paid.fee, paid.fee_paid, paid.fee_asset) == (None, D("0.00081"), "BNB")
    assert (rebate.fee, rebate.fee_paid, rebate.fee_asset) == (D("-0.1"), D("-0.1"), "USDT")
    assert raw.asked[-1][2]["orderId"] == str(ENTRY_ID)


def test_funding_of_all_markets_is_read_in_its_order() -> None:
    raw = RawVenue()
    unknown = an_income(symbol="OLDUSDT", tranId=1)
    later = an_income(tranId=2, time=NOW_MS + 1, income="0.2", asset="USDC")
    raw.say("GET", "income", [later, an_income(), unknown])
    paid = raw.connect().funding(NOW, NOW + timedelta(seconds=1))
    told = [(each.market, each.asset, each.amount) for each in paid]
    assert told == [(BTC, "USDT", D("-0.1")), ("OLDUSDT", "USDT", D("-0.1")), (BTC, "USDC", D("0.2"))]
    asked = raw.asked[-1][2]
    assert (asked["incomeType"], asked["limit"], asked["endTime"]) == ("FUNDING_FEE", "1000", str(NOW_MS + 1000))


def test_rates_of_the_account_and_a_mark_are_read() -> None:
    venue = RawVenue().connect()
    rates = venue.fee_rates(BTC, NOW)
    assert (rates.maker, rates.taker, rates.as_of) == (D("0.0002"), D("0.0004"), NOW)
    assert venue.mark_of("BTC", "USDT") == D("101.5")


@pytest.mark.parametrize(
    ("leverage", "notional"), [(75, D(15_000)), (51, D(15_000)), (50, D(75_000)), (1, D(2**63 - 1) * D("1.5")), (76, None)]
)
def test_the_cap_of_a_leverage_is_that_of_the_last_bracket_that_allows_it(leverage: int, notional: Decimal | None) -> None:
    caps = RawVenue().connect().leverage_caps({BTC: D(leverage)}, NOW)
    assert caps == {BTC: LeverageCap(D(leverage), notional, NOW)}


def test_a_market_that_the_venue_lists_no_brackets_for_has_no_cap() -> None:
    raw = RawVenue()
    raw.say("GET", "leverageBracket", [{**BRACKETS, "symbol": "ETHUSDT"}])
    assert raw.connect().leverage_caps({BTC: D(1)}, NOW) == {BTC: LeverageCap(D(1), None, NOW)}


def test_assets_have_a_margin_balance_each() -> None:
    raw = RawVenue()
    assets = [
        {"asset": "USDT", "marginBalance": "10014.6"},
        {"asset": "USDC", "marginBalance": "7"},
        {"asset": "X", "marginBalance": "0"},
    ]
    raw.say("GET", "account", an_account(assets=assets))
    assert raw.connect().balance(NOW).assets == {"USDT": D("10014.6"), "USDC": D(7)}


def test_a_market_that_is_flat_is_named_and_holds_nothing() -> None:
    raw = RawVenue()
    raw.say("GET", "positionRisk", [])
    assert raw.connect().positions() == []
    assert raw.connect().positions_in(BTC) == []
    ((method, endpoint, parameters),) = raw.asked[1:]
    assert (method, endpoint, parameters["symbol"]) == ("GET", "positionRisk", "BTCUSDT")


def test_sides_of_hedge_mode_stand_beside_each_other() -> None:
    raw = RawVenue()
    raw.say(
        "GET",
        "positionRisk",
        [
            a_position(positionAmt="0.000", entryPrice="0.0", notional="0"),
            a_position(positionSide="LONG", positionAmt="0.005", entryPrice="50000.0", markPrice="51000.0", notional="255.0"),
            a_position(positionSide="SHORT", positionAmt="-0.002", entryPrice="52000.0", markPrice="51000.0", notional="-102.0"),
        ],
    )
    told = [(held.side, held.quantity, held.mark_price) for held in raw.connect().positions()]
    assert told == [(PositionSide.LONG, D("0.005"), D(51_000)), (PositionSide.SHORT, D("0.002"), D(51_000))]


@pytest.mark.parametrize(
    "mark", [{"markPrice": "1015.0"}, {"markPrice": "0.00000000"}, {"markPrice": ""}, {"notional": "101.5"}, {"notional": "0"}]
)
def test_a_mark_that_disagrees_with_its_notional_moves_no_stop(mark: dict[str, Any]) -> None:
    raw = RawVenue()
    raw.say("GET", "positionRisk", [a_position(**mark)])
    (position,) = raw.connect().positions()
    assert (position.quantity, position.mark_price) == (D(10), None)


@pytest.mark.parametrize(
    "order",
    [
        an_order(status="NEW", executedQty="0.000", avgPrice="0.00000", cumQuote="0.00000"),
        an_order(status="PARTIALLY_FILLED", executedQty="4.000", avgPrice="100.0", cumQuote="400.0"),
        an_order(status="EXPIRED", executedQty="4.000", avgPrice="100.0", cumQuote="400.0"),
        an_order(status="EXPIRED_IN_MATCH", executedQty="0", avgPrice="0", cumQuote="0"),
        an_order(cumQuote="1004.70000"),  # an average is rounded
        an_order(avgPrice="0.00000"),  # told in quote units only
        an_order(orderId=str(ENTRY_ID), goodTillDate="0", updateTime=str(NOW_MS)),  # whole numbers as text
    ],
)
def test_each_state_of_an_order_is_read(order: dict[str, Any]) -> None:
    raw = RawVenue()
    raw.say("GET", "order", order)
    found = READING["an order"](raw.connect())
    assert found.filled_quantity == D(order["executedQty"])


def test_a_position_that_a_real_account_held_is_read() -> None:
    """A long of 0.009 BTC in July 2024, as v3 told it."""
    raw, seen = (
        RawVenue(),
        a_position(positionAmt="0.009", entryPrice="67445.9", markPrice="67502.68519858", notional="607.52416678"),
    )
    raw.say("GET", "positionRisk", [seen | {"unRealizedProfit": "0.51106678", "adl": "2", "updateTime": "1722161166529"}])
    (position,) = raw.connect().positions()
    assert (position.quantity, position.mark_price, position.unrealised_pnl) == (D("0.009"), D("67502.68519858"), D("0.51106678"))


def test_a_real_conditional_order_is_read() -> None:
    """Fields of a take-profit that waited in June 2025; later ones may be missing, `null` or empty."""
    raw = RawVenue()
    for change in ({"icebergQuantity": None}, {"actualOrderId": None}, {"actualOrderId": ""}, {"triggerPrice": ""}):
        raw.say("GET", "algoOrder", an_algo_order(**change))
        assert READING["a stop"](raw.connect()).status is VenueOrderStatus.OPEN
