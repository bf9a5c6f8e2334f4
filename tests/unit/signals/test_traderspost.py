"""TradersPost's body: the meaning of each combination, and combinations that are refused rather than half done."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.signals.refusal import Refusal
from tests.support.parsing import parse, refusal

BUY: dict[str, Any] = {"ticker": "BTCUSDT", "action": "buy", "price": 100}
SELL: dict[str, Any] = {"ticker": "BTCUSDT", "action": "sell", "price": 100}


@pytest.mark.parametrize(
    ("action", "sentiment", "meaning"),
    [
        ("buy", None, Action.LONG),
        ("buy", "bullish", Action.LONG),
        ("buy", "long", Action.LONG),
        ("buy", "bearish", Action.EXIT_SHORT),
        ("buy", "short", Action.EXIT_SHORT),
        ("buy", "flat", Action.EXIT_SHORT),
        ("sell", None, Action.SHORT),
        ("sell", "bearish", Action.SHORT),
        ("sell", "short", Action.SHORT),
        ("sell", "bullish", Action.EXIT_LONG),
        ("sell", "long", Action.EXIT_LONG),
        ("sell", "flat", Action.EXIT_LONG),
        ("exit", None, Action.EXIT),
        ("exit", "flat", Action.EXIT),
        ("Buy", "LONG", Action.LONG),
        ("sell", "", Action.SHORT),
    ],
)
def test_action_and_sentiment_name_the_position_that_should_be_open_afterwards(
    action: str, sentiment: str | None, meaning: Action
) -> None:
    assert parse(ticker="BTCUSDT", action=action, sentiment=sentiment).action is meaning


@pytest.mark.parametrize(
    ("action", "sentiment", "reason"),
    [
        ("bu", None, Refusal.INVALID_ACTION),
        ("hold", None, Refusal.INVALID_ACTION),
        ("", None, Refusal.MISSING_FIELD),
        (None, None, Refusal.MISSING_FIELD),
        (7, None, Refusal.INVALID_TEXT),
        ("{{strategy.order.action}}", None, Refusal.UNRESOLVED_PLACEHOLDER),
        ("buy", "up", Refusal.INVALID_SENTIMENT),
        ("exit", "bullish", Refusal.INVALID_SENTIMENT),
        ("exit", "short", Refusal.INVALID_SENTIMENT),
        ("buy", "{{strategy.market_position}}", Refusal.UNRESOLVED_PLACEHOLDER),
        ("cancel", None, Refusal.UNSUPPORTED_ACTION),
        ("add", None, Refusal.UNSUPPORTED_ACTION),
        ("reverse", None, Refusal.UNSUPPORTED_ACTION),
        ("breakeven", None, Refusal.UNSUPPORTED_ACTION),
    ],
)
def test_what_names_no_position_is_refused(action: Any, sentiment: Any, reason: Refusal) -> None:
    assert refusal(ticker="BTCUSDT", action=action, sentiment=sentiment) is reason


@pytest.mark.parametrize("price", [42000.5, "42000.5", " 42000.5 ", "4.20005e4"])
def test_a_price_may_be_quoted(price: object) -> None:
    assert parse(ticker="BTCUSDT", action="buy", price=price).price == Decimal("42000.5")


@pytest.mark.parametrize("price", [0, -1, "0", "NaN", "1,000", "0x10", "1e99", "9" * 41, "", True, [1], {"a": 1}])
def test_a_price_that_is_no_number_above_zero_is_refused_unless_it_is_empty(price: object) -> None:
    if price == "":
        assert parse(ticker="BTCUSDT", action="buy", price=price).price is None
    else:
        assert refusal(ticker="BTCUSDT", action="buy", price=price) is Refusal.INVALID_NUMBER


@pytest.mark.parametrize("price", ["{{close}}", "{{ close }}", "%last_price%"])
def test_a_placeholder_that_was_never_filled_in_is_refused(price: str) -> None:
    assert refusal(ticker="BTCUSDT", action="buy", price=price) is Refusal.UNRESOLVED_PLACEHOLDER


def test_an_unfilled_ticker_is_a_placeholder_too() -> None:
    assert refusal(ticker="{{ticker}}", action="buy") is Refusal.UNRESOLVED_PLACEHOLDER


@pytest.mark.parametrize("ticker", ["", None, "   "])
def test_a_ticker_is_required(ticker: object) -> None:
    assert refusal(ticker=ticker, action="buy") is Refusal.MISSING_FIELD


def test_signal_price_and_its_alias_are_the_reference_price() -> None:
    assert parse(ticker="BTCUSDT", action="buy", signalPrice="101").price == Decimal(101)
    assert parse(ticker="BTCUSDT", action="buy", signalPrice="101", price="99").price == Decimal(101)


@pytest.mark.parametrize(
    ("body", "stop_loss", "stop"),
    [
        (BUY, {"type": "stop", "stopPrice": "95.5"}, "95.5"),
        (BUY, {"stopPrice": 95}, "95"),
        (BUY, {"type": "stop", "percent": 5}, "95"),
        (BUY, {"percent": "2.5"}, "97.5"),
        (BUY, {"amount": 10}, "90"),
        (SELL, {"stopPrice": 105}, "105"),
        (SELL, {"percent": 5}, "105"),
        (SELL, {"amount": "0.5"}, "100.5"),
        (BUY, {}, None),
        (BUY, None, None),
    ],
)
def test_a_stop_is_a_price_or_a_distance_on_the_losing_side(body: dict[str, Any], stop_loss: Any, stop: str | None) -> None:
    assert parse(**body, stopLoss=stop_loss).stop_loss == (None if stop is None else Decimal(stop))


@pytest.mark.parametrize(
    ("body", "take_profit", "target"),
    [
        (BUY, {"limitPrice": 110}, "110"),
        (BUY, {"percent": 10}, "110"),
        (BUY, {"amount": "7.5"}, "107.5"),
        (SELL, {"limitPrice": "90"}, "90"),
        (SELL, {"percent": 10}, "90"),
        (SELL, {"amount": 7}, "93"),
    ],
)
def test_a_target_is_a_price_or_a_distance_on_the_winning_side(body: dict[str, Any], take_profit: Any, target: str) -> None:
    assert parse(**body, takeProfit=take_profit).take_profits == (TakeProfit(Decimal(target)),)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stopLoss": {"percent": 5, "stopPrice": 95}}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": {"type": "stop"}}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": {"type": "guess", "percent": 5}}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": "5%"}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": {"percent": 100}}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": {"amount": 100}}, Refusal.INVALID_STOP_LOSS),
        ({"stopLoss": {"percent": -5}}, Refusal.INVALID_NUMBER),
        ({"stopLoss": {"percent": "{{plot_0}}"}}, Refusal.UNRESOLVED_PLACEHOLDER),
        ({"stopLoss": {"stopPrice": 101}}, Refusal.STOP_ON_WRONG_SIDE),
        ({"stopLoss": {"stopPrice": 100}}, Refusal.STOP_ON_WRONG_SIDE),
        ({"stopLoss": {"type": "stop_limit", "stopPrice": 95, "limitPrice": 94}}, Refusal.UNSUPPORTED_STOP_TYPE),
        ({"stopLoss": {"stopPrice": 95, "limitPrice": 94}}, Refusal.UNSUPPORTED_STOP_TYPE),
        ({"stopLoss": {"type": "trailing_stop", "trailPercent": 1}}, Refusal.UNSUPPORTED_TRAILING_STOP),
        ({"stopLoss": {"trailAmount": 1}}, Refusal.UNSUPPORTED_TRAILING_STOP),
        ({"takeProfit": {"percent": 5, "amount": 5}}, Refusal.INVALID_TAKE_PROFIT),
        ({"takeProfit": {"price": 110}}, Refusal.INVALID_TAKE_PROFIT),
        ({"takeProfit": [110]}, Refusal.INVALID_TAKE_PROFIT),
        ({"takeProfit": {"limitPrice": 99}}, Refusal.TARGET_ON_WRONG_SIDE),
        ({"orderType": "limit", "limitPrice": 99}, Refusal.UNSUPPORTED_ORDER_TYPE),
        ({"orderType": "stop", "stopPrice": 101}, Refusal.UNSUPPORTED_ORDER_TYPE),
        ({"orderType": "stop_limit"}, Refusal.UNSUPPORTED_ORDER_TYPE),
        ({"orderType": "trailing_stop", "trailAmount": 1}, Refusal.UNSUPPORTED_ORDER_TYPE),
        ({"limitPrice": 99}, Refusal.UNSUPPORTED_ORDER_TYPE),
        ({"orderType": "iceberg"}, Refusal.INVALID_ORDER_TYPE),
        ({"timeInForce": "opg"}, Refusal.UNSUPPORTED_TIME_IN_FORCE),
        ({"optionType": "call"}, Refusal.UNSUPPORTED_OPTIONS),
        ({"strikesAway": 2}, Refusal.UNSUPPORTED_OPTIONS),
        ({"delay": 30}, Refusal.UNSUPPORTED_DELAY),
        ({"time": "yesterday"}, Refusal.INVALID_TIME),
        ({"time": "{{timenow}}"}, Refusal.UNRESOLVED_PLACEHOLDER),
    ],
)
def test_what_would_only_be_half_done_is_refused_with_its_reason(fields: dict[str, Any], reason: Refusal) -> None:
    assert refusal(**BUY, **fields) is reason


LOST_TERMS: list[tuple[dict[str, Any], Refusal]] = [
    ({"stop_loss": 95}, Refusal.UNKNOWN_FIELD),
    ({"StopLoss": {"percent": 5}}, Refusal.UNKNOWN_FIELD),
    ({"stoploss": "95"}, Refusal.UNKNOWN_FIELD),
    ({"sl": 95, "stopLoss": {"percent": 5}}, Refusal.UNKNOWN_FIELD),
    ({"take_profit": 110}, Refusal.UNKNOWN_FIELD),
    ({"take_profits": [110]}, Refusal.UNKNOWN_FIELD),
    ({"tp": 110}, Refusal.UNKNOWN_FIELD),
    ({"entry": {"type": "LIMIT", "price": 99}}, Refusal.UNSUPPORTED_ORDER_TYPE),
]


@pytest.mark.parametrize(("fields", "reason"), LOST_TERMS)
def test_an_entry_is_refused_if_its_stop_target_or_terms_have_the_name_of_another_dialect(
    fields: dict[str, Any], reason: Refusal
) -> None:
    assert refusal(**BUY, **fields) is reason


@pytest.mark.parametrize("fields", [fields for fields, _ in LOST_TERMS])
def test_an_exit_is_taken_with_terms_of_another_dialect(fields: dict[str, Any]) -> None:
    exiting = {"ticker": "BTCUSDT", "action": "exit"}
    assert parse(**exiting, **fields).action is parse(**exiting).action


@pytest.mark.parametrize("fields", [{"stop_loss": None}, {"sl": ""}, {"entry": "99"}])
def test_an_empty_stop_and_a_price_named_entry_are_ignored(fields: dict[str, Any]) -> None:
    assert parse(**BUY, **fields) == parse(**BUY)


@pytest.mark.parametrize("bracket", [{"stopLoss": {"percent": 5}}, {"takeProfit": {"amount": 5}}])
def test_a_distance_without_a_price_is_refused(bracket: dict[str, Any]) -> None:
    assert refusal(ticker="BTCUSDT", action="buy", **bracket) is Refusal.PRICE_REQUIRED


def test_a_target_on_the_stop_s_side_is_refused_without_a_price_too() -> None:
    bracket = {"stopLoss": {"stopPrice": 100}, "takeProfit": {"limitPrice": 99}}
    assert refusal(ticker="BTCUSDT", action="buy", **bracket) is Refusal.TARGET_ON_WRONG_SIDE


@pytest.mark.parametrize(
    "fields",
    [
        {"orderType": "market", "limitPrice": 99},
        {"timeInForce": "gtc"},
        {"delay": 0},
        {"cancel": True},
        {"extendedHours": False},
        {"strategy": {"anything": 1}},
    ],
)
def test_what_changes_nothing_for_a_market_order_is_ignored(fields: dict[str, Any]) -> None:
    assert parse(**BUY, **fields) == parse(**BUY)


def test_an_exit_ignores_stop_and_target() -> None:
    parsed = parse(ticker="BTCUSDT", action="exit", stopLoss={"percent": 5}, takeProfit={"type": "odd"})
    assert (parsed.stop_loss, parsed.take_profits) == (None, ())


def test_quantities_decide_nothing_and_are_kept_as_metadata() -> None:
    parsed = parse(**BUY, quantity="0.25", quantityType="fixed_quantity", interval=5, extras={"rsi": 23, "deep": {"x": 1}})
    assert parsed.metadata == {
        "dialect": "traderspost",
        "quantity": "0.25",
        "quantityType": "fixed_quantity",
        "interval": "5",
        "rsi": "23",
    }


def test_metadata_is_cut_to_what_a_signal_may_carry() -> None:
    extras = {f"k{i}": "x" * 1_000 for i in range(40)} | {"dialect": "forged", "\x00": "a", "half": "\ud800"}
    metadata = parse(**BUY, extras=extras).metadata
    assert metadata["dialect"] == "traderspost"
    assert len(metadata) == 16
    assert {len(name) + len(value) for name, value in metadata.items() if name != "dialect"} == {256}


@pytest.mark.parametrize(
    ("action", "quantity", "refused"), [("exit", 50, True), ("exit", "100", False), ("exit", 150, False), ("buy", 50, False)]
)
def test_a_share_of_the_position_is_closed_whole_or_refused(action: str, quantity: object, refused: bool) -> None:
    body = {"ticker": "BTCUSDT", "action": action, "quantityType": "percent_of_position", "quantity": quantity}
    if refused:
        assert refusal(**body) is Refusal.UNSUPPORTED_PARTIAL_EXIT
    else:
        assert parse(**body)


@pytest.mark.parametrize(
    "time", ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00+01:00", 1795176000, "1795176000000", "2026-11-20T12:00:00.000Z"]
)
def test_the_sender_s_time_is_read_as_an_instant(time: object) -> None:
    assert parse(**BUY, time=time).sent_at == datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    ["2026-11-20T12:00:00", "2026-11-20", "0001-01-01T00:00:00+23:59", "1e18", "9" * 5_000, 1e300, -1e18, True, {}, "soon"],
)
def test_a_time_that_names_no_instant_is_refused(time: object) -> None:
    assert refusal(**BUY, time=time) is Refusal.INVALID_TIME


@pytest.mark.parametrize("name", ["signalPrice", "price", "time"])
@pytest.mark.parametrize("odd", ["nonsense", "{{close}}", "-1", "0", "1e400", [], {}, True])
def test_an_exit_is_taken_whatever_explains_it(name: str, odd: Any) -> None:
    parsed = parse(ticker="BTCUSDT", action="exit", **{name: odd})
    assert parsed.action is Action.EXIT
    assert parsed.price is None
