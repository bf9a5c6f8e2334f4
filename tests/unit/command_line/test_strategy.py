"""`candlecast strategy`: a new file passes its checks at once and nothing is overwritten; a fault ends with exit code 1."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.candle_files import sample_files
from tests.unit.command_line.running import answer, refused, run

pytestmark = pytest.mark.slow

PEEKS = """
import numpy as np
from candlecast.strategy import Candles, Parameters, Signals, Strategy

class Peeks(Strategy[Parameters]):
    name = "peeks"
    description = "Knows the next close."

    def rows_needed(self):
        return 2

    def signals(self, candles):
        rises = np.append(candles.close[1:] > candles.close[:-1], False)
        return Signals.from_conditions(long=rises, short=~rises)
"""


def test_a_new_strategy_passes_every_check_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("strategy", "new", "my_first_one", "--folder", "ideas/today")
    assert (made.exit_code, made.stdout) == (0, "ideas/today/my_first_one.py\n")
    assert "next: candlecast strategy check ideas/today/my_first_one.py" in made.stderr
    checked = answer("strategy", "check", "ideas/today/my_first_one.py")
    assert checked["strategy"] == "my_first_one"
    assert {check["ok"] for check in checked["checks"]} == {True}
    recorded = answer("strategy", "check", "ideas/today/my_first_one.py", "--candles", str(sample_files()[0]))
    assert {check["ok"] for check in recorded["checks"]} == {True}
    assert sample_files()[0].name in next(it["text"] for it in recorded["checks"] if it["name"] == "answers")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["ideas", "my_first_one.py", "today"]


def test_the_help_of_the_authors_commands_loads_no_numpy() -> None:
    code = "import sys; from candlecast_cli.main import main; main(['strategy', '--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1] == "False"


def test_a_file_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("precious", encoding="utf-8")
    assert "mine.py is there already" in refused(1, "FILE_EXISTS", "strategy", "new", "mine")
    assert Path("mine.py").read_text(encoding="utf-8") == "precious"
    assert "Not a directory" in refused(1, "FILE_NOT_WRITTEN", "strategy", "new", "other", "--folder", "mine.py/below")


@pytest.mark.parametrize("name", ["Mine", "my-strategy", "../mine", "", "9lives", "mine.py", "x" * 65])
def test_a_name_that_live_would_refuse_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    refused(2, "STRATEGY_NAME_INVALID", "strategy", "new", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sma_cross", "random", "lambda", "numpy", "candlecast"])
def test_a_name_that_is_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    refused(2, "NAME_TAKEN", "strategy", "new", name)


def test_a_look_ahead_fails_with_its_row_and_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("peeks.py").write_text(PEEKS, encoding="utf-8")
    result = run("strategy", "check", "peeks.py")
    assert result.exit_code == 1
    (line,) = (line for line in result.stdout.splitlines() if "LOOK_AHEAD" in line)
    told = "row 188, candle of 2024-01-08T20:00:00Z (generated 1h, seed 1): says SHORT on 189 rows, LONG on 587"
    assert line == f"FAIL  look-ahead  LOOK_AHEAD: {told}"
    told = result.stderr.splitlines()[-1]
    assert told == "candlecast: STRATEGY_UNSOUND: 2 of 14 checks failed: ENTRY_WITHOUT_STOP, LOOK_AHEAD"


def test_what_a_strategy_prints_is_no_part_of_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("strategy", "new", "talks")
    lines = Path("talks.py").read_text(encoding="utf-8").splitlines(keepends=True)
    inside = next(number for number, line in enumerate(lines) if line == "        close = candles.close\n")
    lines[inside + 1 : inside + 1] = ["        print('a decision', close[-1])\n"]
    Path("talks.py").write_text("".join([*lines, "print('loaded')\n"]), encoding="utf-8")
    checked = run("strategy", "check", "talks.py", "--json")
    assert json.loads(checked.stdout)["strategy"] == "talks"
    assert "a decision" not in checked.stderr, "the checks run the file hundreds of times"
    over = ("talks.py", "--candles", str(sample_files()[0]), "--quantity", "1", "--json", "-")
    for words in (("backtest", *over), ("sweep", *over, "--param", "entry_period=20,30", "--processes", "1")):
        done = run(*words)
        assert "talks" in json.loads(done.stdout)["strategy"]
        assert {"loaded", "a decision"} <= {line.rpartition(" ")[0] or line for line in done.stderr.splitlines()}


def test_parameters_are_taken_and_refused_by_their_bounds() -> None:
    checked = answer("strategy", "check", "sma_cross", "--param", "fast_period=5", "--param", "slow_period=30")
    assert checked["parameters"]["slow_period"] == 30
    assert "must be at most 200" in refused(
        2, "PARAMETER_INVALID", "strategy", "check", "sma_cross", "--param", "fast_period=999"
    )
    assert "known are fast_period" in refused(2, "PARAMETER_UNKNOWN", "strategy", "check", "sma_cross", "--param", "fast=9")


def test_words_that_name_nothing_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "donchian_breakout" in refused(2, "STRATEGY_UNKNOWN", "strategy", "check", "turtle")
    refused(2, "STRATEGY_UNKNOWN", "strategy", "check", "turtle.py")
    refused(2, "CANDLE_FILE_MISSING", "strategy", "check", "sma_cross", "--candles", "none.csv")
    Path("bad.py").write_text("x = 1\nif x\n", encoding="utf-8")
    assert "bad.py:2: expected ':'" in refused(1, "STRATEGY_FILE_INVALID", "strategy", "check", "bad.py")


def test_candles_that_are_too_few_are_a_failed_check(tmp_path: Path) -> None:
    rows = "".join(f"{1_640_995_200_000 + 60_000 * row},10,12,8,10,1\n" for row in range(50))
    (tmp_path / "few.csv").write_text(rows, encoding="utf-8")
    result = run("strategy", "check", "sma_cross", "--candles", str(tmp_path / "few.csv"))
    assert result.exit_code == 1
    assert "few.csv has 50 candles, 188 are needed" in result.stdout
