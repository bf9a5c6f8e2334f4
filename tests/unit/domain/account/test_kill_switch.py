"""The effect of several switches together, and the contents that a switch refuses."""

from __future__ import annotations

import pytest

from candlecast.domain.account.kill_switch import (
    MAX_REASON_CHARACTERS,
    Grade,
    SwitchPlace,
    SwitchScope,
    must_cancel_entries,
    must_flatten,
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
