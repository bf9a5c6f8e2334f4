"""`candlecast sweep` ranks every combination, doubts the best one, and leaves no process behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from candlecast_cli.main import app
from tests.support.backtest_swept import zigzag
from tests.support.swept_files import BIG, TURNER, candle_file, refusal
from tests.support.waiting import until
from tests.unit.command_line.running import run

BY_EXPECTANCY = ("--metric", "expectancy")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    return [TURNER, "--candles", candle_file(tmp_path, zigzag(1_000)), *BIG, "--processes", "1"]


def swept(*words: str) -> dict[str, Any]:
    done = run("sweep", *words, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_document_has_every_combination_from_the_best_on(words: list[str]) -> None:
    found = swept(*words, "--param", "lag=-4:4:2", "--param", "more=0,8", *BY_EXPECTANCY)
    assert (found["combinations"], found["tried"], found["refused"], found["failed"]) == (10, 8, 2, 0)
    assert found["refusal"] == "both together are at most 9 hours"
    assert found["axes"] == {"lag": [-4, -2, 0, 2, 4], "more": [0, 8]}
    assert [(row["parameters"]["lag"], row["parameters"]["more"]) for row in found["trials"][:3]] == [(0, 0), (-2, 0), (2, 0)]
    assert [row["value"] for row in found["trials"]] == pytest.approx([10, 6, 6, 2, 2, 2, -2, -6])
    assert found["best"] | {"at_edge_of": 0} == found["trials"][0] | {"at_edge_of": 0}
    assert set(found["trials"][0]) == {
        *("parameters", "value", "plateau", "total_return", "sharpe_ratio", "max_drawdown", "trades", "error")
    }
    assert set(found["significance"]) == {
        *("days", "ruined", "independent_trials", "expected_best_sharpe_ratio", "deflated_sharpe_ratio"),
        *("probability_of_overfitting", "loss_probability", "halves", "days_needed_for_overfitting"),
    }
    assert found["significance"]["days"] == 42
    assert 0 <= found["significance"]["probability_of_overfitting"] <= 1
    assert found["buy_and_hold"]["total_return"] == pytest.approx(109 / 110 - 1)
    assert found["file"]["rows"] == 1_000
    assert found["settings"]["quantity"] == 1


def test_a_random_search_tries_some_combinations_and_says_which_seed_has_drawn_them(words: list[str]) -> None:
    grid = ("--param", "lag=-9:9:1", "--param", "more=-9:9:1", *BY_EXPECTANCY)
    found = swept(*words, *grid, "--search", "random", "--trials", "20", "--seed", "7")
    assert (found["combinations"], found["sample"]) == (20, {"search": "random", "seed": 7, "of": 361})
    assert found["tried"] + found["refused"] == 20
    whole = {str(row["parameters"]): row["value"] for row in swept(*words, *grid)["trials"]}
    assert all(row["value"] == whole[str(row["parameters"])] for row in found["trials"])
    assert swept(*words, *grid, "--search", "random", "--trials", "20")["trials"] != found["trials"]
    told = run("sweep", *words, *grid, "--search", "random", "--trials", "20", "--seed", "7").stdout
    assert "20 combinations of 361, by random search with seed 7: " in " ".join(told.split())


@pytest.mark.parametrize("more", [["--trials", "5"], ["--seed", "5"], ["--search", "random"], ["--search", "luck"]])
def test_options_of_a_search_come_together(words: list[str], more: list[str]) -> None:
    for command in (["sweep"], ["walk-forward", "--train", "400h", "--test", "100h"]):
        refusal(2, "USAGE", *command, *words, "--param", "lag=0,5", *more)


def test_a_bayesian_search_without_its_extra_says_which(words: list[str]) -> None:
    search = ("--param", "lag=0,1", "--search", "bayesian", "--trials", "2")
    assert "pip install '.[search]'" in refusal(3, "EXTRA_MISSING", "sweep", *words, *search)


def test_a_bayesian_search_is_for_sweeps_of_this_machine(words: list[str]) -> None:
    search = ("--param", "lag=0,1", "--search", "bayesian", "--trials", "2")
    refusal(2, "USAGE", "walk-forward", *words, *search, "--train", "400h", "--test", "100h")
    refusal(2, "USAGE", "sweep", "turner", "--remote", "--from", "2026-11-01", *search)


def test_a_combination_has_the_figures_of_its_backtest(words: list[str]) -> None:
    alone = run("backtest", *words[:-2], "--param", "lag=2", "--json", "-", "--slippage-bps", "3")
    metrics = json.loads(alone.stdout)["metrics"]
    found = swept(*words, "--param", "lag=2,3", "--slippage-bps", "3")["best"]
    assert found["parameters"] == {"lag": 2}
    assert found["value"] == metrics["sharpe_ratio"]
    assert found["max_drawdown"] == metrics["max_drawdown"]
    assert found["total_return"] == pytest.approx(metrics["total_return"])
    assert found["trades"] == metrics["trades"]


def test_candles_before_the_span_are_history(words: list[str]) -> None:
    span = ("--from", "2022-01-11T00:00", "--to", "2022-01-21T00:00")
    alone = json.loads(run("backtest", *words[:-2], "--json", "-", *span).stdout)
    assert (alone["rows"], alone["first_decision_row"]) == (240, 0)
    found = swept(*words, "--param", "lag=0,1", *span)
    assert found["best"]["trades"] == alone["closed_trades"] > 0
    assert found["best"]["sharpe_ratio"] == alone["metrics"]["sharpe_ratio"]


def test_the_table_shows_the_best_beside_buy_and_hold(words: list[str]) -> None:
    done = run("sweep", *words, "--param", "lag=-4:4:1", "--param", "more=0:9:3", *BY_EXPECTANCY, "--top", "3")
    assert done.exit_code == 0, done.output
    title, head, *lines = done.stdout.splitlines()
    assert title.startswith("candles.csv, 1h, 2022-01-01 08:00 to 2022-02-11 23:00 UTC, 1,000 candles")
    assert " ".join(head.split()) == (
        "lag more Expectancy of a trade Its plateau Total return Sharpe ratio Max drawdown Closed trades"
    )
    ranked = [line.split()[:4] for line in lines[:3]]
    assert ranked == [["1", "-3", "3", "10.00"], ["2", "0", "0", "10.00"], ["3", "-4", "3", "8.00"]]
    assert lines[3].startswith("buy and hold")
    told = "\n".join(lines[4:])
    assert "36 combinations: 31 tried, 5 refused by the strategy (both together are at most 9 hours)." in told
    assert "Best: lag=-3, more=3: Expectancy of a trade 10.00, plateau 6.00." in told
    assert "Highest plateau: lag=-3, more=0: Expectancy of a trade 4.00, plateau 7.00." in told
    assert "Deflated Sharpe ratio: " in told
    assert "Probability of overfitting: " in told


def test_too_few_days_say_so(tmp_path: Path) -> None:
    words = [TURNER, "--candles", candle_file(tmp_path, zigzag(300)), *BIG, "--processes", "1"]
    done = run("sweep", *words, "--param", "lag=0:4")
    assert "Probability of overfitting: unknown. It needs 32 days, here are 13, and two combinations." in done.stdout


def test_files_of_every_kind_are_written(words: list[str], tmp_path: Path) -> None:
    table, page, document = (tmp_path / name for name in ("all.csv", "map.html", "sweep.json"))
    outputs = ("--csv", str(table), "--plot", str(page), "--json", str(document))
    done = run("sweep", *words, "--param", "lag=-4:4:2", "--param", "more=0,8", *outputs)
    assert done.exit_code == 0, done.output
    with table.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [*rows[0]] == ["lag", "more", "sharpe_ratio", "plateau", "total_return", "max_drawdown", "trades", "error"]
    trials = json.loads(document.read_text(encoding="utf-8"))["trials"]
    assert [(int(row["lag"]), float(row["sharpe_ratio"])) for row in rows] == [
        (row["parameters"]["lag"], row["sharpe_ratio"]) for row in trials
    ]
    text = page.read_text(encoding="utf-8")
    assert "<h2>Sweep: sharpe_ratio</h2>" in text
    assert "the best of 8:" in text


def test_one_parameter_has_no_heat_map(words: list[str], tmp_path: Path) -> None:
    page = tmp_path / "one.html"
    done = run("sweep", *words, "--param", "lag=-4:4:2", "--plot", str(page))
    assert done.exit_code == 0, done.output
    assert "no heat map: it needs two numeric parameters with several values" in done.stderr
    assert "<h2>Sweep" not in page.read_text(encoding="utf-8")


def test_a_combination_that_fails_is_told_and_loses_no_other(words: list[str]) -> None:
    done = run("sweep", *words, "--param", "lag=0,1", "--param", "fails=true,false")
    assert done.exit_code == 0, done.output
    assert "4 combinations: 2 tried, 2 failed (STRATEGY_FAILED: turner.py:" in done.stdout
    found = swept(*words, "--param", "lag=0,1", "--param", "fails=true,false")
    assert [row["error"] is None for row in found["trials"]] == [True, True, False, False]


def test_a_sweep_that_fails_as_a_whole_fails(words: list[str]) -> None:
    line = refusal(1, "SWEEP_FAILED", "sweep", *words, "--param", "lag=0,1", "--param", "fails=true")
    assert "ZeroDivisionError: planted" in line


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("PARAMETER_UNKNOWN", ["--param", "speed=1:3"]),
        ("PARAMETER_INVALID", ["--param", "lag=1:3:x"]),
        ("SWEEP_EMPTY", ["--param", "lag=8,9", "--param", "more=8,9"]),
        ("SWEEP_TOO_LARGE", ["--param", "lag=0:100000"]),
        ("METRIC_UNKNOWN", ["--param", "lag=0:3", "--metric", "max_drawdown"]),
        ("USAGE", []),
        ("USAGE", ["--param", "lag=0:3", "--processes", "0"]),
        ("USAGE", ["--param", "lag=0:3", "--from", "2022-02-01", "--to", "2022-01-01"]),
        ("USAGE", ["--param", "lag=0:3", "--plot", "map.gif"]),
    ],
)
def test_wrong_words_are_refused(words: list[str], code: str, more: list[str]) -> None:
    refusal(2, code, "sweep", *words, *more)


def test_a_file_that_can_not_be_written_is_refused_before_the_work(words: list[str], tmp_path: Path) -> None:
    refusal(1, "FILE_NOT_WRITTEN", "sweep", *words, "--param", "lag=0:3", "--csv", str(tmp_path / "no" / "all.csv"))


def test_every_option_of_a_backtest_is_one_of_a_sweep_and_of_a_walk() -> None:
    commands: Any = typer.main.get_command(app)
    options = {
        name: {word for parameter in commands.commands[name].params for word in parameter.opts}
        for name in ("backtest", "sweep", "walk-forward")
    }
    of_the_platform = {"--remote", "--api", "--token-file", "--name"}
    assert options["backtest"] - of_the_platform <= options["sweep"]
    assert options["backtest"] - of_the_platform <= options["walk-forward"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", ["1", "2"])
def test_ctrl_c_ends_the_sweep_and_all_its_processes(tmp_path: Path, name: signal.Signals, processes: str) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    command = [sys.executable, "-m", "candlecast_cli", "sweep", TURNER, "--candles"]
    command += [candle_file(tmp_path, zigzag(300)), "--param", "lag=0:5", "--param", f"pids={pids}", "--processes", processes]
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("layers/core", "command_line", "."))
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env={**os.environ, "PYTHONPATH": paths}, stdout=-1, stderr=-1, text=True, start_new_session=True
    ) as process:
        until(lambda: len([*pids.iterdir()]) == int(processes))
        os.killpg(process.pid, name) if name is signal.SIGINT else process.send_signal(name)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "candlecast: STOPPED: stopped"
    assert "Traceback" not in told
    for pid in (int(file.name) for file in pids.iterdir()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
