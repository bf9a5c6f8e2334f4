"""The command `candlecast backtest` over the cases that other engines have run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from tests.golden.backtests import Case, Run
from tests.support.plain_backtest import read_rows
from tests.unit.command_line.running import run

LEVELS_FILE = Path(__file__).with_name("crossing_with_levels.py")
CASH = 10_000_000
NAMES = ("time", "open", "high", "low", "close")


def result_of(wanted: Run, folder: Path) -> dict[str, Any]:
    """The command's JSON for the experiment of a run; `folder` is for files."""
    out = folder / "result.json"
    words = [str(file_of(wanted.case, folder)), "--fill", wanted.fill, "--json", str(out)]
    done = run(
        "backtest", *strategy_words(wanted), "--candles", *words, "--fee", "0.0004", "--quantity", "1", "--cash", f"{CASH}"
    )
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def strategy_words(wanted: Run) -> list[str]:
    """Strategy and parameters: `sma_cross`, or a file whose stop and target are measured from the fill."""
    periods = ["--param", "fast_period=10", "--param", "slow_period=30"]
    if wanted.levels == "none":
        return ["sma_cross", *periods]
    levels = {"stop": wanted.case.stop, "target": wanted.case.target, "fill": wanted.fill}
    return [str(LEVELS_FILE), *periods, *(word for it in levels.items() for word in ("--param", "=".join(it))), "--levels"]


def file_of(case: Case, folder: Path) -> Path:
    """The case's file, or the case's part of that file."""
    if not case.rows and not case.gap:
        return case.path
    path = folder / f"{case.name}.csv"
    if not path.is_file():
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("timestamp", *NAMES[1:], "volume"))
            writer.writerows((*(getattr(row, name) for name in NAMES), 1) for row in case.of(read_rows(case.path)))
    return path
