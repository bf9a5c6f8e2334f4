"""Releases: each follower gets exactly one version, a share only grows, and a rollback is one step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.signals.audience import release_bucket
from candlecast.domain.strategies.versions import MAX_VERSIONS, Release, StrategyVersion
from candlecast.domain.values.errors import Conflict, InvalidValue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FIRST = Release(stable=1, released_by="owner", released_at=NOW)


@given(
    share=st.integers(0, 99),
    pinned=st.sets(st.integers(1, 6), max_size=4),
    followers=st.lists(st.tuples(st.text(min_size=1, max_size=12), st.none() | st.integers(1, 6)), max_size=30),
)
def test_each_follower_is_in_exactly_one_audience(share: int, pinned: set[int], followers: list[tuple[str, int | None]]) -> None:
    release = FIRST if share == 0 else FIRST.to_share(2, share, "owner", NOW)
    pins = pinned | {pin for _, pin in followers if pin is not None}
    audiences = release.audiences(pins)
    for subscription_id, pin in followers:
        holding = [each.number for each in audiences if each.includes("s", subscription_id, pin)]
        assert len(holding) == 1
        if pin is not None:
            assert holding == [pin]


def test_a_share_reaches_its_part_of_the_followers_and_only_grows() -> None:
    followers = [f"subscription-{number}" for number in range(5_000)]
    reached: set[str] = set()
    for share in (5, 20, 60):
        candidate = FIRST.to_share(2, share, "owner", NOW).audiences(())[1]
        now_reached = {each for each in followers if candidate.includes("s", each, None)}
        assert reached <= now_reached
        assert abs(len(now_reached) / len(followers) - share / 100) < 0.03
        reached = now_reached


def test_two_strategies_try_their_candidates_on_different_followers() -> None:
    followers = [f"subscription-{number}" for number in range(1_000)]
    first, second = ({each for each in followers if release_bucket(name, each) < 10} for name in ("one", "two"))
    assert len(first & second) < 0.5 * len(first)


def test_a_release_to_all_makes_the_version_stable_and_remembers_the_one_before() -> None:
    released = FIRST.to_share(2, 20, "owner", NOW).to_share(2, 100, "friend", LATER)
    assert (released.stable, released.candidate, released.share_percent, released.previous) == (2, None, 0, 1)
    assert (released.released_by, released.released_at) == ("friend", LATER)


def test_a_rollback_ends_the_candidate_first_and_then_goes_back_once() -> None:
    release = FIRST.to_share(2, 100, "owner", NOW).to_share(3, 20, "owner", NOW)
    without_candidate = release.rolled_back("owner", LATER)
    assert (without_candidate.stable, without_candidate.candidate, without_candidate.previous) == (2, None, 1)
    before = without_candidate.rolled_back("owner", LATER)
    assert (before.stable, before.previous) == (1, None)
    with pytest.raises(Conflict, match="NOTHING_TO_ROLL_BACK"):
        before.rolled_back("owner", LATER)


@pytest.mark.parametrize("share", [0, -1, 101])
def test_a_share_lies_between_1_and_100(share: int) -> None:
    with pytest.raises(InvalidValue, match="SHARE_INVALID"):
        FIRST.to_share(2, share, "owner", NOW)


def test_the_stable_version_is_not_released_again() -> None:
    with pytest.raises(Conflict, match="ALREADY_RELEASED"):
        FIRST.to_share(1, 50, "owner", NOW)


@pytest.mark.parametrize("number", [0, MAX_VERSIONS + 1])
def test_numbers_of_versions_are_bounded(number: int) -> None:
    with pytest.raises(InvalidValue, match="TOO_MANY_VERSIONS"):
        StrategyVersion(
            strategy_id="s",
            number=number,
            digest="d",
            parameters={},
            parameter_schema={},
            lookback=15,
            created_by="owner",
            created_at=NOW,
        )
