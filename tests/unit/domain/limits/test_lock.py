"""A lock on limits: the changes that are refused, its end, and its longest time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from candlecast.domain.limits.limits import Limits
from candlecast.domain.limits.lock import (
    LOCKS_BOUNDED_SINCE,
    MAX_LOCK,
    bounded,
    lock_end,
    require_bounded,
    require_unlocked,
)
from candlecast.domain.values.errors import Conflict, InvalidValue
from tests.support.builders import NOW, after

SECOND = timedelta(seconds=1)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
LOCKED = Limits(max_leverage=Decimal(5), limits_locked_until=after(60))


@pytest.mark.parametrize(
    ("new", "name"),
    [
        (Limits(max_leverage=Decimal(9), limits_locked_until=after(60)), "max_leverage"),
        (Limits(max_leverage=Decimal(5)), "limits_locked_until"),
        (Limits(max_leverage=Decimal(5), limits_locked_until=after(59)), "limits_locked_until"),
        (Limits(limits_locked_until=after(60)), "max_leverage"),
    ],
)
def test_what_is_locked_is_not_loosened(new: Limits, name: str) -> None:
    """The API answers such a change with "LIMITS_LOCKED"."""
    with pytest.raises(Conflict, match=f"LIMITS_LOCKED: .*{name}"):
        require_unlocked(LOCKED, new, NOW, NOW)


def test_what_is_locked_may_be_tightened_and_locked_for_longer() -> None:
    for new in (
        Limits(max_leverage=Decimal(4), limits_locked_until=after(60)),
        Limits(max_leverage=Decimal(5), max_adds=0, limits_locked_until=after(61)),
    ):
        assert require_unlocked(LOCKED, new, NOW, NOW) == new


def test_a_lock_ends_at_its_time() -> None:
    assert require_unlocked(LOCKED, Limits(), NOW, after(60)) == Limits()
    with pytest.raises(Conflict):
        require_unlocked(LOCKED, Limits(), NOW, after(60) - SECOND)


def test_a_lock_is_at_most_so_long() -> None:
    longest = Limits(limits_locked_until=NOW + MAX_LOCK)
    assert require_bounded(longest, NOW) == longest
    for until in (NOW + MAX_LOCK + SECOND, FOREVER):
        with pytest.raises(InvalidValue, match="LOCK_TOO_LONG"):
            require_bounded(Limits(limits_locked_until=until), NOW)
        with pytest.raises(InvalidValue, match="LOCK_TOO_LONG"):
            require_unlocked(Limits(), Limits(limits_locked_until=until), None, NOW)


def test_a_longer_lock_that_is_stored_counts_as_if_it_had_been_bounded_when_it_was_set() -> None:
    stored = Limits(max_leverage=Decimal(5), limits_locked_until=FOREVER)
    end = NOW + MAX_LOCK
    assert lock_end(stored, NOW) == end
    assert bounded(stored, NOW) == Limits(max_leverage=Decimal(5), limits_locked_until=end)
    tighter = Limits(max_leverage=Decimal(4), limits_locked_until=end)
    assert require_unlocked(stored, tighter, NOW, end - SECOND) == tighter
    with pytest.raises(Conflict):
        require_unlocked(stored, Limits(), NOW, end - SECOND)
    assert require_unlocked(stored, Limits(), NOW, end) == Limits()


def test_a_longer_lock_of_unknown_age_counts_from_the_release_that_bounds_locks() -> None:
    stored = Limits(limits_locked_until=FOREVER)
    assert lock_end(stored, None) == LOCKS_BOUNDED_SINCE + MAX_LOCK
    assert lock_end(LOCKED, None) == LOCKED.limits_locked_until
    assert lock_end(Limits(), None) is None
