"""Golden results of vectorbt and backtesting.py: the cases, their runs, and the form of their files.

`trades-CASE-ENGINE.csv.gz` holds the closed trades of a case's four runs, `totals.csv` a line for each run.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from infra.local.candle_files import SAMPLE_DIRECTORY
from tests.support.candle_rows import RECORDED

FOLDER = Path(__file__).parent
TOTALS = FOLDER / "totals.csv"
SCRIPTS = Path(__file__).resolve().parents[2] / "foreign" / "engines"
ENGINES = ("vectorbt", "backtesting")
FILLS = ("next_open", "close")
LEVELS = ("none", "stops")
DIGITS = 12  # the noise of float64 begins at the sixteenth
EQUITY_DIGITS = 15  # what was gained is the last part of the equity
TRADE = ("side", "entry_time", "entry_price", "exit_time", "exit_price", "quantity", "fees", "pnl")
POSITION = ("side", "entry_time", "entry_price", "quantity", "mark_price", "fees", "pnl")


@dataclass(frozen=True, slots=True)
class Case:
    """Candles of a file: all, or the first `rows`, or all without the rows from `gap[0]` to before `gap[1]`.

    `stop` and `target` are shares of the entry price, for the runs with levels.
    """

    name: str
    file: str
    rows: int | None = None
    gap: tuple[int, int] | None = None
    stop: str = "0.01"
    target: str = "0.02"

    @property
    def path(self) -> Path:
        sample = SAMPLE_DIRECTORY / self.file
        return sample if sample.is_file() else RECORDED / self.file

    def options(self) -> str:
        """The options of an engine's script that cut the file."""
        cut = f" --rows {self.rows}" if self.rows else ""
        return cut + (f" --without {self.gap[0]}:{self.gap[1]}" if self.gap else "")

    def of[T](self, rows: Sequence[T]) -> list[T]:
        """The case's part of the rows of the file."""
        if self.gap:
            return [*rows[: self.gap[0]], *rows[self.gap[1] :]]
        return list(rows[: self.rows])


CASES = (
    Case("btc-1m", "BTC-USDT-perp-1m-2022-01.csv.gz"),
    Case("eth-btc-5m", "ETH-BTC-spot-5m-2018-01.csv.gz"),
    Case("xrp-5m", "XRP-USDT-perp-5m-2021-11.csv.gz"),
    Case("xrp-gap-beyond-a-stop", "XRP-USDT-perp-5m-2021-11.csv.gz", gap=(350, 410)),
    Case("xrp-gap-beyond-a-target", "XRP-USDT-perp-5m-2021-11.csv.gz", gap=(380, 410)),
    Case("sample-btc", "BTC-USDT-perp-1m-sample.csv.gz", stop="0.002", target="0.004"),
    Case("sample-eth", "ETH-USDT-perp-1m-sample.csv.gz", stop="0.002", target="0.004"),
    Case("sample-btc-last-row-decides", "BTC-USDT-perp-1m-sample.csv.gz", rows=631),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one engine over a case."""

    case: Case
    engine: str
    fill: str
    levels: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.case.name, self.engine, self.fill, self.levels

    def line(self) -> str:
        """The options of the engine's script."""
        levels = f" --stop {self.case.stop} --target {self.case.target}" if self.levels == "stops" else ""
        return f"{shlex.quote(str(self.case.path))} --fill {self.fill}{levels}{self.case.options()}"


def runs(cases: Iterable[Case] = CASES, engines: Iterable[str] = ENGINES) -> Iterator[Run]:
    return (Run(*words) for words in product(cases, engines, FILLS, LEVELS))


def results(python: Path, engine: str, wanted: Sequence[Run]) -> list[dict[str, Any]]:
    """The engine's present answers, in the order of the runs; `python` is that of the environment `engines`."""
    words = [str(python), str(SCRIPTS / f"run_{engine}.py")]
    lines = "\n".join(run.line() for run in wanted)
    done = subprocess.run(words, input=lines, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 0, done.stderr[-3_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def golden(run: Run) -> dict[str, Any]:
    """The engine's recorded answer, in the form of its script's result."""
    totals = next(row for row in _totals() if (row["case"], row["engine"], row["fill"], row["levels"]) == run.key)
    position = {name: _value(name, totals[f"open_{name}"]) for name in POSITION if totals[f"open_{name}"]}
    return {
        "engine": run.engine,
        "rows": int(totals["rows"]),
        "closed_trades": int(totals["closed_trades"]),
        "fees": float(totals["fees"]),
        "final_equity": float(totals["final_equity"]),
        "open_position": position or None,
        "trades": [
            {name: _value(name, row[name]) for name in TRADE}
            for row in _trades(run.case.name, run.engine)
            if (row["fill"], row["levels"]) == (run.fill, run.levels)
        ],
    }


def write_trades(case: Case, engine: str, answered: Sequence[tuple[Run, dict[str, Any]]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("fill", "levels", *TRADE))
    for run, result in answered:
        writer.writerows((run.fill, run.levels, *(_text(trade[name]) for name in TRADE)) for trade in result["trades"])
    _trades_file(case.name, engine).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def write_totals(answered: Sequence[tuple[Run, dict[str, Any]]]) -> None:
    with TOTALS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        counted = ("rows", "closed_trades", "fees", "final_equity")
        writer.writerow(("case", "engine", "fill", "levels", *counted, *(f"open_{name}" for name in POSITION)))
        for run, result in answered:
            held = result["open_position"] or {}
            equity = f"{result['final_equity']:.{EQUITY_DIGITS}g}"
            values = [*(result[name] for name in counted[:-1]), equity, *(held.get(name, "") for name in POSITION)]
            writer.writerow((*run.key, *map(_text, values)))


def _text(value: object) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _value(name: str, text: str) -> str | int | float:
    return text if name == "side" else int(text) if name.endswith("_time") else float(text)


def _trades_file(case: str, engine: str) -> Path:
    return FOLDER / f"trades-{case}-{engine}.csv.gz"


@cache
def _totals() -> list[dict[str, str]]:
    with TOTALS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _trades(case: str, engine: str) -> list[dict[str, str]]:
    with gzip.open(_trades_file(case, engine), "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
