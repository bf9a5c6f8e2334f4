"""Backtests: written on the version that was read, counted by tenant and day, listed newest first. On fake and table alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from candlecast.adapters.dynamodb.backtests import DynamoBacktestStore
from candlecast.domain.backtests.backtest import (
    KEY_DAYS,
    MAX_A_DAY,
    MAX_OPEN,
    RESULT_DAYS,
    Backtest,
    BacktestStatus,
    time_in_id,
)
from candlecast.domain.backtests.sweep import MAX_PARTS, SweepPlan
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.ports.backtests import BacktestStore, FirstRequest, RequestKey
from candlecast.ports.filters import BacktestFilter, Window
from tests.support.builders import NOW, STRATEGY, after
from tests.support.fakes.backtests import FakeBacktestStore, a_backtest, a_plan, a_summary

_tenants = count(1)
_numbers = count(1)
A_DAY = 86_400
EVERY = BacktestFilter()


@pytest.fixture(params=["fake", pytest.param("dynamodb", marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest) -> BacktestStore:
    if request.param == "fake":
        return FakeBacktestStore()
    return DynamoBacktestStore(request.getfixturevalue("dynamodb_table"))


@pytest.fixture
def tenant() -> str:
    """A tenant of whom no other test has heard."""
    return f"tenant-{next(_tenants)}"


def another(tenant: str, **changes: Any) -> Backtest:
    """A backtest that no other test has stored; later ones have later ids."""
    return a_backtest(f"20261120T120000000000-{next(_numbers):06}", tenant_id=tenant, **changes)


def ended(store: BacktestStore, backtest: Backtest) -> Backtest:
    return store.save_backtest(store.create_backtest(backtest).cancelled(NOW))


def test_what_was_written_is_read_as_it_was(store: BacktestStore, tenant: str) -> None:
    asked = another(tenant, plan=a_plan(version=3))
    created = store.create_backtest(asked)
    assert created == replace(asked, version=1)
    assert store.find_backtest(tenant, asked.backtest_id) == created
    begun = store.save_backtest(created.begun("worker-1", NOW))
    assert store.find_backtest(tenant, asked.backtest_id) == begun == replace(created.begun("worker-1", NOW), version=2)
    done = store.save_backtest(begun.done(a_summary(), "c0de", after(60)))
    assert store.find_backtest(tenant, asked.backtest_id) == done


def test_a_backtest_is_found_by_its_own_tenant_alone(store: BacktestStore, tenant: str) -> None:
    asked = store.create_backtest(another(tenant))
    for other, backtest_id in ((f"{tenant}-x", asked.backtest_id), (tenant, "unknown"), (tenant, "a#b"), ("a#b", "unknown")):
        with pytest.raises(NotFound):
            store.find_backtest(other, backtest_id)


def test_a_change_on_an_old_version_is_refused(store: BacktestStore, tenant: str) -> None:
    asked = store.create_backtest(another(tenant))
    store.save_backtest(asked.begun("worker-1", NOW))
    for stale in (asked, replace(asked, version=0), another(tenant)):
        with pytest.raises(Conflict, match="VERSION_CONFLICT"):
            store.save_backtest(stale)


def test_an_id_is_taken_once(store: BacktestStore, tenant: str) -> None:
    asked = another(tenant)
    store.create_backtest(asked)
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        store.create_backtest(asked)


def key_of(asked_for: str = "body", key: str = "key") -> RequestKey:
    return RequestKey(key=key, asked_for=asked_for)


def test_a_key_finds_its_backtest_as_it_is_now_and_its_own_tenants_alone(store: BacktestStore, tenant: str) -> None:
    assert store.find_first(tenant, "key", NOW) is None
    asked = store.create_backtest(another(tenant), key_of())
    begun = store.save_backtest(asked.begun("worker-1", NOW))
    assert store.find_first(tenant, "key", NOW) == FirstRequest(backtest=begun, asked_for="body")
    assert store.find_first(tenant, "other", NOW) is None
    assert store.find_first(f"{tenant}-x", "key", NOW) is None


@pytest.mark.parametrize("key", ["a#b", "~" * 128])
def test_a_key_may_have_any_character_that_a_header_has(store: BacktestStore, tenant: str, key: str) -> None:
    asked = store.create_backtest(another(tenant), key_of(key=key))
    first = store.find_first(tenant, key, NOW)
    assert first is not None
    assert first.backtest == asked


def test_a_key_is_taken_once_and_its_repeat_counts_nothing(store: BacktestStore, tenant: str) -> None:
    first = store.create_backtest(another(tenant), key_of())
    for repeated in (another(tenant), replace(first, version=0)):
        with pytest.raises(Conflict, match="ALREADY_EXISTS"):
            store.create_backtest(repeated, key_of("another body"))
    store.create_backtest(another(f"{tenant}-x"), key_of())
    for _ in range(MAX_OPEN - 1):
        store.create_backtest(another(tenant))
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        store.create_backtest(another(tenant), key_of())
    with pytest.raises(Conflict, match=r"TOO_MANY_BACKTESTS\b"):
        store.create_backtest(another(tenant), key_of(key="new"))
    assert store.find_first(tenant, "new", NOW) is None
    assert len(store.list_backtests(tenant, EVERY).items) == MAX_OPEN


def test_a_key_is_forgotten_before_its_backtest(store: BacktestStore, tenant: str) -> None:
    assert KEY_DAYS < RESULT_DAYS
    first = store.create_backtest(another(tenant), key_of())
    last, later = after(KEY_DAYS * A_DAY - 1), after(KEY_DAYS * A_DAY)
    assert store.find_first(tenant, "key", last) is not None
    assert store.find_first(tenant, "key", later) is None
    with pytest.raises(Conflict, match="ALREADY_EXISTS"):
        store.create_backtest(another(tenant, asked_at=last), key_of())
    second = store.create_backtest(another(tenant, asked_at=later), key_of())
    found = store.find_first(tenant, "key", later)
    assert found is not None
    assert (found.backtest, first != second) == (second, True)


def unsent(store: BacktestStore, tenant: str, seconds: float, limit: int = 1_000) -> list[Backtest]:
    """The tenant's backtests among the unsent ones, asked for earlier than so many seconds after now."""
    return [it for it in store.list_unsent(after(seconds), limit) if it.tenant_id == tenant]


def test_a_backtest_is_unsent_until_its_tasks_are_noted_as_sent(store: BacktestStore, tenant: str) -> None:
    second, first = (store.create_backtest(another(tenant, asked_at=after(seconds))) for seconds in (1, 0))
    third = store.create_backtest(another(tenant, asked_at=after(2)))
    assert unsent(store, tenant, 2) == [first, second]
    store.note_sent(first)
    store.note_sent(first)
    assert unsent(store, tenant, 3) == [second, third]
    store.note_sent(second)
    store.note_sent(third)
    assert unsent(store, tenant, 3) == []
    assert [store.find_backtest(tenant, it.backtest_id) for it in (first, second, third)] == [first, second, third]


def test_the_oldest_unsent_come_first_and_no_more_than_are_asked_for(store: BacktestStore, tenant: str) -> None:
    long_ago = -365.25 * A_DAY - next(_numbers)  # older than those of other tests
    asked = [store.create_backtest(another(tenant, asked_at=after(long_ago + number))) for number in range(3)]
    assert unsent(store, tenant, 0, limit=2) == asked[:2]
    for each in asked:
        store.note_sent(each)


def test_a_worker_or_a_cancellation_notes_a_backtest_as_sent(store: BacktestStore, tenant: str) -> None:
    begun, cancelled = (store.create_backtest(another(tenant)) for _ in range(2))
    store.save_backtest(begun.begun("worker-1", NOW))
    store.save_backtest(cancelled.cancelled(NOW))
    assert unsent(store, tenant, 1) == []
    store.note_sent(begun)
    assert store.find_backtest(tenant, begun.backtest_id).status is BacktestStatus.RUNNING


def test_a_sweep_is_unsent_while_some_of_its_parts_run_and_the_others_are_not_sent(store: BacktestStore, tenant: str) -> None:
    sweep = SweepPlan(axes={"fast": tuple(range(18))}, trials_of_a_part=5)
    begun = store.save_backtest(store.create_backtest(another(tenant, plan=a_plan(sweep=sweep))).swept(NOW))
    begun = store.save_backtest(begun.with_part(2))
    assert unsent(store, tenant, 1) == [begun] == [store.find_backtest(tenant, begun.backtest_id)]
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        store.save_backtest(replace(begun, version=begun.version - 1))
    store.save_backtest(begun.cancelled(NOW))
    assert unsent(store, tenant, 1) == []


def test_a_forgotten_backtest_is_not_made_again_by_a_note(store: BacktestStore, tenant: str) -> None:
    gone = another(tenant)
    store.note_sent(gone)
    with pytest.raises(NotFound):
        store.find_backtest(tenant, gone.backtest_id)
    assert store.list_backtests(tenant, EVERY).items == []


def test_each_end_makes_room_for_another(store: BacktestStore, tenant: str) -> None:
    opened = [store.create_backtest(another(tenant)) for _ in range(MAX_OPEN)]
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS"):
        store.create_backtest(another(tenant))
    store.create_backtest(another(f"{tenant}-x"))
    begun = store.save_backtest(opened[0].begun("worker-1", NOW))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS"):
        store.create_backtest(another(tenant))
    store.save_backtest(begun.done(a_summary(), "c0de", NOW))
    store.create_backtest(another(tenant))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS"):
        store.create_backtest(another(tenant))


def test_an_end_that_is_refused_makes_no_room(store: BacktestStore, tenant: str) -> None:
    opened = [store.create_backtest(another(tenant)) for _ in range(MAX_OPEN)]
    store.save_backtest(opened[0].begun("worker-1", NOW))
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        store.save_backtest(opened[0].cancelled(NOW))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS"):
        store.create_backtest(another(tenant))


def test_a_day_has_an_end_and_a_bound(store: BacktestStore, tenant: str) -> None:
    for _ in range(MAX_A_DAY):
        ended(store, another(tenant))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS_TODAY"):
        store.create_backtest(another(tenant))
    store.create_backtest(another(tenant, asked_at=after(A_DAY)))


def test_a_sweep_counts_for_a_day_by_its_parts_and_once_among_those_that_wait(store: BacktestStore, tenant: str) -> None:
    def sweep(parts: int) -> Backtest:
        axes: dict[str, tuple[int, ...]] = {"fast": tuple(range(parts))}
        return another(tenant, plan=a_plan(sweep=SweepPlan(axes=axes, trials_of_a_part=1)))

    whole = ended(store, sweep(MAX_PARTS))
    assert store.find_backtest(tenant, whole.backtest_id).plan == whole.plan
    for _ in range(MAX_A_DAY - MAX_PARTS - 3):
        ended(store, another(tenant))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS_TODAY"):
        store.create_backtest(sweep(4))
    for _ in range(2):
        store.create_backtest(another(tenant))
    with pytest.raises(Conflict, match="TOO_MANY_BACKTESTS_TODAY"):
        store.create_backtest(sweep(2))
    store.create_backtest(sweep(1))


def test_what_was_written_of_a_sweep_is_read_as_it_was(store: BacktestStore, tenant: str) -> None:
    sweep = SweepPlan(
        axes={"fast": (5, 8), "stop": (2.5, 3.0, 1e-9), "is_bold": (True, False), "mode": ("calm",)}, trials_of_a_part=5
    )
    asked = store.create_backtest(another(tenant, plan=a_plan(sweep=sweep)))
    begun = store.save_backtest(asked.swept(NOW).with_part(1))
    assert store.find_backtest(tenant, asked.backtest_id) == begun
    assert repr(begun.plan.sweep) == repr(sweep)


def test_the_newest_come_first_page_by_page_and_counts_are_no_backtests(store: BacktestStore, tenant: str) -> None:
    written = [store.create_backtest(another(tenant)) for _ in range(5)]
    first = store.list_backtests(tenant, EVERY, limit=2)
    second = store.list_backtests(tenant, EVERY, first.cursor, 2)
    third = store.list_backtests(tenant, EVERY, second.cursor, 2)
    assert [*first.items, *second.items, *third.items] == written[::-1]
    assert third.cursor is None
    assert store.list_backtests(f"{tenant}-x", EVERY).items == []


def at_minutes(store: BacktestStore, tenant: str, minutes: Iterable[int]) -> dict[int, Backtest]:
    """Backtests that were asked for at these minutes and cancelled, by minute; every other one tries another strategy."""
    asked = {}
    for minute in minutes:
        time, strategy = NOW + timedelta(minutes=minute), STRATEGY if minute % 2 else "strategy-2"
        one = a_backtest(f"{time_in_id(time)}-x", tenant_id=tenant, asked_at=time, plan=a_plan(strategy_id=strategy))
        asked[minute] = ended(store, one)
    return asked


@pytest.mark.parametrize(
    ("window", "minutes"),
    [
        (Window(), [4, 3, 2, 1, 0]),
        (Window(since=after(60)), [4, 3, 2, 1]),
        (Window(until=after(180)), [2, 1, 0]),
        (Window(since=after(60), until=after(180)), [2, 1]),
        (Window(since=after(60), until=after(180), ascending=True), [1, 2]),
        (Window(since=after(600)), []),
    ],
)
def test_backtests_of_a_time_are_listed_in_the_direction_that_is_asked_for(
    store: BacktestStore, tenant: str, window: Window, minutes: list[int]
) -> None:
    asked = at_minutes(store, tenant, range(5))
    assert store.list_backtests(tenant, BacktestFilter(window=window)).items == [asked[minute] for minute in minutes]


def test_backtests_are_listed_by_strategy_and_status(store: BacktestStore, tenant: str) -> None:
    asked = at_minutes(store, tenant, range(4))
    waiting = store.create_backtest(another(tenant, plan=a_plan(strategy_id="strategy-2")))
    found = store.list_backtests(tenant, BacktestFilter(strategy_id="strategy-2", status=BacktestStatus.CANCELLED)).items
    assert found == [asked[2], asked[0]]
    assert store.list_backtests(tenant, BacktestFilter(status=BacktestStatus.QUEUED)).items == [waiting]
    assert store.list_backtests(tenant, BacktestFilter(strategy_id="strategy-3")).items == []


def test_a_cursor_of_another_tenant_is_refused(store: BacktestStore, tenant: str) -> None:
    for _ in range(2):
        store.create_backtest(another(tenant))
    cursor = store.list_backtests(tenant, EVERY, limit=1).cursor
    with pytest.raises(InvalidValue):
        store.list_backtests(f"{tenant}-x", EVERY, cursor, 1)
