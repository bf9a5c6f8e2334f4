"""The extras of backtests with their real packages: pictures by matplotlib, candles by pyarrow."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from infra.local.candle_files import sample_files
from tests.support.foreign import environment

pytestmark = pytest.mark.prove

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "extras"


def output(python: Path, script: str, *words: Path) -> str:
    """The output of a script, for which every warning is an error."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "layers/core"))
    done = subprocess.run(  # noqa: S603 - our own script
        [str(python), "-W", "error", str(SCRIPTS / script), *map(str, words)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def test_pictures_show_candles_equity_and_trades(tmp_path: Path) -> None:
    drawn = {
        found["name"]: found
        for found in map(json.loads, output(environment("engines"), "draw_pictures.py", tmp_path).splitlines())
    }
    assert set(drawn) == {"usual", "large", "years", "one candle", "no trades", "hostile"}
    for found in drawn.values():
        assert found["width"] == found["wanted"]
        assert found["bytes"] < 2_000_000
    for name in ("usual", "large", "years", "hostile"):
        assert min(drawn[name]["counts"]) > 100, name  # long, short and rising candles have their colours
    long, short, _ = drawn["no trades"]["counts"]
    assert long > 100  # the equity
    assert short == 0


def test_parquet_files_are_read_as_csv_files_are(tmp_path: Path) -> None:
    found = json.loads(output(environment("freqtrade"), "read_parquet.py", sample_files()[0], tmp_path))
    assert found == {
        "seconds": ["s", True],
        "milliseconds": ["ms", True],
        "microseconds": ["us", True],
        "timestamps": ["ms", True],
        "timestamps of a zone": ["ms", True],
        "no time": ["CANDLE_FILE_HEADER", "candles.parquet:1"],
        "an empty cell": ["CANDLE_FILE_NUMBER", "candles.parquet:4"],
        "a broken price": ["CANDLE_FILE_VALUES", "candles.parquet:5"],
        "times of text": ["CANDLE_FILE_NUMBER", "candles.parquet"],
        "prices of text": ["CANDLE_FILE_NUMBER", "candles.parquet"],
        "parts of milliseconds": ["CANDLE_FILE_UNREADABLE", "candles.parquet"],
        "a torn file": "CANDLE_FILE_UNREADABLE",
    }
