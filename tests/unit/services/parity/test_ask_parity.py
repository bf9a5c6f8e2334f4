"""Who is asked for parity, and for which days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from candlecast.domain.parity.parity import ParityDay, end_of
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound, RetryLater
from candlecast.domain.values.firing import FiringRefused
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.parity import ask_daily
from candlecast.services.parity.ask_daily import MAX_FIRING_AGE, AskParityDaily, task_of
from candlecast.services.parity.ask_parity import AUTHORS_REPEAT_AFTER, REPEAT_AFTER, AskParity
from candlecast.services.strategies.change_strategy import Author
from tests.support.builders import NOW, STRATEGY, TENANT, a_strategy, an_external_strategy, an_uploaded_strategy
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.firings import FakeFirings
from tests.support.fakes.parity import FakeParityStore
from tests.support.fakes.parity_days import TODAY, a_parity_day
from tests.support.fakes.queues import FakeParityQueue
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore

A_DAY = timedelta(days=1)


OWNER, OPERATOR = Author(TENANT), Author("operator", is_operator=True)


def asking(queue: FakeParityQueue, *known: ParityDay) -> AskParity:
    strategies = FakeStrategyStore(FakeDatabase())
    strategies.create_strategy(an_uploaded_strategy())
    strategies.create_strategy(an_external_strategy("outside"))
    days = FakeParityStore()
    for day in known:
        days.put_day(day)
    return AskParity(strategies, days, queue, FakeClock())


@pytest.mark.parametrize("author", [OWNER, OPERATOR])
def test_a_person_asks_for_days_until_today(author: Author) -> None:
    queue = FakeParityQueue()
    days = asking(queue)(author, STRATEGY, TODAY - A_DAY * 2)
    assert days == [TODAY - A_DAY * 2, TODAY - A_DAY, TODAY]
    assert queue.sent == [task_of(STRATEGY, day, NOW) for day in days]
    assert len({task.correlation_id for task in queue.sent}) == 3


def test_a_day_that_was_compared_a_moment_ago_is_not_compared_again() -> None:
    queue = FakeParityQueue()
    known = [
        replace(a_parity_day(TODAY), checked_at=NOW - REPEAT_AFTER + timedelta(seconds=1)),
        replace(a_parity_day(TODAY - A_DAY), checked_at=NOW - REPEAT_AFTER),
    ]
    assert asking(queue, *known)(OPERATOR, STRATEGY, TODAY - A_DAY) == [TODAY - A_DAY]
    assert queue.sent == [task_of(STRATEGY, TODAY - A_DAY, NOW)]
    assert asking(queue, known[0])(OWNER, STRATEGY, TODAY) == []


def test_a_whole_day_is_compared_for_its_authors_once_a_day() -> None:
    """A month of each of a hundred strategies every ten minutes would keep the night's comparisons waiting for days."""
    yesterday = TODAY - A_DAY
    compared = replace(a_parity_day(yesterday), until=end_of(yesterday), checked_at=NOW - AUTHORS_REPEAT_AFTER + REPEAT_AFTER)
    assert compared.is_whole
    assert asking(FakeParityQueue(), compared)(OWNER, STRATEGY, yesterday) == [TODAY]
    assert asking(FakeParityQueue(), compared)(OPERATOR, STRATEGY, yesterday) == [yesterday, TODAY]
    earlier = replace(compared, checked_at=NOW - AUTHORS_REPEAT_AFTER)
    assert asking(FakeParityQueue(), earlier)(OWNER, STRATEGY, yesterday) == [yesterday, TODAY]


def test_nobody_asks_for_more_than_a_month_or_for_days_to_come() -> None:
    for since in (TODAY - A_DAY * 31, TODAY + A_DAY):
        with pytest.raises(InvalidValue):
            asking(FakeParityQueue())(OWNER, STRATEGY, since)


def test_only_authors_and_operators_ask_and_only_where_there_is_code() -> None:
    queue = FakeParityQueue()
    with pytest.raises(NotFound):
        asking(queue)(Author("tenant-2"), STRATEGY, TODAY)
    with pytest.raises(Conflict, match="NO_CODE"):
        asking(queue)(OPERATOR, "outside", TODAY)
    assert queue.sent == []


def daily(queue: FakeParityQueue, firings: FakeFirings | None = None) -> AskParityDaily:
    strategies = FakeStrategyStore(FakeDatabase())
    strategies.create_strategy(a_strategy("one", subscriber_count=1))
    strategies.create_strategy(a_strategy("hours", subscriber_count=1, timeframe=Timeframe.H1))
    strategies.create_strategy(a_strategy("nobody"))
    strategies.create_strategy(an_uploaded_strategy("mine", subscriber_count=1))
    strategies.create_strategy(an_external_strategy("outside", subscriber_count=1))
    return AskParityDaily(strategies, queue, firings or FakeFirings(), FakeClock(NOW))


def test_a_firing_asks_for_the_day_before_of_each_followed_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_daily, "SENT_AT_ONCE", 2)
    queue = FakeParityQueue()
    assert daily(queue)(NOW) == 3
    told = {(task.strategy_id, task.day, task.asked_at) for task in queue.sent}
    assert told == {(strategy_id, TODAY - A_DAY, NOW) for strategy_id in ("one", "hours", "mine")}


def test_a_firing_is_noted_for_the_watch_once_all_days_are_asked_for() -> None:
    firings, queue = FakeFirings(), FakeParityQueue()
    queue.fail_next()
    with pytest.raises(RetryLater):
        daily(queue, firings)(NOW)
    assert firings.known.parity is None
    daily(queue, firings)(NOW)
    assert firings.known.parity == NOW
    firings.fails = True
    assert daily(queue, firings)(NOW) == 3


def test_a_firing_of_another_time_asks_for_nothing() -> None:
    queue, firings = FakeParityQueue(), FakeFirings()
    for scheduled_at in (NOW - MAX_FIRING_AGE - timedelta(seconds=1), NOW + timedelta(minutes=1)):
        with pytest.raises(FiringRefused):
            daily(queue, firings)(scheduled_at)
    assert queue.sent == []
    assert firings.known.parity is None


def test_a_queue_that_does_not_take_tasks_is_told() -> None:
    queue = FakeParityQueue()
    queue.fail_next()
    with pytest.raises(RetryLater):
        daily(queue)(NOW)
