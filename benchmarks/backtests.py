"""Backtests beside those of vectorbt and backtesting.py: the same candles, orders and fees, in turns, in one run.

Calls are measured within processes that live on, after a first call that compiles. Whole processes go from their start to a
written result. Every engine must find the same trades, fees and equity, or the suite fails. With levels vectorbt loses the orders
of a candle whose stop or target fills, so its count of trades may differ a little.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engines.experiment_values import CASH, FAST, FEE, SLOW
from benchmarks.harness.measuring import Figure, against, rounded
from infra.local.candle_files import sample_files
from infra.local.project import ROOT

HERE = Path(__file__).parent / "engines"
SCRIPTS = ROOT / "tests" / "foreign" / "engines"
PYTHON = ROOT / ".venvs" / "engines" / "bin" / "python"
COMMAND = ROOT / ".venvs" / "dev" / "bin" / "candlecast"
LONG_ROWS, SHORT_ROWS = 1_000_000, 100_000
CALLS, SWEEPS, PROCESSES = 9, 5, 3  # runs, odd, so that the median is a run that was
SAME = 1e-6  # relative: the sums of an engine have the noise of its own order
NEARLY = 0.01  # of the trades, with levels
TILED = "import sys, tiled; tiled.tiled(sys.argv[1], int(sys.argv[2])).to_csv(sys.argv[3], index=False)"
CPU, WALL, PEAK = "CPU", "wall", "peak memory"


@dataclass(frozen=True, slots=True)
class Row:
    """A subject of ours beside another engine's: the other's figure through ours, so twice as fast is 2."""

    key: str  # in the report's section
    ours: str
    other: str


CALLED = (
    Row("two_averages", f"two averages, {LONG_ROWS:,} candles", f"vectorbt: two averages, {LONG_ROWS:,} candles"),
    Row("sma_cross", f"sma_cross, {LONG_ROWS:,} candles", f"vectorbt: two averages, {LONG_ROWS:,} candles"),
    Row("levels", f"stops and targets, {LONG_ROWS:,} candles", f"vectorbt: stops and targets, {LONG_ROWS:,} candles"),
    Row("sweep", f"sweep of 200 pairs, {SHORT_ROWS:,} candles", f"vectorbt: sweep of 200 pairs, {SHORT_ROWS:,} candles"),
)
PROCESS = f"whole process, {SHORT_ROWS:,} candles"
WHOLE = (
    Row("process_vectorbt", PROCESS, f"vectorbt: {PROCESS}"),
    Row("process_backtesting", PROCESS, f"backtesting.py: {PROCESS}"),
)
MEMORY = (  # ours through the other's: a third is 0.33
    Row("memory", CALLED[0].ours, CALLED[0].other),
    Row("process_memory", PROCESS, WHOLE[0].other),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One call, or one process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    answer: tuple[float, ...]  # trades, fees, final equity; of a sweep the number of pairs and the best final equity


def figures(candles: Path | None) -> Iterator[Figure]:
    """CPU time, wall time and peak memory of every row, the other engine first."""
    subprocess.run(["/bin/sh", "infra/local/bootstrap.sh", "engines"], cwd=ROOT, check=True)
    file = (candles or sample_files()[0]).resolve()
    averages, sma_cross, levels, sweep = CALLED
    yield from compared(
        called(file, {averages.other: "warm", averages.ours: "averages", sma_cross.ours: "sma_cross"}, LONG_ROWS, CALLS)
    )
    yield from compared(called(file, {levels.other: "levels", levels.ours: "levels"}, LONG_ROWS, CALLS), tolerance=NEARLY)
    yield from compared(called(file, {sweep.other: "sweep", sweep.ours: "sweep"}, SHORT_ROWS, SWEEPS))
    yield from compared(processes(file))


def section(figures: Sequence[Figure]) -> Mapping[str, object]:
    """The ratio of each row, its median; `spread` has least, median and most of CPU and wall time."""
    values = {figure.name: figure.values for figure in figures}

    def spread_of(row: Row, clock: str) -> tuple[float, float, float]:
        return _spread(values[figure_name(row.other, clock)], values[figure_name(row.ours, clock)])

    spread = {row.key: {clock: spread_of(row, clock) for clock in (CPU, WALL)} for row in (*CALLED, *WHOLE)}
    memory = {
        row.key: rounded(max(values[figure_name(row.ours, PEAK)]) / max(values[figure_name(row.other, PEAK)])) for row in MEMORY
    }
    return {**{key: clocks[CPU][1] for key, clocks in spread.items()}, **memory, "spread": spread}


def figure_name(subject: str, clock: str) -> str:
    return f"backtest: {subject}, {clock}"


def compared(runs: Mapping[str, Sequence[Run]], tolerance: float = SAME) -> Iterator[Figure]:
    """Figures of subjects that took turns, each against the first; all must have the same answer."""
    baseline = next(iter(runs))
    for subject, found in runs.items():
        if not same(found[-1].answer, runs[baseline][-1].answer, tolerance):
            raise ValueError(f"{subject} finds {found[-1].answer}, {baseline} {runs[baseline][-1].answer}")
    for clock, unit, field in ((CPU, "s", "cpu_seconds"), (WALL, "s", "seconds"), (PEAK, "bytes", "peak_bytes")):
        measured = {subject: [float(getattr(run, field)) for run in found] for subject, found in runs.items()}
        for subject, values in measured.items():
            name = figure_name(subject, clock)
            if subject == baseline:
                yield Figure(name=name, unit=unit, values=tuple(values))
            else:
                yield against(name, unit, values, figure_name(baseline, clock), measured[baseline])


def same(found: Sequence[float], wanted: Sequence[float], tolerance: float) -> bool:
    """Whether two answers are equal up to a share of their size."""
    return len(found) == len(wanted) and all(
        math.isclose(mine, other, rel_tol=tolerance) for mine, other in zip(found, wanted, strict=True)
    )


def called(file: Path, subjects: Mapping[str, str], rows: int, count: int) -> dict[str, list[Run]]:
    """So many calls of each subject within its own process, in turns. The first is vectorbt's."""
    runs: dict[str, list[Run]] = {subject: [] for subject in subjects}
    with ExitStack() as stack:
        lines = {}
        for number, (subject, word) in enumerate(subjects.items()):
            python, script = (sys.executable, "calls_of_candlecast.py") if number else (str(PYTHON), "calls_of_vectorbt.py")
            words = [python, str(HERE / script), str(file), word, "--rows", str(rows)]
            lines[subject] = stack.enter_context(caller(words))
            next(lines[subject])  # compiles
        for _ in range(count):
            for subject, found in runs.items():
                found.append(next(lines[subject]))
    return runs


@contextmanager
def caller(words: Sequence[str]) -> Iterator[Iterator[Run]]:
    """A process that makes one call whenever it is asked for the next one."""
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own scripts
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield _answers(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _answers(asked: Any, answered: Iterable[str]) -> Iterator[Run]:
    answers = iter(answered)
    while True:
        asked.write("\n")
        asked.flush()
        found = json.loads(next(answers))
        yield Run(found["seconds"], found["cpu_seconds"], found["peak_bytes"], tuple(map(float, found["answer"])))


def processes(file: Path) -> dict[str, list[Run]]:
    """Whole processes in turns; the first round fills the caches and is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        tiled, result = Path(folder) / "tiled.csv", Path(folder) / "result.json"
        subprocess.run([PYTHON, "-c", TILED, file, str(SHORT_ROWS), tiled], cwd=HERE, check=True)  # noqa: S603 - our own script
        terms = ["--quantity", "1", "--cash", str(CASH), "--fee", str(FEE), "--fill", "next_open", "--json", str(result)]
        averages = ["--param", f"fast_period={FAST}", "--param", f"slow_period={SLOW}"]
        words = {
            WHOLE[0].other: [str(PYTHON), str(SCRIPTS / "run_vectorbt.py"), str(tiled)],
            WHOLE[1].other: [str(PYTHON), str(SCRIPTS / "run_backtesting.py"), str(tiled)],
            PROCESS: [str(COMMAND), "backtest", str(HERE / "two_averages.py"), "--candles", str(tiled), *averages, *terms],
        }
        runs: dict[str, list[Run]] = {subject: [] for subject in words}
        for number in range(1 + PROCESSES):
            for subject, command in words.items():
                run = whole(command, result if subject == PROCESS else None)
                if number:
                    runs[subject].append(run)
    return runs


def whole(command: Sequence[str], result: Path | None) -> Run:
    """One process from its start to its result, on stdout or in a file."""
    measured = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, HERE / "measured.py", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if measured.returncode:
        raise ChildProcessError(measured.stderr)
    found = json.loads(measured.stdout)
    answer = json.loads(found["output"] if result is None else result.read_text(encoding="utf-8"))
    money = (float(answer["closed_trades"]), float(answer["fees"]), float(answer["final_equity"]))
    return Run(found["seconds"], found["cpu_seconds"], found["peak_bytes"], money)


def _spread(others: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Least, median and most of the ratios of neighbours."""
    ratios = [other / mine for other, mine in zip(others, ours, strict=True)]
    return rounded(min(ratios)), rounded(statistics.median(ratios)), rounded(max(ratios))
