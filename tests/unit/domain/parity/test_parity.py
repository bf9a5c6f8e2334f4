"""A day of parity in numbers, and decisions in words."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from candlecast.domain.parity.compare import HOLD, Decided
from candlecast.domain.parity.parity import (
    MAX_DAYS,
    MAX_DIFFERENCES,
    ParityCause,
    days_since,
    end_of,
    start_of,
)
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.parity_share import ParityShare
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, a_signal, after, an_execution
from tests.support.fakes.parity_days import a_difference, a_parity_day

DAY = date(2026, 11, 20)


def test_a_day_counts_what_was_compared_and_lists_the_first_differences_by_their_close() -> None:
    others = [a_difference(candle_close=after(60 * n), cause=ParityCause.CLOCK) for n in reversed(range(1, MAX_DIFFERENCES + 3))]
    unchanged = a_difference(decides_otherwise=False)
    day = a_parity_day(differences=[*others, unchanged, a_difference(cause=ParityCause.CODE)], equal=5)
    assert day.causes == {ParityCause.REVISED: 1, ParityCause.CODE: 1, ParityCause.CLOCK: MAX_DIFFERENCES + 2}
    assert (day.checked, day.equal, day.otherwise) == (5 + 1 + MAX_DIFFERENCES + 2, 5, MAX_DIFFERENCES + 2)
    assert len(day.differences) == MAX_DIFFERENCES
    assert [each.candle_close for each in day.differences] == sorted(each.candle_close for each in day.differences)


def test_a_share_counts_decisions_alone_and_never_rounds_up() -> None:
    days = [a_parity_day(equal=9_999), a_parity_day(differences=[a_difference(decides_otherwise=False)], equal=29_999)]
    share = ParityShare.of(days)
    assert (share.days, share.checked, share.otherwise) == (2, 40_000, 1)
    assert share.percent == Decimal("99.99")
    assert ParityShare.of(days[1:]).percent == 100
    assert ParityShare.of([]).percent is None


def test_a_share_has_the_time_of_its_newest_comparison_of_a_run() -> None:
    empty = a_parity_day(DAY + timedelta(days=1), differences=[], equal=0)
    share = ParityShare.of([empty, a_parity_day(DAY), a_parity_day(DAY - timedelta(days=1))])
    assert share.compared_at == a_parity_day(DAY).checked_at
    assert ParityShare.of([empty]).compared_at is None


def test_a_day_is_whole_once_it_has_ended() -> None:
    assert a_parity_day(DAY).is_whole
    assert not a_parity_day(DAY, until=end_of(DAY) - timedelta(minutes=1)).is_whole
    assert (start_of(DAY), end_of(DAY)) == (NOW - timedelta(hours=12), NOW + timedelta(hours=12))


def test_days_are_asked_for_by_the_month_at_most() -> None:
    assert days_since(DAY, DAY) == [DAY]
    assert days_since(DAY, DAY + timedelta(days=2))[-1] == DAY + timedelta(days=2)
    assert len(days_since(DAY, DAY + timedelta(days=MAX_DAYS - 1))) == MAX_DAYS
    for since in (DAY + timedelta(days=1), DAY - timedelta(days=MAX_DAYS)):
        with pytest.raises(InvalidValue) as refused:
            days_since(since, DAY)
        assert refused.value.code == "PARITY_SPAN_INVALID"


def test_a_decision_is_told_in_words() -> None:
    ladder = (TakeProfit(Decimal(110), Decimal("0.50")), TakeProfit(Decimal(120), Decimal("0.5")))
    signal = a_signal(price=Decimal(100), stop_loss=Decimal(95), take_profits=ladder, confidence=Decimal("0.7"))
    assert str(Decided.of(signal)) == "LONG at 100 stop 95 targets 0.5 at 110, 0.5 at 120 confidence 0.7"
    assert str(HOLD) == "HOLD"
    failed = an_execution(status=ExecutionStatus.FAILED, reason="STRATEGY_FAILED")
    assert str(Decided.recorded(failed)) == "refused: STRATEGY_FAILED"


@pytest.mark.parametrize(
    ("action", "left"),
    [
        (Action.LONG, Action.EXIT_SHORT),
        (Action.SHORT, Action.EXIT_LONG),
        (Action.EXIT_LONG, Action.EXIT_LONG),
    ],
)
def test_a_decision_without_its_entry_is_that_of_the_signal_without_its_entry(action: Action, left: Action) -> None:
    signal = a_signal(action, stop_loss=None)
    assert Decided.of(signal).without_entry() == Decided.of(signal.without_entry())
    assert Decided.of(signal).without_entry().action is left
    assert HOLD.without_entry() == HOLD
