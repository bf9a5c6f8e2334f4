"""`candlecast candles check` says what a file holds, and ends with 1 where something was unusual."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.local.candle_files import sample_files
from tests.unit.command_line.running import answer, refused, run

pytestmark = pytest.mark.slow

START = 1_640_995_200_000


def write(file: Path, *minutes: float) -> Path:
    file.write_text("".join(f"{START + round(60_000 * minute)},10,12,8,11,1\n" for minute in minutes), encoding="utf-8")
    return file


def test_a_whole_file_is_described_and_ends_with_nothing() -> None:
    file = sample_files()[0]
    result = run("candles", "check", str(file))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "720 (rows in the file: 720, times in ms)" in result.stdout
    told = answer("candles", "check", str(file))
    assert (told["timeframe"], told["rows"], told["missing"], told["notes"]) == ("1m", 720, 0, [])
    assert (told["first"], told["last"]) == ("2026-01-05T00:00:00Z", "2026-01-05T11:59:00Z")


def test_every_note_of_a_file_is_shown_with_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "odd.csv", 0, 2, 1, 3, 3, 7, 8.5)
    result = run("candles", "check", str(file))
    assert result.exit_code == 1
    told = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("CANDLE_FILE_")}
    assert set(told) == {"CANDLE_FILE_UNSORTED", "CANDLE_FILE_REPEATED", "CANDLE_FILE_GAP", "CANDLE_FILE_MISALIGNED"}
    assert "the first at line 3" in told["CANDLE_FILE_UNSORTED"]
    assert "2 gaps with 4 missing candles" in told["CANDLE_FILE_GAP"]
    codes = "CANDLE_FILE_UNSORTED, CANDLE_FILE_REPEATED, CANDLE_FILE_GAP, CANDLE_FILE_MISALIGNED"
    assert result.stderr == f"candlecast: CANDLE_FILE_NOTED: odd.csv: {codes}\n"


def test_a_file_that_a_backtest_refuses_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "bad.csv", 0, 1, 2)
    file.write_text(file.read_text().replace("12,8", "12,0", 1), encoding="utf-8")
    assert "bad.csv:1" in refused(1, "CANDLE_FILE_VALUES", "candles", "check", str(file))
    refused(2, "CANDLE_FILE_MISSING", "candles", "check", str(tmp_path / "none.csv"))
    (tmp_path / "candles.txt").touch()
    refused(2, "CANDLE_FILE_FORM", "candles", "check", str(tmp_path / "candles.txt"))


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    words = ("candles", "fetch", "kraken", "BTC/USD", "1d", "--from", "2024-01-01", "--out", str(tmp_path / "btc.csv"))
    result = run(*words)
    assert result.exit_code == 3
    line = result.stderr.splitlines()[-1]
    assert line == "candlecast: EXTRA_MISSING: downloads of candles need the extra [fetch], in a checkout: pip install '.[fetch]'"
