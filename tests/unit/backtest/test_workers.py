"""Work by several processes: every answer once, no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings
from pathlib import Path

import pytest

from candlecast.backtest.workers import outcomes
from tests.support.processes import alive
from tests.support.waiting import until


@pytest.mark.parametrize("processes", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_every_number_is_answered_once(processes: int, count: int) -> None:
    shared = [number * number for number in range(count)]
    found = [*outcomes(count, lambda index: shared[index], processes)]
    assert sorted(found) == [*enumerate(shared)]


def test_several_processes_work_and_none_is_left() -> None:
    parent = os.getpid()
    pids = {pid for _, pid in outcomes(8, lambda _: os.getpid(), 2)}
    assert parent not in pids
    assert not any(map(_lives, pids))


def test_a_process_that_dies_loses_its_own_number_alone() -> None:
    def work(index: int) -> int:
        if index % 3 == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

    found = dict(outcomes(9, work, 2))
    assert found == {index: None if index % 3 == 1 else index for index in range(9)}


def test_an_iterator_that_is_closed_ends_its_processes(tmp_path: Path) -> None:
    def work(index: int) -> int:
        (tmp_path / str(os.getpid())).touch()
        if index:
            time.sleep(600)
        return index

    running = outcomes(3, work, 2)
    assert next(running) == (0, 0)
    running.close()
    pids = [int(file.name) for file in tmp_path.iterdir()]
    assert pids
    assert not any(map(_lives, pids))


def test_a_worker_leaves_ctrl_c_to_its_parent() -> None:
    def work(index: int) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return index

    assert sorted(outcomes(4, work, 2)) == [(index, index) for index in range(4)]


def _lives(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_end_when_their_parent_was_killed(tmp_path: Path) -> None:
    def work(index: int) -> int:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(0.05)
        return index

    parent = multiprocessing.get_context("fork").Process(target=lambda: [*outcomes(100_000, work, 3)])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        parent.start()
    until(lambda: len([*tmp_path.iterdir()]) == 3)
    parent.kill()
    parent.join()
    pids = [int(file.name) for file in tmp_path.iterdir()]
    until(lambda: not any(map(alive, pids)), seconds=60)
