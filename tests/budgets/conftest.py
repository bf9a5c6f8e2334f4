"""A venue in a process of its own, and executors at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from benchmarks.harness.executor import MemoryExecutor, TableExecutor, in_memory, on_table
from benchmarks.harness.paper_process import PaperProcess, paper_process
from candlecast.adapters.system import SystemClock


@pytest.fixture(scope="module")
def paper() -> Iterator[PaperProcess]:
    with paper_process() as paper:
        paper.stand_at("50000")
        yield paper


@pytest.fixture(scope="module")
def executor(paper: PaperProcess) -> Iterator[MemoryExecutor]:
    executor = in_memory(paper, SystemClock())
    with closing(executor.template.session):
        yield executor


@pytest.fixture(scope="module")
def on_aws(paper: PaperProcess) -> Iterator[TableExecutor]:
    executor = on_table(paper, SystemClock())
    with closing(executor.template.session):
        yield executor
