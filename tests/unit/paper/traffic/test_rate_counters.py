"""Counting without HTTP: intervals, bans that grow, and threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_exchange.errors import VenueError
from paper_exchange.traffic.rate_limits import LONGEST_BAN_SECONDS, MINUTE_MS, RateCounters, RateLimits

LIMITS = RateLimits(weight_per_minute=10, orders_per_ten_seconds=3, orders_per_minute=5, warnings=2, ban_seconds=120)


def refusal(counters: RateCounters, now_ms: int, weight: int = 11) -> VenueError:
    with pytest.raises(VenueError) as refused:
        counters.weigh("address", weight, LIMITS, now_ms)
    return refused.value


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3 * MINUTE_MS)), max_size=40))
def test_no_minute_ever_carries_more_than_the_limit(requests: list[tuple[int, int]]) -> None:
    counters = RateCounters()
    carried: dict[int, int] = {}
    for weight, now_ms in sorted(requests, key=lambda request: request[1]):
        with suppress(VenueError):
            counters.weigh("address", weight, LIMITS, now_ms)
            carried[now_ms // MINUTE_MS] = carried.get(now_ms // MINUTE_MS, 0) + weight
    assert all(weight <= LIMITS.weight_per_minute for weight in carried.values())


def test_a_ban_lasts_twice_as_long_each_time_and_three_days_at_most() -> None:
    counters, now_ms, bans = RateCounters(), 0, []
    for _ in range(14):
        assert [refusal(counters, now_ms).status for _ in range(3)] == [429, 429, 418]
        banned = refusal(counters, now_ms, weight=0)
        bans.append(int(banned.headers["Retry-After"]))
        assert refusal(counters, now_ms + bans[-1] * 1_000 - 1, weight=0).status == 418
        now_ms += bans[-1] * 1_000 + MINUTE_MS
    assert bans[:4] == [120, 240, 480, 960]
    assert bans[-1] == LONGEST_BAN_SECONDS


def test_warnings_are_forgotten_with_the_minute() -> None:
    counters = RateCounters()
    for minute in range(5):
        assert [refusal(counters, minute * MINUTE_MS + 1_500).status for _ in range(2)] == [429, 429]
    assert refusal(counters, 4 * MINUTE_MS + 1_500).status == 418


def test_the_wait_ends_with_the_interval() -> None:
    counters = RateCounters()
    assert refusal(counters, 59_001).headers["Retry-After"] == "1"
    for _ in range(3):
        counters.take_order("account", LIMITS, 7_000)
    with pytest.raises(VenueError, match="3 orders per 10 SECOND") as refused:
        counters.take_order("account", LIMITS, 7_000)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "3")
    assert counters.take_order("account", LIMITS, 10_000) == (1, 4)
    counters.take_order("account", LIMITS, 10_000)
    with pytest.raises(VenueError, match="5 orders per 1 MINUTE"):
        counters.take_order("account", LIMITS, 10_000)


def test_other_limits_begin_anew() -> None:
    counters = RateCounters()
    counters.weigh("address", 10, LIMITS, 0)
    assert counters.weigh("address", 1, RateLimits(weight_per_minute=11), 0) == 1


def test_threads_at_once_share_one_budget() -> None:
    counters, limits = RateCounters(), RateLimits(weight_per_minute=50, warnings=1_000)

    def ask(_: int) -> bool:
        with suppress(VenueError):
            counters.weigh("address", 1, limits, 0)
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(400))).count(True) == 50
