"""A strategy by name or file, its parameters as words; every fault of an author's file has a code, the file and the line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from candlecast.backtest import strategy_file
from candlecast.backtest.strategy_file import author_errors, load_author_strategy, source_file, strategy_class
from candlecast.strategy import StrategyError, evaluate
from tests.support.candle_rows import walk

FILE = '''"""Always long, once a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Parameters, Signals, Strategy, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class MineParameters(Parameters):
    rows: int = parameter(20, minimum=2, maximum=200, description="Rows of the mean")
    share: float = parameter(0.5, minimum=0.0, maximum=1.0, description="A share")
    shorts: bool = parameter(True, description="Whether it goes short")
    kind: str = parameter("mean", choices=("mean", "last"), description="What is compared")

    def check(self) -> None:
        if self.rows == 13:
            self.refuse("rows must not be 13")


class Mine(Strategy[MineParameters]):
    name = "mine"
    description = "Long above the open."

    def rows_needed(self) -> int:
        return 20 // (self.parameters.rows - 7)

    def signals(self, candles: Candles) -> Signals:
        long = candles.close > candles.open
        return Signals.from_conditions(long=long, short=~long)
'''
HEAD = "from candlecast.strategy import Candles, Parameters, Signals, Strategy\n"
CLASS = "class {name}(Strategy[Parameters]):\n    name = '{word}'\n    description = 'A'\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    return path


def refused(text: str, *parameters: str) -> tuple[str, str]:
    with pytest.raises(StrategyError) as error:
        load_author_strategy(text, parameters)
    return error.value.code, error.value.message


def refused_file(path: Path, source: str) -> tuple[str, str]:
    path.write_text(source, encoding="utf-8")
    return refused(str(path))


def test_a_built_in_is_found_by_its_name() -> None:
    strategy = load_author_strategy("sma_cross", ["fast_period=10", "stop_atr=2"])
    assert (strategy.name, strategy.parameters.fast_period, strategy.parameters.stop_atr) == ("sma_cross", 10, 2.0)
    assert source_file(type(strategy)).name == "sma_cross.py"


def test_a_file_gives_its_one_class_and_is_read_anew_at_each_call(mine: Path) -> None:
    strategy = load_author_strategy(str(mine), ["rows=30", "share=0.25", "shorts=false", "kind=last"])
    assert strategy.parameters.to_mapping() == {"rows": 30, "share": 0.25, "shorts": False, "kind": "last"}
    assert source_file(type(strategy)) == mine.resolve()
    candles = walk(300)
    assert np.any(evaluate(strategy, candles).side != 0)
    mine.write_text(FILE.replace("parameter(20, ", "parameter(21, "), encoding="utf-8")  # of the same size, in the same second
    assert load_author_strategy(str(mine)).parameters.rows == 21
    assert not (mine.parent / "__pycache__").exists()


def test_a_relative_path_is_a_file_and_imported_classes_do_not_count(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine.write_text("from strategies.sma_cross import SmaCross\n" + FILE.replace("from __future__ import annotations\n", ""))
    monkeypatch.chdir(mine.parent)
    assert strategy_class("mine.py").name == "mine"
    assert strategy_class("./mine.py").name == "mine"


@pytest.mark.parametrize("text", ["turtle_soup", "Sma", "", "~", "sma-cross"])
def test_an_unknown_name_is_refused_with_the_known_ones(text: str) -> None:
    code, message = refused(text)
    assert code == "STRATEGY_UNKNOWN"
    assert "sma_cross" in message


def test_a_name_of_a_file_without_its_ending_is_refused_with_the_file(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert refused("mine") == ("STRATEGY_UNKNOWN", "there is no built-in strategy 'mine': did you mean the file mine.py?")


def test_a_file_that_is_not_there_is_unknown_and_another_ending_is_refused(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "none.py"))[0] == "STRATEGY_UNKNOWN"
    assert refused(str(tmp_path))[0] == "STRATEGY_UNKNOWN"
    (tmp_path / "mine.txt").write_text("")
    assert refused(str(tmp_path / "mine.txt")) == ("STRATEGY_FILE_INVALID", "mine.txt: a strategy file ends with .py")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (HEAD + CLASS.format(name="A", word="a"), "bad.py:2: A does not define rows_needed, signals"),
        ("x = 1\nif x\n", "bad.py:2: expected ':'"),
        ("import numpy\n\nimport nowhere_to_be_found\n", "bad.py:3: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("from candlecast.strategy import Stratgy\n", "bad.py:1: ImportError: cannot import name 'Stratgy'"),
        ("\n\ndef broken():\n    return 1 / 0\nbroken()\n", "bad.py:4: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "bad.py:2: SystemExit: 3"),
        ("x = 1\nassert x == 2\n", "bad.py:2: AssertionError"),
        ("x = '\0'\n", "bad.py:1: source code string cannot contain null bytes"),
        ("x = 1\n", "bad.py: a strategy file defines exactly one class that extends Strategy, this one no class"),
        (
            HEAD + CLASS.format(name="A", word="a") + CLASS.format(name="B", word="b"),
            "bad.py: a strategy file defines exactly one class that extends Strategy, this one A (line 2), B (line 5)",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_line(tmp_path: Path, source: str, told: str) -> None:
    code, message = refused_file(tmp_path / "bad.py", source)
    assert code == "STRATEGY_FILE_INVALID"
    assert message.startswith(told)


def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bad.py"
    path.write_bytes(b"x = '\xff'\n")
    assert refused(str(path))[0] == "STRATEGY_FILE_INVALID"
    monkeypatch.setattr(strategy_file, "MAX_FILE_BYTES", 5)
    assert refused(str(path)) == ("STRATEGY_FILE_INVALID", "bad.py: over 5 bytes")


def test_a_class_that_breaks_a_rule_keeps_the_rules_code_and_gets_its_line(tmp_path: Path) -> None:
    code, message = refused_file(tmp_path / "bad.py", HEAD + "\n" + CLASS.format(name="A", word="Not a name"))
    assert (code, message) == ("STRATEGY_INVALID", "bad.py:3: A needs a name ([a-z0-9_]) and a description")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["row=3"], "PARAMETER_UNKNOWN", "mine has no parameter 'row': known are rows, share, shorts, kind"),
        (["rows"], "PARAMETER_INVALID", "a parameter reads name=value, not 'rows'"),
        (["=3"], "PARAMETER_INVALID", "a parameter reads name=value, not '=3'"),
        (["rows=3", "rows=4"], "PARAMETER_INVALID", "rows is given twice"),
        (["rows=ten"], "PARAMETER_INVALID", "rows must be integer, not 'ten'"),
        (["rows=2.5"], "PARAMETER_INVALID", "rows must be integer, not '2.5'"),
        (["rows="], "PARAMETER_INVALID", "rows must be integer, not ''"),
        (["rows=1_0"], "PARAMETER_INVALID", "rows must be integer, not '1_0'"),
        (["share=nan"], "PARAMETER_INVALID", "share must be number, not 'nan'"),
        (["share=1e999"], "PARAMETER_INVALID", "share must be finite"),
        (["shorts=1"], "PARAMETER_INVALID", "shorts must be boolean, not '1'"),
        (["rows=1"], "PARAMETER_INVALID", "rows must be at least 2"),
        (["rows=201"], "PARAMETER_INVALID", "rows must be at most 200"),
        (["kind=first"], "PARAMETER_INVALID", "kind must be one of mean, last"),
        (["rows=13"], "PARAMETER_INVALID", "rows must not be 13"),
        (["rows=8"], "", ""),
        (["rows=7"], "STRATEGY_FAILED", "mine.py:29: ZeroDivisionError: integer division or modulo by zero"),
    ],
)
def test_words_become_parameters_of_their_types_or_are_refused(mine: Path, words: list[str], code: str, told: str) -> None:
    if not code:
        assert load_author_strategy(str(mine), words).parameters.rows == 8
        return
    assert refused(str(mine), *words) == (code, told)


def test_errors_of_the_authors_code_have_file_and_line_and_ours_pass(mine: Path) -> None:
    mine.write_text(FILE.replace("long = candles", "long = candles.close[len(candles.close)] if 0 else missing  # "))
    strategy = load_author_strategy(str(mine))
    with pytest.raises(StrategyError) as told, author_errors(type(strategy)):
        evaluate(strategy, walk(300))
    assert (told.value.code, told.value.message) == ("STRATEGY_FAILED", "mine.py:32: NameError: name 'missing' is not defined")
    with pytest.raises(ZeroDivisionError), author_errors(type(strategy)):
        raise ZeroDivisionError
    assert f"author_strategy:{mine.resolve()}" in sys.modules
