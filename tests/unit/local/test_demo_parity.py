"""The demo's figures of parity: 100 % is each execution, and no less."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.domain.parity.parity import ParityCause
from infra.local.demo.parity import days_of, figures, is_equal, told
from tests.support.builders import NOW, STRATEGY, an_execution
from tests.support.fakes.parity_days import a_difference, a_parity_day

EQUAL = a_parity_day(differences=[], equal=60)


def test_each_strategy_and_day_of_the_runs_is_asked_for_once() -> None:
    runs = [an_execution(NOW + timedelta(hours=hours)) for hours in (0, 1, 13)]
    other = an_execution(NOW, strategy_id="another")
    assert days_of([*runs, other]) == {
        (STRATEGY, NOW.date()),
        (STRATEGY, NOW.date() + timedelta(days=1)),
        ("another", NOW.date()),
    }


def test_all_executions_equal_are_a_hundred_percent() -> None:
    found = figures([EQUAL, EQUAL], 120)
    assert (found["checked"], found["equal"], found["percent"], found["causes"]) == (120, 120, "100", {})
    assert is_equal(found)
    assert told(found) == "parity 100 %: 120 of 120 executions decided as a backtest does"


@pytest.mark.parametrize(
    ("day", "executions"),
    [
        (EQUAL, 61),  # one was not compared
        (a_parity_day(differences=[a_difference()], equal=59), 60),
        (a_parity_day(differences=[a_difference(cause=ParityCause.CODE)], equal=60), 61),
        (a_parity_day(differences=[], equal=0), 0),
    ],
)
def test_anything_less_is_no_parity(day: object, executions: int) -> None:
    found = figures([day], executions)  # type: ignore[list-item]
    assert not is_equal(found)
    assert told(found).startswith("NO PARITY")


def test_a_difference_is_told_with_both_decisions() -> None:
    (line,) = figures([a_parity_day()], 10)["differences"]
    assert line == "11-20 12:00 REVISED: live LONG at 100, the backtest HOLD"
