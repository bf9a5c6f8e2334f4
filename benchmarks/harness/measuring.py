"""The meaning of a figure, and how a busy machine measures it: CPU time, side by side with a baseline.

CPU time of this process does not count other processes. Caches and clock rates are shared, so a figure alone means little on
another day. The ratio to a baseline from the same seconds is comparable: subjects take turns (A B A B). The ratio is the median
of the ratios of neighbours.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

RUNS = 7  # odd, so that the median is a run that was; more make a figure no steadier than a few percent
RUN_NANOSECONDS = 40_000_000  # far above the clock's resolution and the cost of the loop
MAX_LOOPS = 1 << 20

CpuClock = Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing: its value in every run, and its ratio to a baseline of the same run, if it has one."""

    name: str
    unit: str
    values: tuple[float, ...]
    baseline: str | None = None
    ratio: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def row(self) -> dict[str, object]:
        """The figure as it stands in the report."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": rounded(self.median),
            "min": rounded(min(self.values)),
            "max": rounded(max(self.values)),
            "runs": len(self.values),
            "ratio": None if self.ratio is None else rounded(self.ratio),
            "baseline": self.baseline,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """A call to be measured; one call does `count` times what the figure is per."""

    name: str
    call: Callable[[], object]
    per: str = "call"
    count: int = 1


def compare(baseline: Subject, *subjects: Subject, runs: int = RUNS, cpu: CpuClock = time.process_time_ns) -> list[Figure]:
    """CPU microseconds of each, the baseline first; subjects take turns with it, run by run."""
    everyone = (baseline, *subjects)
    values: list[list[float]] = [[] for _ in everyone]
    with own_garbage():
        loops = [_loops(subject, cpu) for subject in everyone]
        for _ in range(runs):
            for subject, times, collected in zip(everyone, loops, values, strict=True):
                collected.append(_nanoseconds(subject, times, cpu) / times / subject.count / 1_000)
    figures = [Figure(name=baseline.name, unit=f"µs/{baseline.per}", values=tuple(values[0]))]
    for subject, collected in zip(subjects, values[1:], strict=True):
        figures.append(against(subject.name, f"µs/{subject.per}", collected, baseline.name, values[0]))
    return figures


def against(name: str, unit: str, values: Sequence[float], baseline: str, baseline_values: Sequence[float]) -> Figure:
    """A figure with the median of its ratios to the baseline's values, taken pair by pair."""
    ratios = [value / other for value, other in zip(values, baseline_values, strict=True)]
    return Figure(name=name, unit=unit, values=tuple(values), baseline=baseline, ratio=statistics.median(ratios))


def counted(name: str, unit: str, count: float, baseline: str | None = None, baseline_count: float | None = None) -> Figure:
    """A figure that was counted, not timed: the same in every run."""
    ratio = None if baseline_count is None else count / baseline_count
    return Figure(name=name, unit=unit, values=(float(count),), baseline=baseline, ratio=ratio)


def rounded(value: float) -> float:
    """Four digits: all that is steady, and more than anyone should read into it."""
    return float(f"{value:.4g}")


@contextmanager
def own_garbage() -> Iterator[None]:
    """Let the collector run as it does in a function, but not over what other benchmarks have left in memory."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _loops(subject: Subject, cpu: CpuClock) -> int:
    """How many calls make a run long enough to be measured; the calls made to find out warm it up."""
    loops = 1
    while loops < MAX_LOOPS and _nanoseconds(subject, loops, cpu) < RUN_NANOSECONDS:
        loops *= 2
    return loops


def _nanoseconds(subject: Subject, loops: int, cpu: CpuClock) -> int:
    call = subject.call
    begin = cpu()
    for _ in range(loops):
        call()
    return cpu() - begin
