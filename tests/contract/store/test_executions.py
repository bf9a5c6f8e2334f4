"""Execution records: one holder at a time, one run for ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from candlecast.domain.market.seen import SeenCandles
from candlecast.domain.signals.audience import BUCKETS, Audience
from candlecast.domain.strategies.execution import LEASE, Execution, ExecutionStatus
from candlecast.domain.values.errors import Conflict, InvalidValue, NotFound
from candlecast.ports.filters import ExecutionFilter, Window
from tests.contract.store.conftest import Stores
from tests.support.builders import NOW, STRATEGY, a_signal, a_strategy, after, an_execution, candles_until

FINAL = [status for status in ExecutionStatus if status is not ExecutionStatus.RUNNING]


def second_holder(started_after: float) -> Execution:
    return an_execution(worker="worker-2", started_at=after(started_after))


def finished(execution: Execution, status: ExecutionStatus = ExecutionStatus.COMPLETED) -> Execution:
    return replace(execution, status=status, finished_at=after(2), duration_ms=12.5, logs=("one", "two"))


def test_the_first_holder_gets_the_lock(stores: Stores) -> None:
    assert stores.executions.begin(an_execution()) == an_execution()


def test_a_second_holder_is_refused_while_the_lease_runs(stores: Stores) -> None:
    stores.executions.begin(an_execution())
    assert stores.executions.begin(second_holder(LEASE.total_seconds())) is None


def test_a_repeat_of_the_same_write_by_its_holder_finds_the_lock_its_own(stores: Stores) -> None:
    stores.executions.begin(an_execution())
    assert stores.executions.begin(an_execution()) == an_execution()


@pytest.mark.parametrize("status", FINAL)
def test_a_run_that_has_ended_is_never_run_again(stores: Stores, status: ExecutionStatus) -> None:
    held = stores.executions.begin(an_execution())
    assert held is not None
    stores.executions.finish(finished(held, status))
    assert stores.executions.begin(an_execution()) is None
    assert stores.executions.begin(second_holder(1_000_000)) is None


def test_an_expired_lease_is_taken_over_with_the_signal_that_was_stored(stores: Stores) -> None:
    held = stores.executions.begin(an_execution())
    assert held is not None
    seen = SeenCandles.of(candles_until(NOW, 3))
    stores.executions.keep_signal(replace(held, signal=a_signal(), seen=seen, strategy_version="c0de"))
    successor = stores.executions.begin(second_holder(LEASE.total_seconds() + 2))
    assert successor is not None
    assert (successor.worker, successor.signal) == ("worker-2", a_signal())
    assert (successor.seen, successor.strategy_version) == (seen, "c0de")


def test_only_one_of_two_successors_gets_the_lock(stores: Stores) -> None:
    stores.executions.begin(an_execution())
    late = LEASE.total_seconds() + 2
    assert stores.executions.begin(second_holder(late)) is not None
    assert stores.executions.begin(an_execution(worker="worker-3", started_at=after(late + 1))) is None


def test_a_holder_that_has_lost_its_lease_can_write_no_more(stores: Stores) -> None:
    first = stores.executions.begin(an_execution())
    assert first is not None
    second = stores.executions.begin(second_holder(LEASE.total_seconds() + 2))
    assert second is not None
    for write in (stores.executions.keep_signal, stores.executions.finish):
        with pytest.raises(Conflict) as conflict:
            write(finished(first))
        assert conflict.value.code == "LEASE_LOST"
    stores.executions.finish(finished(second))
    assert stores.executions.list_executions(STRATEGY, ExecutionFilter()).items == [finished(second)]


def test_another_strategy_or_another_candle_is_another_lock(stores: Stores) -> None:
    assert stores.executions.begin(an_execution()) is not None
    assert stores.executions.begin(an_execution(strategy_id="strategy-2")) is not None
    assert stores.executions.begin(an_execution(after(60))) is not None


def test_runs_are_listed_newest_candle_first_page_by_page(stores: Stores) -> None:
    closes = [after(60 * number) for number in range(5)]
    for close in closes:
        stores.executions.begin(an_execution(close))
    stores.executions.begin(an_execution(strategy_id="strategy-2"))
    first = stores.executions.list_executions(STRATEGY, ExecutionFilter(), limit=4)
    second = stores.executions.list_executions(STRATEGY, ExecutionFilter(), first.cursor, limit=4)
    assert [run.candle_close for run in (*first.items, *second.items)] == closes[::-1]
    assert second.cursor is None


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ({"since": after(120)}, [4, 3, 2]),
        ({"until": after(120)}, [1, 0]),
        ({"since": after(60), "until": after(180)}, [2, 1]),
        ({"since": after(60), "until": after(180), "ascending": True}, [1, 2]),
        ({"ascending": True}, [0, 1, 2, 3, 4]),
        ({"until": NOW}, []),
    ],
)
def test_a_window_of_runs_goes_by_the_close_of_their_candle(stores: Stores, span: dict[str, Any], expected: list[int]) -> None:
    stores.strategies.create_strategy(a_strategy())  # lies in the same partition, before the runs
    for number in range(5):
        stores.executions.begin(an_execution(after(60 * number)))
    found = stores.executions.list_executions(STRATEGY, ExecutionFilter(window=Window(**span))).items
    assert [run.candle_close for run in found] == [after(60 * number) for number in expected]


def test_a_window_holds_all_versions_of_its_last_candle_and_none_of_the_candle_behind(stores: Stores) -> None:
    for close in (NOW, after(60)):
        stores.executions.begin(an_execution(close, audience=STABLE, beside=(CANDIDATE,)))
        stores.executions.begin(behind(candle_close=close))
    window = Window(since=NOW, until=after(60))
    found = stores.executions.list_executions(STRATEGY, ExecutionFilter(window=window)).items
    assert [(run.candle_close, run.version) for run in found] == [(NOW, 2), (NOW, 1)]


def test_runs_are_narrowed_by_status_and_version(stores: Stores) -> None:
    leading = stores.executions.begin(an_execution(audience=STABLE, beside=(CANDIDATE,)))
    assert leading is not None
    stores.executions.begin(behind())
    stores.executions.finish(finished(leading, ExecutionStatus.FAILED))

    def versions(**wanted: Any) -> list[int | None]:
        return [run.version for run in stores.executions.list_executions(STRATEGY, ExecutionFilter(**wanted)).items]

    assert versions() == [2, 1]
    assert versions(status="FAILED") == versions(version=1) == [1]
    assert versions(status="RUNNING") == versions(version=2) == [2]
    assert versions(status="FAILED", version=2) == []


def test_a_cursor_is_good_for_its_own_listing_only(stores: Stores) -> None:
    for strategy in (STRATEGY, "strategy-2"):
        for number in range(2):
            stores.executions.begin(an_execution(after(60 * number), strategy_id=strategy))
    cursor = stores.executions.list_executions("strategy-2", ExecutionFilter(), limit=1).cursor
    assert cursor is not None
    with pytest.raises(InvalidValue) as refused:
        stores.executions.list_executions(STRATEGY, ExecutionFilter(), cursor)
    assert refused.value.code == "CURSOR_INVALID"
    assert stores.executions.list_executions("strategy-2", ExecutionFilter(), cursor).items[0].candle_close == NOW


# -- versions of a strategy ----------------------------------------------------------------------------------------------------

STABLE, CANDIDATE = Audience(number=1, bucket_from=20, bucket_to=BUCKETS), Audience(number=2, bucket_to=20)


def behind(**changes: Any) -> Execution:
    return an_execution(audience=CANDIDATE, leads=False, **changes)


def test_each_version_has_a_lock_of_its_own(stores: Stores) -> None:
    leading = stores.executions.begin(an_execution(audience=STABLE, beside=(CANDIDATE,)))
    assert leading is not None
    assert stores.executions.begin(behind()) == behind()
    assert stores.executions.begin(behind(worker="worker-2")) is None
    stores.executions.finish(finished(leading))
    stores.executions.finish(finished(behind()))
    assert stores.executions.list_executions(STRATEGY, ExecutionFilter()).items == [finished(behind()), finished(leading)]


def test_the_first_write_of_a_candle_says_which_versions_run(stores: Stores) -> None:
    """Between the crash of its holder and the retry, somebody has rolled the candidate back."""
    stores.executions.begin(an_execution(audience=STABLE, beside=(CANDIDATE,)))
    later: dict[str, Any] = {"worker": "worker-2", "started_at": after(LEASE.total_seconds() + 2)}
    everybody = Audience(number=1, bucket_to=BUCKETS)
    successor = stores.executions.begin(an_execution(audience=everybody, **later))
    assert successor is not None
    assert (successor.audience, successor.beside, successor.worker) == (STABLE, (CANDIDATE,), "worker-2")
    stores.executions.finish(finished(successor))
    assert stores.executions.begin(an_execution(audience=everybody, **later)) is None
    assert stores.executions.leading(STRATEGY, NOW) == finished(successor)


def test_a_run_without_versions_stays_so_after_the_first_release(stores: Stores) -> None:
    stores.executions.begin(an_execution())
    later: dict[str, Any] = {"worker": "worker-2", "started_at": after(LEASE.total_seconds() + 2)}
    successor = stores.executions.begin(an_execution(audience=STABLE, beside=(CANDIDATE,), **later))
    assert successor is not None
    assert (successor.audience, successor.beside) == (None, ())


def test_a_candle_that_nobody_has_run_has_no_record(stores: Stores) -> None:
    stores.executions.begin(an_execution())
    with pytest.raises(NotFound):
        stores.executions.leading(STRATEGY, after(60))


def test_a_lock_that_is_given_back_is_taken_at_once_and_only_by_its_holder(stores: Stores) -> None:
    held = stores.executions.begin(an_execution())
    assert held is not None
    stores.executions.give_back(held)
    again = stores.executions.begin(second_holder(2))
    assert again is not None
    with pytest.raises(Conflict):
        stores.executions.give_back(held)
    assert stores.executions.begin(an_execution(worker="worker-3", started_at=after(4))) is None


# -- the runs of a span --------------------------------------------------------------------------------------------------------


def test_the_runs_of_a_span_come_oldest_first_with_those_of_other_versions(stores: Stores) -> None:
    for close in (-60, 0, 60, 120):
        stores.executions.begin(an_execution(after(close), audience=STABLE, beside=(CANDIDATE,)))
        stores.executions.begin(an_execution(after(close), audience=CANDIDATE, leads=False))
    found = list(stores.executions.executions_between(STRATEGY, NOW, after(120)))
    assert [(run.candle_close, run.version) for run in found] == [(after(at), number) for at in (0, 60) for number in (1, 2)]
    assert list(stores.executions.executions_between("strategy-2", NOW, after(120))) == []
