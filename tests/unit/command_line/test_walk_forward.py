"""`candlecast walk-forward` shows each choice with its test, and all tests as one backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.backtests.sweep import RandomSearch
from tests.support.backtest_swept import zigzag
from tests.support.swept_files import BIG, TURNER, candle_file, refusal
from tests.unit.command_line.running import run

WINDOWS = ("--train", "400h", "--test", "100h")
LAGS = ("--param", "lag=-5:5:5", "--metric", "total_return")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    candles = candle_file(tmp_path, zigzag(1_600, turn=1_000, late=5))
    return [TURNER, "--candles", candles, *BIG, "--processes", "1"]


def walked(*words: str) -> dict[str, Any]:
    done = run("walk-forward", *words, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_document_has_each_window_and_the_tests_as_one_backtest(words: list[str]) -> None:
    found = walked(*words, *LAGS, *WINDOWS)
    windows = found["windows"]
    assert len(windows) == 12
    assert [row["parameters"]["lag"] for row in windows] == [0] * 8 + [5] * 4
    assert set(windows[0]) == {
        *("train_begin", "test_begin", "test_end", "train_rows", "test_rows", "parameters", "train_value", "train_return"),
        *("test_value", "test_return", "middle_test_return", "final_equity", "failed"),
    }
    assert windows[0]["test_begin"] - windows[0]["train_begin"] == 400 * 3_600_000
    assert windows[0]["test_return"] == pytest.approx(0.099)
    # The market is late in the tests from the seventh on; two of them are traded before the trainings know.
    assert (found["windows_judged"], found["windows_above_middle"]) == (12, 10)
    assert found["chance_of_as_many"] == pytest.approx(79 / 4096)
    result = found["out_of_sample"]
    assert result["rows"] == 1_200
    assert result["final_equity"] == pytest.approx(windows[-1]["final_equity"])
    assert {trade["reason"] for trade in result["trades"]} == {"REVERSAL", "WINDOW_END"}
    assert result["parameters"] == {"train": "400h", "test": "100h", "chosen by": "total_return"}


def test_a_choice_is_the_best_of_a_sweep_over_its_training(words: list[str]) -> None:
    """The first training has no history before it, as the sweep has none."""
    first = walked(*words, "--param", "lag=-3:6:3", *WINDOWS)["windows"][0]
    span = ("--from", str(first["train_begin"]), "--to", str(first["test_begin"]))
    best = json.loads(run("sweep", *words, "--param", "lag=-3:6:3", *span, "--json", "-").stdout)["best"]
    assert first["parameters"] == best["parameters"]
    assert first["train_return"] == pytest.approx(best["total_return"])


def test_a_walk_forward_chooses_among_the_combinations_of_a_random_search(words: list[str]) -> None:
    found = walked(*words, "--param", "lag=-9:9:1", *WINDOWS, "--search", "random", "--trials", "4", "--seed", "3")
    assert (found["combinations"], found["sample"]) == (4, {"search": "random", "seed": 3, "of": 19})
    drawn = {number - 9 for number in RandomSearch(count=4, seed=3).numbers(19)}
    assert {row["parameters"]["lag"] for row in found["windows"]} <= drawn


def test_an_anchored_walk_trains_on_all_before(words: list[str]) -> None:
    windows = walked(*words, *LAGS, *WINDOWS, "--anchored")["windows"]
    assert [row["train_rows"] for row in windows] == [*range(400, 1_600, 100)]


def test_the_table_has_a_line_for_each_window(words: list[str]) -> None:
    done = run("walk-forward", *words, *LAGS, *WINDOWS)
    assert done.exit_code == 0, done.output
    head, *lines = done.stdout.splitlines()
    assert head.startswith("Test from")
    assert lines[0].split()[:3] == ["2022-01-18", "00:00", "lag=0"]
    assert "The choice beat the middle of all combinations in 10 of 12 tests." in done.stdout
    assert "Efficiency: a day of the tests earned " in done.stdout
    assert "Sharpe ratio" in done.stdout
    assert "3 combinations: 3 tried." in done.stdout


def test_a_page_of_the_tests_is_written(words: list[str], tmp_path: Path) -> None:
    page = tmp_path / "walk.html"
    done = run("walk-forward", *words, *LAGS, *WINDOWS, "--plot", str(page))
    assert done.exit_code == 0, done.output
    assert "train = 400h, test = 100h, chosen by = total_return" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("USAGE", ["--train", "400h", "--test", "soon"]),
        ("USAGE", ["--train", "0d", "--test", "1d"]),
        ("USAGE", ["--train", "4.5d", "--test", "1d"]),
        ("USAGE", ["--train", "400h"]),
        ("WALK_FORWARD_WINDOWS", ["--train", "90d", "--test", "1d"]),
        ("WALK_FORWARD_WINDOWS", ["--train", "1d", "--test", "1m"]),
        ("METRIC_UNKNOWN", [*WINDOWS, "--metric", "luck"]),
    ],
)
def test_wrong_words_are_refused(words: list[str], code: str, more: list[str]) -> None:
    refusal(2, code, "walk-forward", *words, "--param", "lag=0,5", *more)


def test_trainings_without_any_choice_fail(words: list[str]) -> None:
    line = refusal(1, "WALK_FORWARD_NO_CHOICE", "walk-forward", *words, "--param", "fails=true", *WINDOWS)
    assert "ZeroDivisionError: planted" in line
