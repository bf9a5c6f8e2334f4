"""`candlecast backtest` answers as other engines do, says what it has read, and refuses what it can not do."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from candlecast_cli.times import milliseconds
from infra.local.candle_files import SAMPLE_DIRECTORY
from tests.golden.backtests import CASES, FILLS, LEVELS, Case, golden
from tests.support.backtest_command import result_of
from tests.support.backtest_comparison import first_difference
from tests.support.engine_cases import reference
from tests.support.swept_files import refusal
from tests.unit.command_line.running import run

GOLDEN = Path(__file__).with_name("golden_backtest.json")
SAMPLE = SAMPLE_DIRECTORY / "BTC-USDT-perp-1m-sample.csv.gz"
GOLDEN_WORDS = (
    *("sma_cross", "--candles", str(SAMPLE), "--param", "fast_period=10", "--param", "slow_period=30"),
    *("--quantity", "1", "--levels", "--slippage-bps", "1", "--cash", "100000"),
)
MINUTE_MS = 60_000
START = 1_640_995_200_000  # 2022-01-01T00:00Z
WAVE = (100, 102, 104, 106, 104, 102, 100, 98, 96, 98)
ALWAYS = """
from dataclasses import dataclass

import numpy as np

from candlecast.strategy import Candles, Parameters, Signals, Strategy, Target, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class TurningParameters(Parameters):
    every: int = parameter(10, minimum=1, maximum=100, description="Candles between two decisions")


class Turning(Strategy[TurningParameters]):
    name = "turning"
    description = "Long and short in turns, with a stop."

    def rows_needed(self) -> int:
        return 2

    def signals(self, candles: Candles) -> Signals:
        minute = candles.time // 60_000
        long, short = (minute % (2 * self.parameters.every) == at * self.parameters.every for at in (0, 1))
        return Signals.from_conditions(
            long=long, short=short, stop_loss=candles.close * np.where(long, 0.9, 1.1)
        )
"""


@pytest.fixture
def strategy(tmp_path: Path) -> str:
    path = tmp_path / "turning.py"
    path.write_text(ALWAYS, encoding="utf-8")
    return str(path)


def lines_of(rows: int = 400) -> list[str]:
    return [f"{START + at * MINUTE_MS},{close},{close + 1},{close - 1},{close},1" for at, close in enumerate(WAVE * (rows // 10))]


def written(folder: Path, lines: list[str], name: str = "candles.csv") -> str:
    path = folder / name
    path.write_text("\n".join(("timestamp,open,high,low,close,volume", *lines)) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def candles(tmp_path: Path) -> str:
    return written(tmp_path, lines_of())


def answered(*words: str) -> dict[str, Any]:
    """The JSON of a backtest on standard output, where nothing else may stand."""
    done = run("backtest", *words, "--json", "-")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refused(exit_code: int, code: str, *words: str) -> str:
    return refusal(exit_code, code, "backtest", *words)


# -- other engines -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("levels", LEVELS)
def test_the_command_answers_as_other_engines(case: Case, fill: str, levels: str, tmp_path: Path) -> None:
    if not case.path.is_file():
        pytest.skip(f"recorded candles are not on this machine: {case.file}")
    wanted = reference(case, fill, levels)
    found = result_of(wanted, tmp_path)
    assert first_difference(found, golden(wanted)) is None
    assert found["first_decision_row"] == 187
    assert found["closed_trades"] == len(found["trades"])
    assert found["orders"] == 2 * found["closed_trades"] + (found["open_position"] is not None)
    reasons = {trade["reason"] for trade in found["trades"]}
    assert reasons <= ({"REVERSAL"} if levels == "none" else {"REVERSAL", "STOP_LOSS", "TAKE_PROFIT"})


def test_the_document_has_the_promised_names(strategy: str, candles: str) -> None:
    found = answered(strategy, "--candles", candles, "--quantity", "2", "--fee", "0.001")
    promised = "rows first_decision_row orders closed_trades fees funding pnl final_equity open_position metrics trades"
    assert set(promised.split()) <= set(found)
    assert set(found["trades"][0]) == {
        *("side", "entry_time", "entry_price", "exit_time", "exit_price", "quantity", "fees", "funding", "pnl", "reason")
    }
    assert set(found["open_position"]) == {
        *("side", "entry_time", "entry_price", "quantity", "mark_price", "fees", "funding", "pnl")
    }


def test_the_document_is_the_golden_one() -> None:
    """Every number of a run over the shipped sample; `candlecast backtest` with these words and `--json FILE` writes it anew."""
    found, wanted = answered(*GOLDEN_WORDS), json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert set(found.pop("versions")) == set(wanted.pop("versions")) == {"candlecast", "numpy", "python"}
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert rounded(found[name]) == rounded(value), name


def rounded(value: Any) -> Any:
    """The value with ten digits of each float: the last ones are those of a machine."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.10g}") if isinstance(value, float) else value


def test_a_result_by_hand(strategy: str, candles: str) -> None:
    """Row 187 is the first that may decide. The first turn is at minute 190: short, filled at the open of minute 191."""
    found = answered(strategy, "--candles", candles, "--quantity", "2", "--fee", "0.001", "--cash", "1000")
    assert (found["rows"], found["first_decision_row"], found["path"]) == (400, 187, "fast")
    assert found["trades"][0] == {
        "side": "SHORT",
        "entry_time": START + 191 * MINUTE_MS,
        "entry_price": 102.0,
        "exit_time": START + 201 * MINUTE_MS,
        "exit_price": 102.0,
        "quantity": 2.0,
        "fees": pytest.approx(0.408),  # 2 x 102 x 0.001, twice
        "funding": 0.0,
        "pnl": pytest.approx(-0.408),
        "reason": "REVERSAL",
    }
    assert (found["closed_trades"], found["orders"]) == (20, 41)  # turns at 190, 200 ... 390; the last is open
    position = found["open_position"]
    assert (position["side"], position["entry_price"], position["mark_price"]) == ("SHORT", 102.0, 98.0)
    assert position["pnl"] == pytest.approx(2 * 4 - 0.204)
    assert found["fees"] == pytest.approx(20 * 0.408 + 0.204)
    assert found["pnl"] == pytest.approx(8 - 20 * 0.408 - 0.204)
    assert found["final_equity"] == pytest.approx(1000 + found["pnl"])
    assert found["buy_and_hold"]["final_equity"] == pytest.approx(980)
    assert [note["code"] for note in found["notes"]] == ["BACKTEST_LEVELS_IGNORED"]


# -- options -----------------------------------------------------------------------------------------------------------------


def test_the_span_begins_with_decisions(strategy: str, candles: str) -> None:
    """Candles before --from are history: the first row may decide, and trades are those of the whole file from there."""
    whole = answered(strategy, "--candles", candles, "--quantity", "1")
    begin = START + 250 * MINUTE_MS
    for text in (str(begin), "2022-01-01T04:10:00Z", "2022-01-01T04:10", "2022-01-01T05:10+01:00"):
        found = answered(strategy, "--candles", candles, "--quantity", "1", "--from", text)
        assert (found["rows"], found["first_decision_row"]) == (150, 0), text
        assert found["trades"] == [trade for trade in whole["trades"] if trade["entry_time"] > begin]
        assert found["metrics"]["exposure"] == pytest.approx(149 / 150)


def test_a_span_with_too_little_history_decides_later(strategy: str, candles: str) -> None:
    found = answered(strategy, "--candles", candles, "--quantity", "1", "--from", str(START + 100 * MINUTE_MS))
    assert (found["rows"], found["first_decision_row"]) == (300, 87)


def test_the_span_is_the_same_for_the_live_code(strategy: str, candles: str) -> None:
    words = (strategy, "--candles", candles, "--quantity", "1", "--levels", "--from", str(START + 250 * MINUTE_MS))
    fast, exact = answered(*words), answered(*words, "--spread", "1e-9")
    assert (fast["path"], exact["path"]) == ("fast", "exact")
    for name in ("rows", "first_decision_row", "orders"):
        assert fast[name] == exact[name]
    assert exact["pnl"] == pytest.approx(fast["pnl"], abs=1e-6)
    assert exact["metrics"]["exposure"] == fast["metrics"]["exposure"]


def test_a_day_that_ends_the_span_is_part_of_it(strategy: str, tmp_path: Path) -> None:
    candles = written(tmp_path, lines_of(3000))
    found = answered(strategy, "--candles", candles, "--quantity", "1", "--from", "2022-01-02", "--to", "2022-01-02")
    assert found["rows"] == 1440
    assert milliseconds("--to", "2022-01-02", end=True) == START + 2 * 1440 * MINUTE_MS
    assert answered(strategy, "--candles", candles, "--quantity", "1", "--to", "2022-01-02T00:00Z")["rows"] == 1440


def test_costs_make_fills_worse(strategy: str, candles: str) -> None:
    """A market order pays 10 bps of 102, half of a spread of 0.2, and 10 % of the candle's range of 2."""
    words = (strategy, "--candles", candles, "--quantity", "1", "--fee", "0")
    for options, price in (
        (("--slippage-bps", "10"), 102 - 0.102),
        (("--spread", "0.2"), 102 - 0.1),
        (("--range-slippage", "0.1"), 102 - 0.2),
    ):
        found = answered(*words, *options)
        assert found["trades"][0]["entry_price"] == pytest.approx(price)
        assert found["trades"][0]["pnl"] == pytest.approx(-2 * (102 - price), abs=0.001)
        assert [note["code"] for note in found["notes"]] == ["BACKTEST_LEVELS_IGNORED"]


def test_funding_is_read_and_paid(strategy: str, candles: str, tmp_path: Path) -> None:
    rates = tmp_path / "funding.csv"
    rates.write_text(f"calc_time,last_funding_rate\n{START + 195 * MINUTE_MS},0.01\n", encoding="utf-8")
    found = answered(strategy, "--candles", candles, "--quantity", "1", "--fee", "0", "--funding", str(rates))
    assert found["trades"][0]["funding"] == pytest.approx(1.02)  # a short receives a hundredth of 102, the open of minute 195
    assert found["funding"] == pytest.approx(1.02)
    assert found["pnl"] == pytest.approx(4 + 1.02)


def test_brackets_refuse_what_the_equity_can_not_carry(strategy: str, candles: str, tmp_path: Path) -> None:
    file = tmp_path / "brackets.json"
    file.write_text('[[0, 0.004], {"notionalFloor": 50000, "maintMarginRatio": "0.005"}]', encoding="utf-8")
    words = (strategy, "--candles", candles, "--quantity", "1", "--fee", "0", "--cash", "10", "--brackets", str(file))
    assert answered(*words, "--leverage", "5")["closed_trades"] == 0
    assert answered(*words, "--leverage", "20")["closed_trades"] == 20
    small = (*words[:-4], "--cash", "3", *words[-2:], "--leverage", "50")
    assert answered(*small)["trades"][0]["reason"] == "LIQUIDATED"  # a short from 102, with 3 to lose, up to 107
    assert "Positions that the venue has liquidated: 1." in run("backtest", *small).stdout


def test_settings_are_those_of_the_api(strategy: str, candles: str, tmp_path: Path) -> None:
    """A risk of one per cent of 5,000 over a stop ten per cent away."""
    file = tmp_path / "settings.json"
    file.write_text('{"capital": "5000", "risk_per_trade_percent": 1, "allowed_sides": "SHORT"}', encoding="utf-8")
    found = answered(strategy, "--candles", candles, "--settings", str(file), "--fee", "0")
    assert found["path"] == "exact"
    assert {trade["side"] for trade in found["trades"]} == {"SHORT"}
    assert found["trades"][0]["quantity"] == pytest.approx(50 / 10.4, rel=0.1)
    assert found["settings"]["settings"]["allowed_sides"] == "SHORT"
    assert (refused := found["denials"]["SIDE_NOT_ALLOWED"]) > 0
    page = tmp_path / "page.html"
    assert run("backtest", strategy, "--candles", candles, "--settings", str(file), "--plot", str(page)).exit_code == 0
    shown = page.read_text(encoding="utf-8")
    assert f"SIDE_NOT_ALLOWED {refused}" in shown
    assert "<li>Fees " in shown
    defaults = answered(strategy, "--candles", candles, "--cash", "5000")
    assert defaults["settings"]["settings"]["capital"] == "5000.0"


def test_a_market_rounds(strategy: str, candles: str, tmp_path: Path) -> None:
    file = tmp_path / "market.json"
    file.write_text('{"symbol": "A/B:B", "quantity_step": "0.5", "min_quantity": "0.5"}', encoding="utf-8")
    found = answered(strategy, "--candles", candles, "--quantity", "1.7", "--market", str(file))
    assert {trade["quantity"] for trade in found["trades"]} == {1.5}


def test_an_entry_beyond_the_equity_is_noted(strategy: str, candles: str) -> None:
    found = answered(strategy, "--candles", candles, "--quantity", "1", "--cash", "50")
    assert "BACKTEST_BEYOND_EQUITY" in [note["code"] for note in found["notes"]]


# -- files -------------------------------------------------------------------------------------------------------------------


def test_faults_of_a_file_are_named(strategy: str, tmp_path: Path) -> None:
    lines = lines_of()
    del lines[300:310]  # a gap
    lines.append(lines[20])  # repeated, and out of order
    found = answered(strategy, "--candles", written(tmp_path, lines), "--quantity", "1")
    assert {note["code"] for note in found["file"]["notes"]} == {
        "CANDLE_FILE_UNSORTED",
        "CANDLE_FILE_REPEATED",
        "CANDLE_FILE_GAP",
    }
    assert found["file"]["missing"] == 10
    shown = run("backtest", strategy, "--candles", written(tmp_path, lines), "--quantity", "1").stdout
    assert re.search(r"^CANDLE_FILE_GAP: 1 gaps with 10 missing candles", shown, re.MULTILINE)
    assert re.search(r"^CANDLE_FILE_REPEATED: 1 rows repeated another", shown, re.MULTILINE)
    conflict = [*lines, lines[20].replace(",1", ",2")]
    refused(1, "CANDLE_FILE_DUPLICATE", strategy, "--candles", written(tmp_path, conflict), "--quantity", "1")


def test_the_table_shows_metrics_beside_buy_and_hold(strategy: str, candles: str) -> None:
    done = run("backtest", strategy, "--candles", candles, "--quantity", "1", "--fee", "0", "--cash", "1000")
    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert lines["Final equity"][-2:] == ["1,004.00", "980.00"]
    assert lines["Total return"][-4:] == ["0.40", "%", "-2.00", "%"]
    assert "BACKTEST_LEVELS_IGNORED: the strategy gives stops, which are not placed" in done.stdout


def test_outputs_are_whole_files(strategy: str, candles: str, tmp_path: Path) -> None:
    out, page = tmp_path / "out" / "result.json", tmp_path / "out" / "page.html"
    out.parent.mkdir()
    done = run("backtest", strategy, "--candles", candles, "--quantity", "1", "--json", str(out), "--plot", str(page))
    assert done.exit_code == 0, done.output
    assert {path.name for path in out.parent.iterdir()} == {"result.json", "page.html"}
    assert json.loads(out.read_text(encoding="utf-8"))["closed_trades"] == 20
    shown = page.read_text(encoding="utf-8")
    assert "turning" in shown
    assert "BACKTEST_LEVELS_IGNORED: the strategy gives stops" in shown


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_an_output_has_the_permissions_of_any_new_file(strategy: str, candles: str, tmp_path: Path, mask: int) -> None:
    out, before = tmp_path / "result.json", os.umask(mask)
    try:
        run("backtest", strategy, "--candles", candles, "--quantity", "1", "--json", str(out))
        assert os.umask(mask) == mask, "the command has changed the mask"
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_link_stays_and_a_device_is_written_to(strategy: str, candles: str, tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("older", encoding="utf-8")
    link.symlink_to(target)
    for out in (str(link), os.devnull):
        assert run("backtest", strategy, "--candles", candles, "--quantity", "1", "--json", out).exit_code == 0
    assert link.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8"))["rows"] == 400
    assert not Path(os.devnull).is_file()


def test_too_few_candles_decide_nothing(strategy: str, tmp_path: Path) -> None:
    words = (strategy, "--candles", written(tmp_path, lines_of(100)), "--quantity", "1")
    found = answered(*words)
    assert (found["rows"], found["first_decision_row"], found["orders"], found["pnl"]) == (100, 100, 0, 0.0)
    assert "No row decides" in run("backtest", *words).stdout


def test_a_failure_leaves_the_older_file(strategy: str, candles: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out" / "result.json"
    out.parent.mkdir()
    out.write_text("older", encoding="utf-8")

    def fails(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("candlecast_cli.author.output._put", fails)
    refused(1, "FILE_NOT_WRITTEN", strategy, "--candles", candles, "--quantity", "1", "--json", str(out))
    assert [path.name for path in out.parent.iterdir()] == ["result.json"]
    assert out.read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize("command", ["backtest", "sweep", "walk-forward"])
def test_what_is_read_is_never_overwritten(command: str, strategy: str, candles: str, tmp_path: Path) -> None:
    link, settings, page = tmp_path / "link.json", tmp_path / "settings.json", str(tmp_path / "a.html")
    settings.write_text("{}", encoding="utf-8")
    link.symlink_to(candles)
    more = {"sweep": ("--param", "every=2,3"), "walk-forward": ("--param", "every=2,3", "--train", "1h", "--test", "1h")}
    words = (command, strategy, "--candles", candles, "--settings", str(settings), *more.get(command, ()))
    before = [Path(file).read_bytes() for file in (strategy, candles, settings)]
    for out in (strategy, candles, str(link), str(settings)):
        assert "would be overwritten" in refusal(2, "USAGE", *words, "--json", out)
    assert "two outputs" in refusal(2, "USAGE", *words, "--json", page, "--plot", page)
    assert [Path(file).read_bytes() for file in (strategy, candles, settings)] == before


# -- refusals ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--quantity", "1", "--settings", "s.json"), "USAGE", "give one of them"),
        (("--levels",), "USAGE", "--levels belongs to --quantity"),
        (("--quantity", "1", "--leverage", "5"), "USAGE", "needs --brackets"),
        (("--quantity", "1", "--maker-fee", "0"), "USAGE", "--maker-fee belongs to settings"),
        (("--spread", "1e9"), "COSTS_INVALID", "at most a fifth of the lowest price"),
        (("--leverage", "200"), "USAGE", "--leverage 200: leverage must be between 1 and 125"),
        (("--quantity", "nan"), "USAGE", "not a finite number"),
        (("--spread", "inf"), "USAGE", "not a finite number"),
        (("--quantity", "much"), "USAGE", "valid number"),
        (("--quantity", "0"), "QUANTITY_INVALID", "above zero"),
        (("--quantity", "-1"), "QUANTITY_INVALID", "above zero"),
        (("--quantity", "1", "--cash", "0"), "CASH_INVALID", "above zero"),
        (("--cash", "-5"), "CASH_INVALID", "above zero"),
        (("--quantity", "1", "--fee", "0.4"), "COSTS_INVALID", "a share of the notional"),
        (("--quantity", "1", "--fee", "-0.1"), "COSTS_INVALID", "a share of the notional"),
        (("--maker-fee", "0.4"), "COSTS_INVALID", "a share of the notional"),
        (("--quantity", "1", "--slippage-bps", "-1"), "COSTS_INVALID", "basis points"),
        (("--spread", "-1"), "COSTS_INVALID", "not negative"),
        (("--range-slippage", "2"), "COSTS_INVALID", "one range"),
        (("--fill", "soon"), "USAGE", "soon"),
        (("--param", "size"), "PARAMETER_INVALID", "name=value"),
        (("--param", "size=3"), "PARAMETER_UNKNOWN", "size"),
        (("--param", "every=0"), "PARAMETER_INVALID", "every"),
        (("--from", "soon"), "USAGE", "neither a day"),
        (("--from", "2022-01-02", "--to", "2022-01-01"), "USAGE", "not before"),
        (("--json", "no/such/folder/x.json"), "FILE_NOT_WRITTEN", "no folder"),
        (("--plot", "x.gif"), "USAGE", "none of .html, .png"),
    ],
)
def test_wrong_words_are_refused(strategy: str, candles: str, words: tuple[str, ...], code: str, said: str) -> None:
    exit_code = 1 if code == "FILE_NOT_WRITTEN" else 2
    assert said in refused(exit_code, code, strategy, "--candles", candles, *words)


@pytest.mark.parametrize(
    ("option", "text", "code"),
    [
        ("--settings", "{", "SETTINGS_INVALID"),
        ("--settings", '{"stop_working_type": "MARK_PRICE"}', "BACKTEST_MARK_PRICE_UNKNOWN"),
        ("--market", '{"symbol": ""}', "MARKET_INVALID"),
        ("--brackets", "[]", "BRACKETS_INVALID"),
        ("--funding", "time\n1", "FUNDING_INVALID"),
        ("--settings", None, "SETTINGS_INVALID"),
        ("--market", None, "MARKET_INVALID"),
        ("--brackets", None, "BRACKETS_INVALID"),
        ("--funding", None, "FUNDING_INVALID"),
    ],
)
def test_a_wrong_file_is_refused(strategy: str, candles: str, option: str, text: str | None, code: str, tmp_path: Path) -> None:
    file, out = tmp_path / "file", tmp_path / "out.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    refused(1, code, strategy, "--candles", candles, option, str(file), "--json", str(out))
    assert not out.exists()


def test_candles_and_strategies_are_refused_by_their_codes(strategy: str, candles: str, tmp_path: Path) -> None:
    refused(2, "CANDLE_FILE_MISSING", strategy, "--candles", "no/such.csv", "--quantity", "1")
    refused(2, "STRATEGY_UNKNOWN", "no_such", "--candles", candles, "--quantity", "1")
    refused(1, "CANDLE_FILE_TOO_SHORT", strategy, "--candles", candles, "--quantity", "1", "--from", "2023-01-01")
    broken = tmp_path / "broken.py"
    broken.write_text(ALWAYS.replace("minute = ", "minute = 1 / 0 + "), encoding="utf-8")
    assert "broken.py:22" in refused(1, "STRATEGY_FAILED", str(broken), "--candles", candles, "--quantity", "1")
    broken.write_text(ALWAYS.replace("0.9, 1.1", "1.1, 0.9"), encoding="utf-8")
    said = refused(1, "LEVEL_INVALID", str(broken), "--candles", candles, "--quantity", "1")
    assert "stop_loss must be a price on the losing side (candle that opened at" in said
