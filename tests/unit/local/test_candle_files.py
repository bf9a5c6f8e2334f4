"""A candle file is read whole and right, or refused with the place and a code."""

from __future__ import annotations

import gzip
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from candlecast.domain.values.timeframe import Timeframe
from infra.local.candle_files import SAMPLE_DIRECTORY, CandleFileError, market_of, read_candle_file, sample_files
from infra.local.sample.generate import MARKETS, ROWS, SampleMarket, sample_candles, write_samples
from tests.support.candle_rows import RECORDED, RECORDED_NAMES

NAME = "BTC-USDT-perp-1m-test.csv"
HEADER = "timestamp,open,high,low,close,volume\n"
ROW = "1640991660000,46319.0,46385.0,46319.0,46377.0,2300413.7295\n"
NEXT_ROW = "1640991720000,46377.0,46411.0,46377.0,46411.0,1829623.1938\n"
MAX_SAMPLE_BYTES = 60_000  # both files together: a clone must stay small


def refusal(path: Path, minimum_rows: int = 2) -> CandleFileError:
    with pytest.raises(CandleFileError) as refused:
        read_candle_file(path, minimum_rows=minimum_rows)
    assert str(path) in refused.value.message
    return refused.value


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "CANDLE_FILE_HEADER", ":1:"),
        ("time,open,high,low,close,volume\n" + ROW, "CANDLE_FILE_HEADER", ":1:"),
        (HEADER, "CANDLE_FILE_TOO_SHORT", "0 rows"),
        (HEADER + ROW, "CANDLE_FILE_TOO_SHORT", "1 rows"),
        (HEADER + ROW + NEXT_ROW.replace("46411.0", "4x", 1), "CANDLE_FILE_NUMBER", ":3: high '4x'"),
        (HEADER + ROW + NEXT_ROW.replace("46411.0", "NaN", 1), "CANDLE_FILE_NUMBER", ":3: high 'NaN'"),
        (HEADER + ROW + NEXT_ROW.replace("46411.0", "46_411.0", 1), "CANDLE_FILE_NUMBER", ":3: high"),
        (HEADER + ROW + NEXT_ROW.replace("46411.0", "-46411.0", 1), "CANDLE_FILE_NUMBER", ":3: high"),
        (HEADER + ROW + NEXT_ROW.replace("1640991720000", "2022-01-01"), "CANDLE_FILE_NUMBER", ":3: timestamp"),
        (HEADER + ROW + NEXT_ROW.replace("1640991720000", "1640991720000000"), "CANDLE_FILE_NUMBER", ":3: timestamp"),
        (HEADER + ROW + NEXT_ROW.replace("46411.0", "46000.0", 1), "CANDLE_FILE_VALUES", ":3:"),
        (HEADER + ROW + NEXT_ROW.replace("46377.0", "0", 1), "CANDLE_FILE_VALUES", ":3: open must be above zero"),
        (HEADER + ROW + "1640991720000,1,1\n", "CANDLE_FILE_COLUMNS", ":3: 3 columns"),
        (HEADER + NEXT_ROW + ROW, "CANDLE_FILE_UNSORTED", ":3:"),
        (HEADER + ROW + ROW, "CANDLE_FILE_DUPLICATE", ":3:"),
        (HEADER + ROW + NEXT_ROW + NEXT_ROW.replace("720000", "900000"), "CANDLE_FILE_GAP", "2021-12-31T23:02:00+00:00"),
        (HEADER + ROW + NEXT_ROW.replace("720000", "780000"), "CANDLE_FILE_TIMEFRAME", "0:02:00 apart"),
        (HEADER + ROW + NEXT_ROW.replace("720000", "840000"), "CANDLE_FILE_TIMEFRAME", "the name says 1m, but rows are 3m apart"),
        (
            HEADER + ROW.replace("660000", "660001") + NEXT_ROW.replace("720000", "720001"),
            "CANDLE_FILE_MISALIGNED",
            "23:01:00.001",
        ),
    ],
)
def test_broken_file_is_refused_with_code_and_place(tmp_path: Path, text: str, code: str, place: str) -> None:
    path = tmp_path / NAME
    path.write_text(text)
    error = refusal(path)
    assert error.code == code
    assert place in error.message


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / NAME).code == "CANDLE_FILE_MISSING"
    assert refusal(tmp_path).code == "CANDLE_FILE_MISSING"


def many_rows() -> str:
    return HEADER + "".join(ROW.replace("1640991660000", str(1640991660000 + 60_000 * row)) for row in range(999))


@pytest.mark.parametrize(
    "content",
    [b"no archive", gzip.compress(many_rows().encode())[:-20], gzip.compress(b"\xff\xfe\x00")],
    ids=["no archive", "cut off", "no text"],
)
def test_unreadable_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / (NAME + ".gz")
    path.write_bytes(content)
    assert refusal(path).code == "CANDLE_FILE_UNREADABLE"


def test_file_with_fewer_rows_than_wanted_is_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text(HEADER + ROW + NEXT_ROW)
    assert "2 rows, at least 300 are needed" in refusal(path, minimum_rows=300).message


def test_plain_and_compressed_files_read_the_same_to_the_last_digit(tmp_path: Path) -> None:
    plain, compressed = tmp_path / NAME, tmp_path / (NAME + ".gz")
    plain.write_bytes(b"\xef\xbb\xbf" + (HEADER + ROW + NEXT_ROW).replace("\n", "\r\n").encode())
    compressed.write_bytes(gzip.compress((HEADER + ROW + NEXT_ROW + "\n").encode()))
    read = read_candle_file(plain)
    assert read.candles == read_candle_file(compressed).candles
    assert read.candles[1].volume == Decimal("1829623.1938")
    assert (read.market, read.timeframe) == ("BTC/USDT:USDT", Timeframe.M1)


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("BTC-USDT-perp-1m-2022-01.csv.gz", "BTC/USDT:USDT"),
        ("ETH-BTC-spot-5m-2018-01.csv.gz", "ETH/BTC:BTC"),
        ("1000PEPE-USDT-perp-1h.csv", "1000PEPE/USDT:USDT"),
    ],
)
def test_name_gives_the_market(name: str, market: str) -> None:
    assert market_of(Path("somewhere") / name) == market


@pytest.mark.parametrize(
    "name", ["candles.csv", "BTCUSDT-1m.csv.gz", "BTC-USDT-future-1m-x.csv", "btc-usdt-perp-1m.csv", "BTC-USDT-perp-1m.zip"]
)
def test_name_without_a_market_is_refused_with_the_expected_form(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(HEADER + ROW + NEXT_ROW)
    error = refusal(path)
    assert error.code == "MARKET_UNKNOWN"
    assert "BTC-USDT-perp-1m-2022-01.csv.gz" in error.message


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED_NAMES)
def test_recorded_files_are_read_whole(name: str) -> None:
    path = RECORDED / name
    if not path.is_file():
        pytest.skip(f"recorded candles are not on this machine: {name}")
    read = read_candle_file(path)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert len(read.candles) == len(lines) - 1
    assert read.timeframe.value in name
    assert str(read.candles[-1].close) == lines[-1].split(",")[4]


def test_shipped_samples_are_what_the_generator_makes(tmp_path: Path) -> None:
    write_samples(tmp_path)
    assert [path.name for path in sample_files()] == sorted(market.file_name for market in MARKETS)
    for path in sample_files():
        assert gzip.decompress(path.read_bytes()) == gzip.decompress((tmp_path / path.name).read_bytes())
    assert sum(path.stat().st_size for path in sample_files()) < MAX_SAMPLE_BYTES


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: str(market.file_name))
def test_sample_reads_back_contiguous_and_in_ticks(market: SampleMarket) -> None:
    candles = read_candle_file(SAMPLE_DIRECTORY / market.file_name).candles
    assert len(candles) == ROWS
    assert candles == sample_candles(market)
    assert all(price % market.tick == 0 for candle in candles for price in (candle.high, candle.low, candle.close))
    assert all(earlier.close == later.open for earlier, later in pairwise(candles))
