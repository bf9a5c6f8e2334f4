"""The days of one answer, and a strategy's day, in which each tenant counts alike."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from candlecast.domain.strategies.days import MAX_COUNTED_SUBSCRIPTIONS, MAX_DAYS, DayPage, DaySums, TenantDay
from candlecast.domain.values.errors import InvalidValue

D = Decimal
TODAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("first", "last", "page"),
    [
        (None, None, DayPage(date(2026, 11, 2), TODAY)),
        (None, date(2026, 3, 1), DayPage(date(2026, 1, 31), date(2026, 3, 1))),
        (TODAY, date.max, DayPage(TODAY, TODAY)),
        (date(2025, 12, 1), None, DayPage(date(2025, 12, 1), TODAY)),
        (date(2025, 11, 30), None, DayPage(date(2025, 11, 30), date(2026, 11, 30), TODAY)),
        (date.min, date.min, DayPage(date(2000, 1, 1), date(2000, 1, 1))),
        (date.min, None, DayPage(date(2000, 1, 1), date(2000, 12, 31), date(2001, 1, 1))),
    ],
)
def test_an_answer_has_at_most_a_year_and_no_day_to_come(first: date | None, last: date | None, page: DayPage) -> None:
    assert DayPage.of(first, last, TODAY) == page


@pytest.mark.parametrize(("first", "last"), [(date(2026, 12, 2), None), (date.max, None), (TODAY, date(2026, 11, 30))])
def test_days_in_the_wrong_order_are_refused(first: date, last: date | None) -> None:
    with pytest.raises(InvalidValue):
        DayPage.of(first, last, TODAY)


def test_answers_that_follow_each_other_cover_each_day_once() -> None:
    page = DayPage.of(date(2023, 5, 6), None, TODAY)
    lengths = [(page.last - page.first).days + 1]
    while page.following is not None:
        before, page = page, DayPage.of(page.following, None, TODAY)
        assert (page.first - before.last).days == 1
        lengths.append((page.last - page.first).days + 1)
    assert lengths == [MAX_DAYS, MAX_DAYS, MAX_DAYS, (TODAY - date(2023, 5, 6)).days + 1 - 3 * MAX_DAYS]


def test_an_answer_ends_before_the_first_day_that_was_not_read() -> None:
    page = DayPage(date(2026, 1, 1), TODAY)
    assert page.until(None) == page
    assert page.until(date(2026, 2, 1)) == DayPage(date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1))


def test_a_tenant_counts_with_the_mean_of_their_subscriptions() -> None:
    day = TenantDay().with_trade("s1", D("0.02")).with_trade("s1", D("0.01")).with_trade("s2", D("-0.05"))
    assert day.part == DaySums(tenants=1, trades=3, returns=D("-0.01"))
    assert (day.part + DaySums(tenants=1, trades=1, returns=D("0.05"))).return_percent == D("2.0000")


def test_a_correction_changes_the_return_and_counts_no_trade() -> None:
    day = TenantDay().with_trade("s1", D("0.02"))
    assert day.with_trade("s1", D("0.015"), D("0.02")).part == DaySums(tenants=1, trades=1, returns=D("0.015"))


def test_a_correction_of_a_trade_that_no_day_has_counted_changes_nothing() -> None:
    assert TenantDay().with_trade("s1", D("0.015"), D("0.02")).part == DaySums()


def test_only_so_many_subscriptions_of_a_tenant_count_on_a_day() -> None:
    day = TenantDay()
    for number in range(MAX_COUNTED_SUBSCRIPTIONS):
        day = day.with_trade(f"s{number}", D("0.01"))
    assert day.with_trade("one more", D("0.9")) == day
    assert day.with_trade("s0", D("0.50")).part.returns == D("0.02")


def test_a_day_without_trades_has_no_return() -> None:
    assert DaySums().return_percent == 0
