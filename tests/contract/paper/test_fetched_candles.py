"""`candlecast candles fetch` against the paper exchange: whole files of closed candles, in spite of faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from candlecast.backtest.candle_table import read_candle_table
from candlecast_cli.author import candles as command
from candlecast_cli.author import downloads
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue
from tests.unit.command_line.running import refused, run

COUNT = 450
PAGE = 100  # candles of a request here, so that a download has several
KLINES = "/fapi/v1/klines"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "LIMIT", PAGE)
    monkeypatch.setattr(command, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(command, "AGAIN_SECONDS", 0.01)


@pytest.fixture
def filled(venue: PaperVenue) -> PaperVenue:
    """A venue with 450 candles, every one of them closed, whose closes rise by one."""
    venue.load([(str(1000 + n), str(1001 + n), str(999 + n), str(1000 + n)) for n in range(COUNT)])
    venue.set_minute(COUNT)
    return venue


def words(venue: PaperVenue, out: Path, *more: str, timeframe: str = "1m", since: str = "2022-01-01") -> tuple[str, ...]:
    base = ("--base-url", venue.base_url)
    return ("candles", "fetch", "binanceusdm", BTC_SYMBOL, timeframe, "--from", since, "--out", str(out), *base, *more)


def minutes(out: Path) -> list[int]:
    return [(int(time) - START_MS) // MINUTE_MS for time in read_candle_table(out).candles.time]


@pytest.mark.parametrize("name", ["btc.csv.gz", "btc.csv"])
def test_a_span_is_fetched_whole(filled: PaperVenue, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    result = run(*words(filled, out, "--to", "2022-01-01T05:00:00Z", "--json"))
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["rows"], told["missing"], told["notes"]) == (300, 0, [])
    assert (told["first"], told["last"]) == ("2022-01-01T00:00:00Z", "2022-01-01T04:59:00Z")
    table = read_candle_table(out).candles
    assert minutes(out) == list(range(300))
    assert table.close.tolist() == [1000.0 + number for number in range(300)]
    assert table.high[7], table.low[7] == (1008.0, 1006.0)
    assert list(tmp_path.iterdir()) == [out]


def test_equal_words_make_equal_files(filled: PaperVenue, tmp_path: Path) -> None:
    for name in ("one.csv.gz", "two.csv.gz"):
        assert run(*words(filled, tmp_path / name, "--to", "2022-01-01T02:00:00Z")).exit_code == 0
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()


def test_a_candle_in_the_making_is_left_out(filled: PaperVenue, tmp_path: Path) -> None:
    filled.set_minute(303, rewind=True)  # the candle of 5m that began at 300 has three of its minutes
    out = tmp_path / "btc.csv.gz"
    assert run(*words(filled, out, timeframe="5m")).exit_code == 0
    assert minutes(out) == list(range(0, 300, 5))


@pytest.mark.parametrize("kind", ["html", "empty", "truncated", "no_fields", "server_error", "rate_limited", "closed"])
def test_a_passing_fault_of_the_venue_costs_a_second_question_and_no_candle(
    filled: PaperVenue, tmp_path: Path, kind: str
) -> None:
    filled.operate("PUT", "/counting", {"counting": True})
    filled.operate("POST", "/faults", {"kind": kind, "path": KLINES, "method": "GET", "count": 1})
    out = tmp_path / "btc.csv.gz"
    result = run(*words(filled, out, "--to", "2022-01-01T05:00:00Z"))
    assert result.exit_code == 0, result.output
    assert minutes(out) == list(range(300))
    counts = filled.operate("GET", "/counts")["counts"].values()
    assert sum(count for paths in counts for path, count in paths.items() if path.endswith("/klines")) == 5, "four, and one again"


def test_a_download_that_the_venue_ends_goes_on_when_it_is_called_again(filled: PaperVenue, tmp_path: Path) -> None:
    out = tmp_path / "btc.csv.gz"
    filled.operate("POST", "/faults", {"kind": "server_error", "path": KLINES, "method": "GET", "count": command.ATTEMPTS})
    line = refused_at_the_end(*words(filled, out, "--to", "2022-01-01T05:00:00Z"))
    assert line.startswith("candlecast: VENUE_UNREACHABLE: binanceusdm failed 5 times")
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["btc.csv.gz.part"]
    part = tmp_path / "btc.csv.gz.part"
    rows = "".join(f"{START_MS + number * MINUTE_MS},7.0,8.0,6.0,7.0,1.0\n" for number in range(50))
    part.write_text(part.read_text() + rows)
    result = run(*words(filled, out, "--to", "2022-01-01T05:00:00Z"))
    assert result.exit_code == 0, result.output
    assert "going on after 2022-01-01T00:49:00Z" in result.stderr
    closes = read_candle_table(out).candles.close.tolist()
    assert closes == [7.0] * 50 + [1000.0 + number for number in range(50, 300)]


def refused_at_the_end(*given: str) -> str:
    """The last line of a refusal after some progress."""
    result = run(*given)
    assert result.exit_code == 1, result.output
    return result.stderr.splitlines()[-1]


def test_a_gap_and_a_late_begin_are_told(venue: PaperVenue, tmp_path: Path) -> None:
    venue.load(["1000"] * 400)
    venue.set_minute(400)
    out = tmp_path / "btc.csv.gz"
    result = run(*words(venue, out, "--to", "2022-01-01T02:00:00Z", since="2021-12-31T20:00:00Z"))
    assert result.exit_code == 0, result.output
    assert "begin at 2022-01-01T00:00:00Z: binanceusdm has none from 2021-12-31T20:00:00Z on" in " ".join(result.stderr.split())
    assert minutes(out) == list(range(120))


def test_words_that_name_nothing_are_refused_before_a_candle_is_asked_for(filled: PaperVenue, tmp_path: Path) -> None:
    out = str(tmp_path / "btc.csv.gz")
    there = ("--from", "2022-01-01", "--out", out, "--base-url", filled.base_url)
    result = run("candles", "fetch", "binanceusmd", BTC_SYMBOL, "1m", *there)
    assert (result.exit_code, "did you mean binanceusdm" in result.stderr) == (2, True)
    result = run("candles", "fetch", "binanceusdm", "BTC/USDT:USDC", "1m", *there)
    assert (result.exit_code, "did you mean BTC/USDT:USDT" in result.stderr) == (2, True)
    result = run("candles", "fetch", "binanceusdm", BTC_SYMBOL, "10m", *there)
    assert (result.exit_code, "TIMEFRAME_NOT_SERVED" in result.stderr) == (2, True)
    result = run("candles", "fetch", "binanceusdm", BTC_SYMBOL, "7m", *there)
    assert (result.exit_code, "'7m' is not one of" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_never_overwritten_and_its_folder_must_exist(filled: PaperVenue, tmp_path: Path) -> None:
    out = tmp_path / "btc.csv.gz"
    out.write_text("precious")
    refused(1, "FILE_EXISTS", *words(filled, out))
    assert out.read_text() == "precious"
    refused(1, "FILE_NOT_WRITTEN", *words(filled, tmp_path / "none" / "btc.csv"))
    refused(2, "CANDLE_FILE_FORM", *words(filled, tmp_path / "btc.parquet"))
    refused(2, "USAGE", *words(filled, tmp_path / "other.csv", since="yesterday"))


def test_a_span_without_candles_leaves_no_file(filled: PaperVenue, tmp_path: Path) -> None:
    line = refused_at_the_end(*words(filled, tmp_path / "btc.csv", "--to", "2021-06-02", since="2021-06-01"))
    assert line == f"candlecast: NO_CANDLES: binanceusdm has no closed candles of {BTC_SYMBOL} in this span"
    assert list(tmp_path.iterdir()) == []
