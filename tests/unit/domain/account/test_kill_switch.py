"""The effect of several switches together, and the contents that a switch refuses."""

from __future__ import annotations

import pytest

from candlecast.domain.account.kill_switch import (
    MAX_REASON_CHARACTERS,
    PLATFORM,
    Grade,
    SwitchPlace,
    SwitchScope,
    must_cancel_entries,
    must_flatten,
    needs_second_operator,
)
from candlecast.domain.values.errors import InvalidValue
from tests.support.fakes.gate import a_switch


@pytest.mark.parametrize(
    ("grades", "flatten", "cancel"),
    [
        ((), False, False),
        ((Grade.PAUSE_ENTRIES,), False, False),
        ((Grade.REDUCE_ONLY,), False, True),
        ((Grade.FLATTEN,), True, True),
        ((Grade.HALT_ALL,), False, False),
        ((Grade.FLATTEN, Grade.PAUSE_ENTRIES), True, True),
        ((Grade.FLATTEN, Grade.HALT_ALL), False, True),  # halt is not close
    ],
)
def test_what_is_done_about_what_is_held_and_rests(grades: tuple[Grade, ...], flatten: bool, cancel: bool) -> None:
    switches = [a_switch(grade) for grade in grades]
    assert (must_flatten(switches), must_cancel_entries(switches)) == (flatten, cancel)


def test_the_platforms_switch_has_one_name() -> None:
    with pytest.raises(InvalidValue):
        SwitchPlace(SwitchScope.PLATFORM, "another")


def test_a_reason_is_bounded() -> None:
    with pytest.raises(InvalidValue):
        a_switch(reason="x" * (MAX_REASON_CHARACTERS + 1))


ABOUT_MANY = [PLATFORM, SwitchPlace(SwitchScope.ORGANISATION, "house-1"), SwitchPlace(SwitchScope.STRATEGY, "strategy-1")]
FROM_OFF_TO_ALL = (None, *Grade)


@pytest.mark.parametrize("place", ABOUT_MANY, ids=lambda place: place.scope)
@pytest.mark.parametrize("after", FROM_OFF_TO_ALL)
@pytest.mark.parametrize("before", FROM_OFF_TO_ALL)
def test_a_switch_about_many_lets_go_only_by_two(place: SwitchPlace, before: Grade | None, after: Grade | None) -> None:
    lets_go = FROM_OFF_TO_ALL.index(after) < FROM_OFF_TO_ALL.index(before)
    flattens_all = place is PLATFORM and after is Grade.FLATTEN and before is not Grade.FLATTEN
    assert needs_second_operator(place, before, after) is (lets_go or flattens_all)


@pytest.mark.parametrize("after", FROM_OFF_TO_ALL)
@pytest.mark.parametrize("before", FROM_OFF_TO_ALL)
def test_a_switch_about_one_user_needs_one(before: Grade | None, after: Grade | None) -> None:
    assert not needs_second_operator(SwitchPlace(SwitchScope.USER, "tenant-1"), before, after)
