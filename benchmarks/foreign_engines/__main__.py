"""`python -m benchmarks.foreign_engines CANDLES`: time and memory of vectorbt and backtesting.py, figures as JSON lines.

`vectorbt` and `backtesting` are whole processes from their start to a printed result. `vectorbt warm`, `levels` and `sweep` are
calls within one process, compiled before. A process is measured by itself: wall and CPU time, and its peak resident memory.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venvs" / "engines" / "bin" / "python"
SPEED = Path(__file__).parent / "speed_vectorbt.py"
SCRIPTS = ROOT / "tests" / "foreign" / "engines"
ENGINES = ("vectorbt", "backtesting")
WARM_ROWS, PROCESS_ROWS = 1_000_000, 100_000
RUNS = 3  # of a process; odd, so that the median is a run that was
TILED = "import sys, tiled; tiled.tiled(sys.argv[1], int(sys.argv[2])).to_csv(sys.argv[3], index=False)"


@dataclass(frozen=True, slots=True)
class ForeignFigure:
    """`first_seconds` is the first call with its compilation, or the first process; the others are medians of later ones."""

    name: str
    rows: int
    first_seconds: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Process:
    """An ended process: `peak_bytes` is its peak resident memory.

    Linux counts a process from its fork on, with the memory of its parent. So the measuring process stays small.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("candles", type=Path)
    parser.add_argument("--only", help="part of the names of the figures")
    asked = parser.parse_args()
    subprocess.run(["/bin/sh", "infra/local/bootstrap.sh", "engines"], cwd=ROOT, check=True)
    for figure in figures(asked.candles, asked.only or ""):
        sys.stdout.write(json.dumps(asdict(figure)) + "\n")
        sys.stdout.flush()


def figures(candles: Path, only: str = "") -> Iterator[ForeignFigure]:
    """Every figure whose name has `only` in it."""
    for subject, rows in (("warm", WARM_ROWS), ("levels", WARM_ROWS), ("sweep", PROCESS_ROWS)):
        if only in f"vectorbt {subject}":
            yield calls(candles, subject, rows)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tiled.csv"
        if any(only in engine for engine in ENGINES):
            run([str(PYTHON), "-c", TILED, str(candles.resolve()), str(PROCESS_ROWS), str(file)], cwd=SPEED.parent)
        yield from (whole(engine, file) for engine in ENGINES if only in engine)


def calls(candles: Path, subject: str, rows: int) -> ForeignFigure:
    """vectorbt within a process."""
    process = run([str(PYTHON), str(SPEED), str(candles), subject, "--rows", str(rows)])
    found = json.loads(process.output)
    name = f"vectorbt {found.pop('subject')}"
    return ForeignFigure(name, **found)


def whole(engine: str, file: Path) -> ForeignFigure:
    """The experiment of `tests/foreign/engines` from the start of a process to its result; the first run fills the caches."""
    first, *later = (run([str(PYTHON), str(SCRIPTS / f"run_{engine}.py"), str(file)]) for _ in range(1 + RUNS))
    result = json.loads(first.output)
    return ForeignFigure(
        engine,
        result["rows"],
        first.seconds,
        statistics.median(process.seconds for process in later),
        statistics.median(process.cpu_seconds for process in later),
        max(process.peak_bytes for process in later),
        [result["closed_trades"], result["fees"], result["final_equity"]],
    )


def run(words: Sequence[str], cwd: Path = ROOT) -> Process:
    """Run a program to its end; a failure shows its last words."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(words, cwd=cwd, stdout=output, stderr=errors)  # noqa: S603 - our own scripts
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            sys.exit(errors.read().decode()[-3_000:])
        return Process(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output.read().decode())


if __name__ == "__main__":
    main()
