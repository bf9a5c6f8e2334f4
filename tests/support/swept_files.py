"""The strategy file of `turner` and candle files for the commands that run many backtests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from candlecast.strategy import Candles
from tests.unit.command_line.running import run

TURNER = str(Path(__file__).with_name("turner.py"))
BIG = ("--quantity", "1", "--cash", "1000", "--fee", "0")


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
