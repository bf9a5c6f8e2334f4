"""A venue in a process of its own, and executors whose clock stands: on no machine is anything too late."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.harness.executor import MemoryExecutor, TableExecutor, in_memory, on_table
from benchmarks.harness.paper_process import PaperProcess, paper_process
from candlecast.adapters.system import SystemClock
from tests.support.fakes.clock import FakeClock

PATIENCE_MS = 120_000  # limit for a request that hangs


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with paper_process() as paper:
        paper.stand_at("50000")
        yield paper


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    """Stands at the time at which the tests began."""
    return FakeClock(SystemClock().now())


@pytest.fixture(scope="module")
def executor(paper: PaperProcess, clock: FakeClock) -> Iterator[MemoryExecutor]:
    executor = in_memory(paper, clock)
    executor.template.timeout = PATIENCE_MS
    with closing(executor.template.session):
        yield executor


@pytest.fixture(scope="module")
def on_aws(paper: PaperProcess, clock: FakeClock) -> Iterator[TableExecutor]:
    executor = on_table(paper, clock)
    executor.template.timeout = PATIENCE_MS
    with closing(executor.template.session):
        yield executor
