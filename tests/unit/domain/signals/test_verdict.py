"""The verdict on a signal: prices that no market of the moment explains are quarantined, each with its reason."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.signals.verdict import (
    MAX_PRICE_DEVIATION_PERCENT,
    MAX_RESTING_DISTANCE_PERCENT,
    Verdict,
    VerdictState,
    judge,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.reasons import Denial, Reason
from tests.support.builders import BTC, NOW, STRATEGY, VENUE, a_quote, a_signal, after

D = Decimal
LONG, SHORT = Action.LONG, Action.SHORT


def limit(price: str) -> EntryOrder:
    return EntryOrder(type=EntryType.LIMIT, price=D(price))


def stop(trigger: str) -> EntryOrder:
    return EntryOrder(type=EntryType.STOP, trigger_price=D(trigger))


def stop_limit(trigger: str, price: str) -> EntryOrder:
    return EntryOrder(type=EntryType.STOP_LIMIT, trigger_price=D(trigger), price=D(price))


def target(*prices: str) -> tuple[TakeProfit, ...]:
    return tuple(TakeProfit(D(price), D("0.5")) for price in prices)


def verdict(action: Action = LONG, mark: str = "100", **signal: Any) -> Verdict:
    """On a signal at 100, in a market at 100."""
    return judge(a_signal(action, **signal), VENUE, a_quote(D(mark)), after(1))


PLAUSIBLE: tuple[tuple[Action, dict[str, Any]], ...] = (
    (LONG, {}),
    (LONG, {"price": None, "stop_loss": D(90)}),
    (LONG, {"price": D(105), "stop_loss": D(90), "take_profits": target("110", "120")}),
    (LONG, {"price": D(95)}),
    (SHORT, {"price": D(105), "stop_loss": D(110), "take_profits": target("90", "80")}),
    (LONG, {"stop_loss": D(50)}),
    (SHORT, {"stop_loss": D(150)}),
    (LONG, {"take_profits": target("300")}),
    (SHORT, {"take_profits": target("34")}),
    (LONG, {"entry": limit("90"), "stop_loss": D(80)}),
    (LONG, {"entry": limit("90"), "price": D(90), "stop_loss": D(89), "take_profits": target("95")}),
    (SHORT, {"entry": limit("110"), "stop_loss": D(120), "take_profits": target("105")}),
    (LONG, {"entry": stop("110"), "stop_loss": D(105), "take_profits": target("115")}),
    (SHORT, {"entry": stop("90"), "stop_loss": D(95)}),
    (LONG, {"entry": stop_limit("105", "106"), "stop_loss": D(104)}),
    (LONG, {"atr": D("0.001")}),
    (LONG, {"atr": D(50)}),
)

IMPLAUSIBLE: tuple[tuple[Reason, Action, dict[str, Any], str | None, str | None], ...] = (
    (Reason.PRICE_COLLAR, LONG, {"price": D(1)}, "99", "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D(1_000)}, "900", "5"),  # a typing error
    (Reason.PRICE_COLLAR, SHORT, {"price": D(10)}, "90", "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D("94.99")}, "5.01", "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D("105.01")}, "5.01", "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D("1e9999")}, None, "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D("1e-9999")}, None, "5"),
    (Reason.PRICE_COLLAR, LONG, {"price": D(80), "entry": limit("95")}, "20", "10"),
    (Reason.RESTING_DISTANCE, SHORT, {"entry": limit("1")}, "99", "10"),  # far below the market: at market, in truth
    (Reason.RESTING_DISTANCE, LONG, {"entry": limit("89.9")}, "10.1", "10"),
    (Reason.RESTING_DISTANCE, LONG, {"entry": limit("1000")}, "900", "10"),
    (Reason.RESTING_DISTANCE, LONG, {"entry": stop("1")}, "99", "10"),
    (Reason.RESTING_DISTANCE, LONG, {"entry": stop_limit("105", "111")}, "11", "10"),
    (Reason.TRIGGER_ON_WRONG_SIDE, LONG, {"entry": stop("99")}, "99", "100"),
    (Reason.TRIGGER_ON_WRONG_SIDE, SHORT, {"entry": stop("101")}, "101", "100"),
    (Reason.TRIGGER_ON_WRONG_SIDE, LONG, {"entry": stop("100")}, "100", "100"),
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"stop_loss": D(100)}, "100", "100"),
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"price": D(105), "stop_loss": D(102)}, "102", "100"),  # of the mark
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"price": D(95), "stop_loss": D(97)}, "97", "95"),  # of the reference
    (Reason.STOP_ON_WRONG_SIDE, SHORT, {"stop_loss": D(90)}, "90", "100"),
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"price": None, "stop_loss": D(101)}, "101", "100"),
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"entry": limit("105"), "stop_loss": D(102)}, "102", "100"),  # it is filled at once
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"entry": limit("90"), "stop_loss": D(95)}, "95", "90"),
    (Reason.STOP_ON_WRONG_SIDE, LONG, {"entry": stop("105"), "stop_loss": D(106)}, "106", "105"),
    (Reason.STOP_IMPLAUSIBLE, LONG, {"stop_loss": D("0.9")}, "99.1", "50"),
    (Reason.STOP_IMPLAUSIBLE, SHORT, {"stop_loss": D(1_100)}, "1000", "50"),
    (Reason.TARGET_ON_WRONG_SIDE, LONG, {"take_profits": target("110", "99")}, "99", "100"),
    (Reason.TARGET_ON_WRONG_SIDE, LONG, {"price": D(95), "take_profits": target("99")}, "99", "100"),
    (Reason.TARGET_ON_WRONG_SIDE, SHORT, {"take_profits": target("101")}, "101", "100"),
    (Reason.TARGET_IMPLAUSIBLE, LONG, {"take_profits": target("105", "1050")}, "10.5", "3"),
    (Reason.TARGET_IMPLAUSIBLE, SHORT, {"take_profits": target("10")}, "10", "3"),
    (Reason.TARGET_IMPLAUSIBLE, LONG, {"take_profits": target("1e999990")}, None, "3"),
    (Reason.ATR_IMPLAUSIBLE, LONG, {"atr": D("0.0009")}, "0.0009", "0.001"),
    (Reason.ATR_IMPLAUSIBLE, LONG, {"atr": D("50.1")}, "50.1", "50"),
    (Reason.ATR_IMPLAUSIBLE, LONG, {"atr": D("1e999990")}, None, "50"),
)


@pytest.mark.parametrize(("action", "signal"), PLAUSIBLE)
def test_prices_near_the_market_pass_with_the_quote_that_they_were_compared_with(action: Action, signal: dict[str, Any]) -> None:
    passed = verdict(action, **signal)
    assert (passed.state, passed.denial, passed.mark_price, passed.judged_at) == (VerdictState.PASSED, None, D(100), after(1))


@pytest.mark.parametrize(("reason", "action", "signal", "value", "bound"), IMPLAUSIBLE)
def test_prices_that_the_market_does_not_explain_are_quarantined_with_value_bound_and_mark(
    reason: Reason, action: Action, signal: dict[str, Any], value: str | None, bound: str | None
) -> None:
    held = verdict(action, **signal)
    assert held.is_quarantined
    assert held.denial is not None
    assert (held.denial.reason, held.mark_price) == (reason, D(100))
    assert value is None or held.denial.value == D(value)
    assert bound is None or held.denial.bound == D(bound)


@pytest.mark.parametrize("factor", ["0.01", "0.1", "0.5", "2", "10", "100"])
@pytest.mark.parametrize("action", [LONG, SHORT])
@pytest.mark.parametrize("kind", ["price", "limit", "stop"])
def test_a_price_that_is_wrong_by_a_factor_never_passes(factor: str, action: Action, kind: str) -> None:
    wrong = D(100) * D(factor)
    order = {"price": None, "limit": limit(str(wrong)), "stop": stop(str(wrong))}[kind]
    signal: dict[str, Any] = {"price": wrong} if order is None else {"entry": order}
    assert verdict(action, **signal).is_quarantined


@pytest.mark.parametrize("action", [Action.EXIT, Action.EXIT_LONG, Action.EXIT_SHORT])
def test_an_exit_passes_whatever_its_price_and_without_a_quote(action: Action) -> None:
    for price in (None, D(1), D("1e9999")):
        passed = judge(a_signal(action, price=price), VENUE, None, NOW)
        assert (passed.state, passed.quote) == (VerdictState.PASSED, None)


def test_an_entry_without_a_quote_is_held_back_with_a_reason_of_its_own() -> None:
    assert judge(a_signal(), VENUE, None, NOW).denial == Denial(Reason.QUOTE_MISSING)
    assert judge(a_signal(), VENUE, None, NOW, Reason.UNKNOWN_MARKET).denial == Denial(Reason.UNKNOWN_MARKET)


def test_the_bounds_are_those_of_the_guide() -> None:
    assert (D(5), D(10)) == (MAX_PRICE_DEVIATION_PERCENT, MAX_RESTING_DISTANCE_PERCENT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": VerdictState.QUARANTINED, "quote": a_quote()},
        {"state": VerdictState.PASSED, "quote": a_quote(), "denial": Denial(Reason.PRICE_COLLAR)},
        {"state": VerdictState.PASSED, "quote": None},
    ],
)
def test_a_verdict_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        Verdict(signal_id="signal-1", strategy_id=STRATEGY, venue=VENUE, market=BTC, action=LONG, judged_at=NOW, **wrong)
