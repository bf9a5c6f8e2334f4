"""Laws of the firewall and of sizes: a signal that passes is near the mark, and a size holds at the mark."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.orders.sizing import entry_quantity
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.signals.verdict import judge
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.reasons import Denial
from tests.support.builders import NOW, VENUE, a_market, a_quote, a_signal, settings

D = Decimal
MARKS = st.decimals(D("0.0001"), D(1_000_000), places=4)
FACTORS = st.one_of(st.decimals(D("0.9"), D("1.1"), places=4), st.decimals(D("0.01"), D(100), places=3))
ABSURD = st.builds(lambda digit, exponent: D(digit).scaleb(exponent), st.integers(1, 9), st.integers(-900_000, 900_000))
MAYBE = st.one_of(st.none(), FACTORS)
ACTIONS = st.sampled_from([Action.LONG, Action.SHORT])
TYPES = st.sampled_from([None, EntryType.LIMIT, EntryType.STOP])


@given(MARKS, ACTIONS, MAYBE, MAYBE, MAYBE, TYPES, FACTORS)
def test_what_passes_is_near_the_mark_and_its_stop_is_on_the_losing_side_of_where_it_opens(
    mark: Decimal,
    action: Action,
    price: Decimal | None,
    stop: Decimal | None,
    target: Decimal | None,
    kind: EntryType | None,
    own: Decimal,
) -> None:
    terms: dict[str, Any] = {} if kind is None else {"price" if kind is EntryType.LIMIT else "trigger_price": mark * own}
    signal = a_signal(
        action,
        price=None if price is None else mark * price,
        stop_loss=None if stop is None else mark * stop,
        take_profits=() if target is None else (TakeProfit(mark * target),),
        entry=None if kind is None else EntryOrder(type=kind, **terms),
    )
    verdict = judge(signal, VENUE, a_quote(mark), NOW)
    if verdict.is_quarantined:
        return
    sign = 1 if action is Action.LONG else -1
    opens = mark * own if kind is not None else signal.price or mark
    assert abs(opens - mark) * 100 <= mark * (5 if kind is None else 10)
    if signal.stop_loss is not None:
        assert (opens - signal.stop_loss) * sign > 0
        assert kind is EntryType.STOP or (mark - signal.stop_loss) * sign > 0
    assert all((rung.price - opens) * sign > 0 for rung in signal.take_profits)


@given(MARKS, ACTIONS, ABSURD, ABSURD, ABSURD, ABSURD, TYPES)
def test_no_number_makes_the_verdict_fail(
    mark: Decimal, action: Action, price: Decimal, stop: Decimal, target: Decimal, atr: Decimal, kind: EntryType | None
) -> None:
    terms: dict[str, Any] = {} if kind is None else {"price" if kind is EntryType.LIMIT else "trigger_price": price}
    signal = a_signal(
        action,
        price=price,
        stop_loss=stop,
        atr=atr,
        take_profits=(TakeProfit(target),),
        entry=None if kind is None else EntryOrder(type=kind, **terms),
    )
    verdict = judge(signal, VENUE, a_quote(mark), NOW)
    assert verdict.is_quarantined == (verdict.denial is not None)


@given(
    st.decimals(D(1), D(100_000), places=1),
    st.decimals(D(1), D(100_000), places=1),
    st.decimals(D(1), D(100_000), places=1),
    st.sampled_from(list(SizingMode)),
)
def test_money_and_risk_hold_at_the_price_and_at_the_mark(price: Decimal, mark: Decimal, stop: Decimal, mode: SizingMode) -> None:
    if mode is SizingMode.KELLY:
        return  # a fraction of its own, then as the other modes by risk
    value = D(1) if "PERCENT" in mode or mode is SizingMode.VOLATILITY_TARGET else D(1_000)
    sized = entry_quantity(settings(sizing=Sizing(mode, value)), price, stop, a_market(), mark=mark, equity=D(10_000), atr=D(10))
    if isinstance(sized, Denial):
        return
    if mode in (SizingMode.FIXED_NOTIONAL, SizingMode.PERCENT_OF_CAPITAL, SizingMode.PERCENT_OF_EQUITY):
        most = value if mode is SizingMode.FIXED_NOTIONAL else D(100)
        assert sized * max(price, mark) <= most
    if mode in (SizingMode.RISK_AMOUNT, SizingMode.RISK_PERCENT):
        most = value if mode is SizingMode.RISK_AMOUNT else D(100)
        assert sized * max(abs(price - stop), abs(mark - stop)) <= most
