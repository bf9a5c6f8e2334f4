"""The tables of reconciliation, row by row: our record, the venue's report, the age of the difference -> the action."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest

from candlecast.domain.account.findings import MEND_MEMORY, SLOW_PACE, Drift, Mend
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.reconcile.drift import (
    ClosedBy,
    OrderStep,
    PositionStep,
    StopReport,
    StopStep,
    closed_by,
    is_our_id,
    left_of,
    order_step,
    position_step,
    stop_step,
)
from tests.support.builders import NOW, after, an_intent

D = Decimal
SPACING = timedelta(seconds=3)
EARLIER = timedelta(seconds=3)
JUST_NOW = timedelta(seconds=2.9)


# -- orders ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "at_venue", "our_id", "age", "step"),
    [
        (IntentState.SUBMITTING, True, True, None, OrderStep.LOOK_UP),
        (IntentState.SUBMITTING, False, True, None, OrderStep.LOOK_UP),
        (IntentState.UNKNOWN, True, True, None, OrderStep.LOOK_UP),
        (IntentState.UNKNOWN, False, True, None, OrderStep.LOOK_UP),
        (IntentState.OPEN, True, True, None, OrderStep.NOTHING),
        (IntentState.OPEN, False, True, None, OrderStep.FOLLOW),
        (IntentState.PENDING, False, True, None, OrderStep.NOTHING),
        (IntentState.PENDING, True, True, None, OrderStep.LOOK_UP),
        (None, True, True, None, OrderStep.WAIT),
        (None, True, True, JUST_NOW, OrderStep.WAIT),
        (None, True, True, EARLIER, OrderStep.CANCEL),
        (None, True, False, None, OrderStep.REPORT),
        (None, True, False, EARLIER, OrderStep.REPORT),
        (None, False, True, EARLIER, OrderStep.NOTHING),
        (None, False, False, EARLIER, OrderStep.NOTHING),
    ],
)
def test_every_row_of_the_table_of_orders(
    ours: IntentState | None, at_venue: bool, our_id: bool, age: timedelta | None, step: OrderStep
) -> None:
    assert order_step(ours, at_venue=at_venue, our_id=our_id, age=age, spacing=SPACING) is step


def test_an_order_that_is_not_ours_is_never_cancelled_whatever_is_known_of_it() -> None:
    for ours, at_venue, age in product((None, *IntentState), (True, False), (None, JUST_NOW, timedelta(days=1))):
        assert order_step(ours, at_venue=at_venue, our_id=False, age=age, spacing=SPACING) is not OrderStep.CANCEL


@pytest.mark.parametrize(
    ("client_order_id", "ours"),
    [
        (an_intent().client_order_id, True),
        ("cc" + "0" * 30, True),
        ("cc" + "0" * 29, False),
        ("cc" + "0" * 31, False),
        ("cc" + "g" * 30, False),
        ("web_Ab12", False),
        ("", False),
        ("x" + an_intent().client_order_id, False),
    ],
)
def test_our_client_ids_are_told_from_all_others(client_order_id: str, ours: bool) -> None:
    assert is_our_id(client_order_id) is ours


@pytest.mark.parametrize(
    ("client_order_id", "closer"),
    [
        ("autoclose-123", ClosedBy.LIQUIDATED),
        ("adl_autoclose", ClosedBy.DELEVERAGED),
        ("settlement_autoclose-123", ClosedBy.SETTLED),
        ("delivery_autoclose-123", ClosedBy.SETTLED),
        ("ios_1", ClosedBy.CLOSED_OUTSIDE),
        ("my_autoclose-1", ClosedBy.CLOSED_OUTSIDE),
        ("", ClosedBy.CLOSED_OUTSIDE),
    ],
)
def test_the_venues_own_closing_is_told_from_a_persons(client_order_id: str, closer: ClosedBy) -> None:
    assert closed_by(client_order_id) is closer


# -- protection --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "live", "on_its_way", "step"),
    [
        (None, (), False, StopStep.NOTHING),
        (None, ((10, 90),), False, StopStep.NOTHING),
        (90, (), True, StopStep.WAIT),
        (90, ((4, 90),), True, StopStep.WAIT),
        (90, (), False, StopStep.PLACE),
        (90, ((10, 90),), False, StopStep.NOTHING),
        (90, ((4, 90),), False, StopStep.REPLACE),  # too small
        (90, ((11, 90),), False, StopStep.REPLACE),  # too large
        (95, ((10, 90),), False, StopStep.REPLACE),  # it has moved
        (90, ((10, 90), (4, 90)), False, StopStep.REPLACE),
        (90, ((4, 90), (10, 90)), False, StopStep.CANCEL_SURPLUS),
        (90, ((10, 90), (10, 90)), False, StopStep.CANCEL_SURPLUS),
    ],
)
def test_every_row_of_the_table_of_stops(
    price: int | None, live: tuple[tuple[int, int], ...], on_its_way: bool, step: StopStep
) -> None:
    report = StopReport(tuple((D(quantity), D(trigger)) for quantity, trigger in live), on_its_way)
    assert stop_step(D(10), None if price is None else D(price), report) is step


# -- positions ---------------------------------------------------------------------------------------------------------------


def noted(difference: int, ago: timedelta = EARLIER, *, reported: bool = False) -> Drift:
    return Drift(difference=D(difference), seen_at=NOW - ago, reported=reported)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("ours", "theirs", "seen", "settled", "step"),
    [
        (0, 0, None, True, PositionStep.AGREE),
        (10, 10, 5, False, PositionStep.AGREE),
        (10, 4, None, False, PositionStep.WAIT),
        (10, 4, -6, False, PositionStep.WAIT),
        (10, 4, None, True, PositionStep.NOTE),
        (10, 4, -5, True, PositionStep.NOTE),  # it has changed: seen once
        (10, 4, -6, True, PositionStep.SHRINK),
        (10, 0, -10, True, PositionStep.SHRINK),
        (10, -3, -13, True, PositionStep.SHRINK),
        (10, 12, 2, True, PositionStep.REPORT),
        (0, 5, 5, True, PositionStep.REPORT),
        (0, -5, -5, True, PositionStep.REPORT),
    ],
)
def test_every_row_of_the_table_of_positions(
    sign: int, ours: int, theirs: int, seen: int | None, settled: bool, step: PositionStep
) -> None:
    drift = None if seen is None else noted(sign * seen)
    assert position_step(D(sign * ours), D(sign * theirs), drift, NOW, settled=settled, spacing=SPACING) is step


@pytest.mark.parametrize(("ours", "theirs"), [(10, 4), (0, 5)])
def test_the_same_difference_a_moment_later_proves_nothing(ours: int, theirs: int) -> None:
    step = position_step(D(ours), D(theirs), noted(theirs - ours, JUST_NOW), NOW, settled=True, spacing=SPACING)
    assert step is PositionStep.WAIT


def test_what_was_reported_is_not_reported_again_while_our_own_part_moves() -> None:
    for ours in (0, 10, 25):
        step = position_step(D(ours), D(ours + 5), noted(5, reported=True), NOW, settled=True, spacing=SPACING)
        assert step is PositionStep.KNOWN


@pytest.mark.parametrize(("ours", "theirs", "left"), [(10, 4, 4), (10, 0, 0), (10, -3, 0), (-10, -4, 4), (-10, 3, 0)])
def test_what_is_left_of_ours_is_never_what_somebody_opened_on_the_other_side(ours: int, theirs: int, left: int) -> None:
    assert left_of(D(ours), D(theirs)) == left


# -- attempts ----------------------------------------------------------------------------------------------------------------


def test_what_did_not_help_three_times_goes_on_at_the_slow_pace_only() -> None:
    mend = Mend(attempts=0, last_at=NOW)
    for _ in range(3):
        assert mend.may_go_on(NOW)
        mend = mend.again(NOW)
    assert not mend.may_go_on(NOW + SLOW_PACE - timedelta(seconds=1))
    assert mend.may_go_on(NOW + SLOW_PACE)
    assert not mend.again(NOW + SLOW_PACE).may_go_on(NOW + SLOW_PACE)


def test_trouble_that_stayed_away_for_long_counts_anew() -> None:
    mend = Mend(attempts=3, last_at=NOW)
    assert mend.again(after(MEND_MEMORY.total_seconds())).attempts == 4
    assert mend.again(after(MEND_MEMORY.total_seconds() + 1)).attempts == 1
