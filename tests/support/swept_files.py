"""A strategy file and candle files for the commands that run many backtests: the zigzag of `backtest_swept`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from candlecast.strategy import Candles
from tests.unit.command_line.running import run

TURNER = '''
"""Goes long `lag` hours behind each trough, and short `lag` hours behind each peak."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from candlecast.strategy import Candles, Parameters, Signals, Strategy, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag(Parameters):
    lag: int = parameter(0, minimum=-9, maximum=9, description="Hours behind the turn")
    more: int = parameter(0, minimum=-9, maximum=9, description="Hours beyond the lag")
    fails: bool = parameter(default=False, description="Whether there is a bug")
    pids: str = parameter("", description="A folder for ids of processes that never end")

    def check(self) -> None:
        if abs(self.lag + self.more) > 9:
            self.refuse("both together are at most 9 hours")


class Turner(Strategy[Lag]):
    name = "turner"
    description = "Turns with a zigzag."

    def rows_needed(self) -> int:
        return 1

    def signals(self, candles: Candles) -> Signals:
        if self.parameters.fails:
            raise ZeroDivisionError("planted")
        if self.parameters.pids:
            (Path(self.parameters.pids) / str(os.getpid())).touch()
            time.sleep(600)
        phase = (candles.time // 3_600_000 - self.parameters.lag - self.parameters.more) % 20
        return Signals.from_conditions(long=phase == 10, short=phase == 0)
'''
BIG = ("--quantity", "1", "--cash", "1000", "--fee", "0")


def turner_file(folder: Path) -> str:
    path = folder / "turner.py"
    path.write_text(TURNER, encoding="utf-8")
    return str(path)


def candle_file(folder: Path, candles: Candles) -> str:
    """The candles as CSV, from 2022-01-01 on, which begins a cycle of the zigzag anew."""
    path, start = folder / "candles.csv", 1_641_024_000_000  # 08:00, 20 x 22,792 hours after 1970
    columns = (candles.time + start, candles.open, candles.high, candles.low, candles.close, candles.volume)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    lines = [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(("timestamp,open,high,low,close,volume", *lines)) + "\n", encoding="utf-8")
    return str(path)


def refusal(exit_code: int, code: str, *words: str) -> str:
    """The last line of a refusal; lines before it are progress."""
    done: Any = run(*words)
    assert done.exit_code == exit_code, done.output
    assert done.stdout == ""
    line: str = done.stderr.splitlines()[-1]
    assert line.startswith(f"candlecast: {code}: "), line
    return line
