"""Each planted fault of a strategy is found, with its code and the first row that shows it."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from candlecast.backtest.strategy_file import load_author_strategy
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles, Floats
from candlecast_cli.author import strategy_checks
from candlecast_cli.author.generated_candles import generated_candles
from candlecast_cli.author.live_imports import CUT_OF_NUMPY
from candlecast_cli.author.strategy_checks import Check, check_strategy, failed

ROOT = Path(__file__).parents[3]
HEAD = 120
FIRST = 187  # the lookback is at least that of ATR(14), 188 rows
ROWS = 400
FILE = """
import numpy as np
from candlecast.strategy import Candles, HigherTimeframe, Parameters, Side, Signals, Strategy, indicators, levels
{imports}
CALLS = []


class Planted(Strategy[Parameters]):
    name = "planted"
    description = "Has a fault."

    def rows_needed(self):
        return {rows}

    def signals(self, candles):
        close = candles.close
        nothing = np.zeros(len(close), dtype=np.bool_)
        stop = close * 0.9
        metadata = {{}}
        {body}
        return Signals.from_conditions(long=long, short=nothing, stop_loss=stop, metadata=metadata)
"""
RISES = "long = np.append(False, close[1:] > close[:-1])"


@pytest.fixture(autouse=True)
def _fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_checks, "SEEDS", (1, 2))
    monkeypatch.setattr(strategy_checks, "GENERATED_ROWS", ROWS)
    monkeypatch.setattr(strategy_checks, "HEAD_ROWS", HEAD)
    monkeypatch.setattr(strategy_checks, "SPREAD_ROWS", 40)


def checked(folder: Path, *body: str, rows: str = "30", imports: str = "", name: str = "planted") -> dict[str, Check]:
    file = folder / f"{name}.py"
    file.write_text(FILE.format(rows=rows, imports=imports, body="\n        ".join(body)), encoding="utf-8")
    return {it.name: it for it in check_strategy(load_author_strategy(str(file)), None, "", told=lambda _: None)}


def found(checks: dict[str, Check]) -> list[tuple[str, str]]:
    return [(it.name, it.code) for it in checks.values() if it.ok is False]


def candles(seed: int = 1) -> Candles:
    return generated_candles(FIRST + 1 + ROWS, seed, Timeframe.H1)


def first_row(differs: Callable[[Candles, int], bool]) -> int:
    """The first row of the head that differs, by the test's own words for the fault."""
    head = candles().rows(0, FIRST + HEAD)
    return next(row for row in range(FIRST, len(head)) if differs(head, row))


def rises(held: Candles, row: int) -> bool:
    return bool(held.close[row] > held.close[row - 1])


def crosses(close: Floats, row: int, level: float, level_before: float) -> bool:
    return bool(close[row] > level and close[row - 1] <= level_before)


def test_a_sound_strategy_passes_every_check(tmp_path: Path) -> None:
    checks = checked(tmp_path, "long = indicators.crossed_above(close, indicators.sma(close, 20))")
    assert found(checks) == []
    assert [it.name for it in checks.values() if it.ok is None] == []
    assert list(checks) == [
        "parameters",
        "name",
        "imports",
        "upload",
        "rows",
        "answers",
        "levels",
        "decisions",
        "stops",
        "numbers",
        "repeatable",
        "look-ahead",
        "lookback",
        "speed",
    ]


def tomorrow(held: Candles, row: int) -> bool:
    return row + 1 < len(held) and rises(held, row + 1)


def mean_of_all(held: Candles, row: int) -> bool:
    known, whole = float(held.close[: row + 1].mean()), float(held.close.mean())
    return crosses(held.close, row, known, known) is not crosses(held.close, row, whole, whole)


def in_the_middle(held: Candles, row: int) -> bool:
    def above(close: Floats) -> bool:
        return bool(close[row] > np.convolve(close, np.ones(5) / 5, "same")[row])

    return above(held.close[: row + 1]) is not above(held.close)


def open_candle(held: Candles, row: int) -> bool:
    same = held.time // 14_400_000 == held.time[row] // 14_400_000
    return bool(held.close[row] < held.close[same][-1])


def last_alone(held: Candles, row: int) -> bool:
    return row + 1 < len(held) and rises(held, row)


def lowest_to_come(held: Candles, row: int) -> bool:
    return bool(held.low[row] > held.low[row:].min())


@pytest.mark.parametrize(
    ("body", "differs"),
    [
        pytest.param(["long = np.append(close[1:] > close[:-1], False)"], tomorrow, id="shift(-1)"),
        pytest.param(
            ["mean = np.full(len(close), close.mean())", "long = indicators.crossed_above(close, mean)"],
            mean_of_all,
            id="mean of the whole column",
        ),
        pytest.param(
            ["middle = np.convolve(close, np.ones(5) / 5, 'same')", "long = close > middle"], in_the_middle, id="centered window"
        ),
        pytest.param(
            [
                "candle = candles.time // 14_400_000",
                "last = np.flatnonzero(np.diff(candle, append=candle[-1] + 1))",
                "long = close < close[last][np.searchsorted(last, np.arange(len(close)))]",
            ],
            open_candle,
            id="open candle of a higher timeframe",
        ),
        pytest.param(["long = nothing.copy()", "long[-1] = close[-1] > close[-2]"], last_alone, id="last row only"),
        pytest.param(
            [RISES, "metadata = {'to come': np.minimum.accumulate(candles.low[::-1])[::-1]}"], lowest_to_come, id="in a column"
        ),
    ],
)
def test_a_look_ahead_is_found_in_the_first_row_that_shows_it(
    tmp_path: Path, body: list[str], differs: Callable[[Candles, int], bool]
) -> None:
    checks = checked(tmp_path, *body)
    assert ("look-ahead", "LOOK_AHEAD") in found(checks)
    row = first_row(differs)
    look = checks["look-ahead"]
    assert (look.row, look.time_ms, look.candles) == (row, int(candles().time[row]), "generated 1h, seed 1")
    assert str(look).startswith(f"LOOK_AHEAD: row {row}, candle of 2024-01-0")
    assert checks["lookback"].ok is None


def test_a_sum_since_the_first_row_is_found_in_the_first_row_that_shows_it(tmp_path: Path) -> None:
    checks = checked(tmp_path, "long = close > np.cumsum(close) / np.arange(1, len(close) + 1)")

    def differs(held: Candles, row: int) -> bool:
        since, window = held.close[: row + 1], held.close[row - FIRST : row + 1]
        return bool(since[-1] > since.mean()) is not bool(since[-1] > window.mean())

    assert found(checks) == [("lookback", "LOOKBACK_TOO_SHORT")]
    assert checks["lookback"].candles == "generated 1h, seed 1"
    held = candles()
    assert checks["lookback"].row == next(row for row in range(FIRST, len(held)) if differs(held, row))
    assert checks["look-ahead"].ok is True


def test_what_is_kept_between_calls_is_found_in_the_first_row_that_shows_it(tmp_path: Path) -> None:
    checks = checked(tmp_path, "CALLS.append(1)", RISES, "long &= len(CALLS) % 2 == 1")
    assert ("repeatable", "NOT_REPEATABLE") in found(checks)
    assert checks["repeatable"].row == first_row(rises)
    assert (checks["look-ahead"].ok, checks["lookback"].ok) == (None, None)


def test_what_an_instance_keeps_is_found(tmp_path: Path) -> None:
    checks = checked(tmp_path, "self.calls = getattr(self, 'calls', 0) + 1", RISES, "long &= self.calls < 3")
    assert ("repeatable", "NOT_REPEATABLE") in found(checks)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(["whole = max([*CALLS, close], key=len)", "CALLS.append(whole)"], id="a list of the module"),
        pytest.param(["whole = close", "while isinstance(whole.base, np.ndarray):", "    whole = whole.base"], id="memory"),
    ],
)
def test_later_rows_that_memory_has_are_found(tmp_path: Path, body: list[str]) -> None:
    begin = "(close.ctypes.data - whole.ctypes.data) // 8" if "base" in body[1] else "0"
    known = "later = np.append(whole, whole[-1])[first + 1 : first + 1 + len(close)]"
    checks = checked(tmp_path, *body, f"first = {begin}", known, "long = later > close")
    assert ("look-ahead", "LOOK_AHEAD") in found(checks)
    assert checks["look-ahead"].row is not None


def test_randomness_is_found(tmp_path: Path) -> None:
    checks = checked(tmp_path, "long = np.array([random.random() < 0.5 for _ in close])", imports="import random")
    assert found(checks) == [("upload", "STRATEGY_FILE_INVALID"), ("repeatable", "NOT_REPEATABLE")]
    row = checks["repeatable"].row
    assert row is not None
    assert FIRST <= row < FIRST + 64  # no difference in so many rows has a chance of 2 ** -64


def test_a_wrong_row_beyond_the_head_is_found_and_the_search_goes_back_to_the_first(tmp_path: Path) -> None:
    seen = "late = np.arange(len(close)) > 400"
    checks = checked(tmp_path, seen, "long = np.append(close[1:] > close[:-1], False) & late")
    close = candles().close
    assert checks["look-ahead"].row == next(row for row in range(401, len(close)) if close[row + 1] > close[row])


def test_an_entry_without_a_stop_is_named(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, "stop = None")
    assert found(checks) == [("stops", "ENTRY_WITHOUT_STOP")]
    assert checks["stops"].row == first_row(rises)
    checks = checked(tmp_path, RISES, "stop[candles.time > candles.time[300]] = np.nan")
    assert "ENTRY_WITHOUT_STOP" in failed(list(checks.values()))


def test_a_stop_on_the_wrong_side_is_named_and_hides_what_evaluates(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, "stop = close * 1.1")
    assert found(checks) == [("levels", "LEVEL_INVALID")]
    assert checks["levels"].row == first_row(rises)
    assert checks["levels"].text == "stop_loss must be a price on the losing side"
    assert {it.name for it in checks.values() if it.ok is None} == {"repeatable", "look-ahead", "lookback", "speed"}


def test_a_decision_on_a_column_that_is_no_number_is_named(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, "metadata = {'gone': np.where(long, np.nan, 1.0)}")
    assert found(checks) == [("numbers", "DECIDES_ON_NAN")]
    assert checks["numbers"].text == "LONG while metadata gone is nan"
    assert checks["numbers"].row == first_row(rises)


@pytest.mark.parametrize(
    ("imports", "named"),
    [
        ("import numpy.random", "planted.py:4: numpy.random"),
        ("from numpy import random", "planted.py:4: numpy.random"),
        ("from numpy.random import default_rng", "planted.py:4: numpy.random"),
        ("chance = np.random", "planted.py:4: numpy.random"),
        ("import hypothesis", "planted.py:4: hypothesis"),
        ("from candlecast.domain.market import candle", "planted.py:4: candlecast.domain.market"),
        ("from candlecast import backtest", "planted.py:4: candlecast.backtest"),
    ],
)
def test_an_import_that_no_live_run_has_is_named_with_its_line(tmp_path: Path, imports: str, named: str) -> None:
    checks = checked(tmp_path, RISES, imports=imports)
    assert found(checks) == [("imports", "IMPORT_NOT_LIVE")]
    assert checks["imports"].text == f"no live run has {named}"


def test_every_public_package_that_the_layer_cuts_is_refused() -> None:
    cut = runpy.run_path(str(ROOT / "layers/strategies/layer.py"))["UNUSED"]
    public = {f"numpy.{name}" for name in cut if name.isidentifier() and not name.startswith("_")}
    assert public | {"numpy.random"} == set(CUT_OF_NUMPY)  # the layer has it for backtests; the sandbox withholds it


def test_imports_of_a_live_run_are_allowed(tmp_path: Path) -> None:
    imports = "import math; import datetime; from numpy import linalg; from candlecast import strategy; import numpy.fft as fft"
    assert found(checked(tmp_path, RISES, imports=imports)) == []


def test_an_import_that_the_sandbox_lacks_is_named_with_its_line(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, imports="import os")
    assert found(checks) == [("upload", "STRATEGY_FILE_INVALID")]
    assert checks["upload"].text.startswith("planted.py:4: module 'os' is not available in the sandbox; available are abc, ")
    assert checks["imports"].ok, "a deployment's own strategies may have it"


def test_a_line_that_the_sandbox_would_not_run_is_named_without_a_verdict(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, "if len(close) < 1: open('notes')")
    assert found(checks) == []
    assert (checks["upload"].ok, checks["upload"].text) == (None, "planted.py:21: open does not exist in the sandbox")


def test_another_name_than_the_files_is_named(tmp_path: Path) -> None:
    assert found(checked(tmp_path, RISES, name="other")) == [("name", "STRATEGY_NAME_DIFFERS")]


def test_a_strategy_that_never_enters_fails(tmp_path: Path) -> None:
    assert found(checked(tmp_path, "long = nothing")) == [("decisions", "NO_ENTRIES")]


def test_rows_needed_that_is_no_count_ends_the_checks(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, rows="2.5")
    assert found(checks) == [("rows", "ROWS_NEEDED_INVALID")]
    assert "answers" not in checks


def test_code_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    checks = checked(tmp_path, "long = close > missing")
    assert found(checks) == [("answers", "STRATEGY_FAILED")]
    assert checks["answers"].text == "planted.py:20: NameError: name 'missing' is not defined"


def test_code_that_fails_on_a_part_of_the_candles_is_named(tmp_path: Path) -> None:
    checks = checked(tmp_path, RISES, "long[300] |= long[300]")
    assert found(checks) == [("look-ahead", "STRATEGY_FAILED")]
    assert "IndexError" in checks["look-ahead"].text


def test_a_slow_decision_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_checks, "LIVE_SECONDS", 0.0)
    assert found(checked(tmp_path, RISES)) == [("speed", "STRATEGY_SLOW")]


def test_candles_are_generated_for_the_timeframe_that_the_strategy_takes(tmp_path: Path) -> None:
    body = ["higher = HigherTimeframe('15m', base='5m').candles(candles)", "long = higher.to_base(higher.close > higher.open)"]
    checks = checked(tmp_path, *body)
    assert found(checks) == []
    assert checks["answers"].text.endswith("generated 5m, seed 1, and 1 sets more")


def test_generated_candles_are_equal_for_equal_seeds_and_move() -> None:
    one, again, other = candles(1), candles(1), candles(2)
    assert np.array_equal(one.close, again.close)
    assert not np.array_equal(one.close, other.close)
    assert np.all((one.high >= np.maximum(one.open, one.close)) & (one.low <= np.minimum(one.open, one.close)))
    many = generated_candles(5_000, 3, Timeframe.M5)
    assert set(np.diff(many.time).tolist()) == {300_000}
    assert 10.0 < many.low.min() < 900.0
    assert 1_100.0 < many.high.max() < 100_000.0
    assert np.any(many.volume == 0.0)
