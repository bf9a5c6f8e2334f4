"""The extras of backtests with their real packages: pictures by matplotlib, candles by pyarrow, Bayesian searches by Optuna."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.local.candle_files import sample_files
from tests.support.backtest_swept import zigzag
from tests.support.foreign import environment
from tests.support.swept_files import BIG, TURNER, candle_file

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


def swept(folder: Path, *words: str) -> dict[str, Any]:
    """The document of `candlecast sweep` over a zigzag, with Optuna; every warning is an error."""
    paths = os.pathsep.join(str(ROOT / part) for part in ("layers/core", "command_line"))
    candles = candle_file(folder, zigzag(1_000))
    command = (str(environment("search")), "-W", "error", "-m", "candlecast_cli", "sweep", TURNER, "--candles", candles)
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, *BIG, *words, "--metric", "expectancy", "--json", "-"],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_bayesian_search_finds_the_best_and_is_the_same_with_any_number_of_processes(tmp_path: Path) -> None:
    grid = ("--param", "lag=-9:9:1", "--param", "more=-9:9:1", "--param", "fails=false,true")
    search = ("--search", "bayesian", "--trials", "60", "--seed", "7")
    found = swept(tmp_path, *grid, *search, "--processes", "1")
    assert (found["combinations"], found["sample"]) == (60, {"search": "bayesian", "seed": 7, "of": 722})
    assert found["tried"] + found["refused"] + found["failed"] == 60
    assert (found["refused"] > 0, found["failed"] > 0) == (True, True)
    assert found["best"]["value"] == pytest.approx(10)
    assert [note["code"] for note in found["notes"]][-1] == "SWEEP_SEARCH_LEARNS"
    assert found["significance"]["independent_trials"] > 1
    whole = {str(row["parameters"]): row["value"] for row in swept(tmp_path, *grid)["trials"]}
    assert all(row["value"] == whole[str(row["parameters"])] for row in found["trials"])
    again, other = (swept(tmp_path, *grid, *search[:-1], seed, "--processes", "2") for seed in ("7", "8"))
    assert again == found
    assert other["trials"] != found["trials"]


def test_a_bayesian_search_of_more_than_there_is_tries_everything(tmp_path: Path) -> None:
    grid = ("--param", "lag=-2:2:1", "--param", "more=0,8")
    found = swept(tmp_path, *grid, "--search", "bayesian", "--trials", "50")
    wanted = swept(tmp_path, *grid)
    assert (found["combinations"], found["refused"], found["tried"]) == (10, wanted["refused"], wanted["tried"])
    assert found["trials"] == wanted["trials"]
    assert found["significance"] == wanted["significance"]
