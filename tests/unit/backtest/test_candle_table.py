"""Files of candles become columns, and every fault of a file is refused or reported with its line."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest import candle_table
from candlecast.backtest.candle_table import CandleTable, CandleTableError, FileNotes, read_candle_table
from candlecast.backtest.extras import ExtraMissing
from candlecast.domain.values.timeframe import Timeframe
from infra.local.candle_files import read_candle_file, sample_files

START = 1_640_995_200_000  # 2022-01-01T00:00Z
MINUTE_MS = 60_000
HEADER = "timestamp,open,high,low,close,volume"


def row(minute: float, close: float = 10.0, *, unit: float = 1.0) -> str:
    return f"{int((START + minute * MINUTE_MS) * unit)},10,12,8,{close},1.5"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "candles.csv"


def read(file: Path, *lines: str, header: str = HEADER) -> CandleTable:
    file.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return read_candle_table(file)


def refused(file: Path, *lines: str, header: str = HEADER) -> tuple[str, str]:
    with pytest.raises(CandleTableError) as error:
        read(file, *lines, header=header)
    return error.value.code, error.value.message


def noted(notes: FileNotes) -> list[tuple[str, int, int]]:
    return [(note.code, note.count, note.line) for note in notes.notes]


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_columns_are_those_of_the_strict_reader(path: Path) -> None:
    table, strict = read_candle_table(path), read_candle_file(path)
    assert len(table.candles) == len(strict.candles)
    assert table.notes.timeframe == strict.timeframe
    assert table.notes.notes == ()
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(table.candles, name).tolist() == [float(getattr(candle, name)) for candle in strict.candles]
    assert table.candles.time[0] == strict.candles[0].open_time.timestamp() * 1000


@pytest.mark.parametrize(("unit", "factor"), [("s", 0.001), ("ms", 1.0), ("us", 1000.0)])
def test_the_unit_of_times_is_found(file: Path, unit: str, factor: float) -> None:
    table = read(file, *(row(minute, unit=factor) for minute in range(3)))
    assert table.candles.time.tolist() == [START, START + MINUTE_MS, START + 2 * MINUTE_MS]
    assert table.notes.time_unit == unit


@pytest.mark.parametrize(
    ("time", "place"),
    [
        ("1640995260", "candles.csv:3"),  # seconds below milliseconds
        ("1640995260000.5", "candles.csv:3"),
        ("9640995260000", "candles.csv:3"),
    ],
)
def test_a_time_unlike_the_first_is_refused(file: Path, time: str, place: str) -> None:
    code, message = refused(file, row(0), f"{time},10,12,8,10,1")
    assert code == "CANDLE_FILE_TIME"
    assert message.startswith(place + ":")


@pytest.mark.parametrize("time", ["12", "1640995200000000000", "nan", "-1640995200000"])
def test_a_first_time_of_no_unit_is_refused(file: Path, time: str) -> None:
    assert refused(file, f"{time},10,12,8,10,1", row(1))[0] in {"CANDLE_FILE_TIME", "CANDLE_FILE_NUMBER"}


def test_columns_stand_anywhere_under_their_usual_names(file: Path) -> None:
    header = "\ufeffSymbol,Close,Date,Volume,Unix,High,Low,Open"
    lines = [f"BTC,10,yesterday,1.5,{START // 1000 + 60 * minute},12,8,9" for minute in range(2)]
    table = read(file, *lines, header=header)
    assert (table.candles.open[0], table.candles.high[0], table.candles.low[0], table.candles.close[0]) == (9, 12, 8, 10)
    assert table.candles.time[0] == START


def test_a_file_without_a_header_has_the_order_of_venues(file: Path) -> None:
    table = read(file, row(1) + ",1,2,3", header=row(0) + ",1,2,3")
    assert table.candles.time.tolist() == [START, START + MINUTE_MS]
    assert refused(file, row(1), "bad", header=row(0))[1].startswith("candles.csv:3:")


@pytest.mark.parametrize("header", ["timestamp,open,high,low,close", HEADER + ",Close", "a;b;c", ""])
def test_a_header_that_misses_or_repeats_a_column_is_refused(file: Path, header: str) -> None:
    assert refused(file, row(0), row(1), header=header)[0] == "CANDLE_FILE_HEADER"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{START + MINUTE_MS},10,12,8,x,1", "CANDLE_FILE_NUMBER"),
        (f"{START + MINUTE_MS},10,12,8,,1", "CANDLE_FILE_NUMBER"),
        (f"{START + MINUTE_MS},10,12,8", "CANDLE_FILE_NUMBER"),
        (f"{START + MINUTE_MS},10,12,8,nan,1", "CANDLE_FILE_NUMBER"),
        (f"{START + MINUTE_MS},10,inf,8,10,1", "CANDLE_FILE_NUMBER"),
        (f"{START + MINUTE_MS},10,12,0,10,1", "CANDLE_FILE_VALUES"),
        (f"{START + MINUTE_MS},-10,12,8,10,1", "CANDLE_FILE_VALUES"),
        (f"{START + MINUTE_MS},10,8,12,10,1", "CANDLE_FILE_VALUES"),
        (f"{START + MINUTE_MS},10,12,8,12.1,1", "CANDLE_FILE_VALUES"),
        (f"{START + MINUTE_MS},7.9,12,8,10,1", "CANDLE_FILE_VALUES"),
        (f"{START + MINUTE_MS},10,12,8,10,-1", "CANDLE_FILE_VALUES"),
    ],
)
@pytest.mark.parametrize("blank", [0, 2])
def test_a_broken_row_is_refused_with_its_line(file: Path, line: str, code: str, blank: int) -> None:
    found, message = refused(file, row(0), *[""] * blank, line, row(2))
    assert found == code
    assert message.startswith(f"candles.csv:{3 + blank}:")


def test_rounding_of_floats_is_no_broken_row(file: Path) -> None:
    line = f"{START},0.09969000000000001,0.09969,0.09,0.095,1"
    assert read(file, line, line.replace(str(START), str(START + MINUTE_MS))).notes.notes == ()


def test_unordered_rows_are_sorted_and_reported(file: Path) -> None:
    table = read(file, row(0), row(3, 9), row(1), row(2), row(4))
    assert table.candles.close.tolist() == [10, 10, 10, 9, 10]
    assert noted(table.notes) == [("CANDLE_FILE_UNSORTED", 2, 4)]


def test_equal_rows_of_one_time_count_once(file: Path) -> None:
    table = read(file, row(0), row(1), row(1), row(2), row(0))
    assert len(table.candles) == 3
    assert noted(table.notes) == [("CANDLE_FILE_UNSORTED", 1, 6), ("CANDLE_FILE_REPEATED", 2, 4)]
    assert (table.notes.rows_read, table.notes.rows) == (5, 3)


def test_two_candles_of_one_time_are_refused(file: Path) -> None:
    code, message = refused(file, row(0), row(1), row(2), "", row(1, 11))
    assert code == "CANDLE_FILE_DUPLICATE"
    assert message == "candles.csv:6: another candle of 2022-01-01T00:01:00+00:00 than at line 3"


def test_gaps_stay_and_are_counted(file: Path) -> None:
    table = read(file, *(row(minute) for minute in (0, 1, 2, 4, 5, 10, 11)))
    assert len(table.candles) == 7
    assert noted(table.notes) == [("CANDLE_FILE_GAP", 2, 5)]
    assert (table.notes.missing, table.notes.longest_gap_ms) == (5, 4 * MINUTE_MS)
    assert "2022-01-01T00:10:00" in str(table.notes.notes[0])


def test_prices_far_from_the_close_before_are_reported(file: Path) -> None:
    wrong = f"{START + 2 * MINUTE_MS},10,21,8,10,1.5", f"{START + 4 * MINUTE_MS},10,12,4.9,10,1.5"
    table = read(file, row(0), row(1), wrong[0], row(3), wrong[1])
    assert noted(table.notes) == [("CANDLE_FILE_JUMP", 2, 4)]
    assert noted(read(file, row(0), row(1), f"{START + 2 * MINUTE_MS},10,20,5,10,1.5").notes) == []


@pytest.mark.parametrize(("separator", "told"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_named(file: Path, separator: str, told: str) -> None:
    code, message = refused(file, row(0).replace(",", separator), header=HEADER.replace(",", separator))
    assert (code, message) == ("CANDLE_FILE_HEADER", f"candles.csv:1: cells are separated by commas, not by {told}")


def test_a_time_in_words_is_named(file: Path) -> None:
    told = "candles.csv:3: a time is no number of s, ms or us since 1970: '2022-01-01T00:01:00,10,12,8,10,1.5'"
    assert refused(file, row(0), "2022-01-01T00:01:00,10,12,8,10,1.5") == ("CANDLE_FILE_NUMBER", told)


def test_a_span_without_candles_says_what_the_file_has(file: Path) -> None:
    read(file, row(0), row(1), row(2))
    with pytest.raises(CandleTableError, match=r"has 2022-01-01T00:00:00\+00:00 to 2022-01-01T00:02:00"):
        read_candle_table(file, start_ms=START + 60 * MINUTE_MS)


def test_candles_off_the_clock_are_reported(file: Path) -> None:
    table = read(file, row(0), row(1), row(2), row(3.5), row(4.5))
    assert noted(table.notes) == [("CANDLE_FILE_GAP", 1, 5), ("CANDLE_FILE_MISALIGNED", 2, 5)]
    assert table.notes.missing == 1


def test_the_timeframe_is_the_most_common_distance(file: Path) -> None:
    table = read(file, *(row(minute) for minute in (0, 1, 5, 10, 15)))
    assert table.notes.timeframe is Timeframe.M5
    assert refused(file, row(0), row(7), row(14))[0] == "CANDLE_FILE_TIMEFRAME"


def test_a_span_holds_the_candles_that_open_in_it(file: Path) -> None:
    read(file, *(row(minute) for minute in (0, 2, 3, 4, 5, 6)))
    table = read_candle_table(file, start_ms=START + 2 * MINUTE_MS, end_ms=START + 5 * MINUTE_MS)
    assert ((table.candles.time - START) // MINUTE_MS).tolist() == [2, 3, 4]
    assert table.notes.notes == ()  # the gap is before the span
    with pytest.raises(CandleTableError, match=r"CANDLE_FILE_TOO_SHORT: .*: 1 candles"):
        read_candle_table(file, start_ms=START + 6 * MINUTE_MS)
    with pytest.raises(CandleTableError, match=r"CANDLE_FILE_TOO_SHORT: .*: 0 candles"):
        read_candle_table(file, start_ms=START + 6 * MINUTE_MS, end_ms=START)


@given(order=st.permutations(list(range(12))), blank=st.sets(st.integers(0, 11)), chunk=st.integers(60, 400))
def test_any_order_in_chunks_of_any_length_is_the_same_file(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], blank: set[int], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("order") / "candles.csv.gz"
    lines = ["\r\n" * (index in blank) + row(minute, 9 + minute / 10) for index, minute in enumerate(order)]
    path.write_bytes(gzip.compress("\r\n".join((HEADER, *lines)).encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candle_table, "CHUNK", chunk)
        table = read_candle_table(path)
    assert table.candles.close.tolist() == [9 + minute / 10 for minute in range(12)]
    late = [index for index, minute in enumerate(order) if minute < max(order[: index + 1])]
    lines_before = sum(index in blank for index in range(late[0] + 1)) if late else 0
    assert noted(table.notes) == ([("CANDLE_FILE_UNSORTED", len(late), 2 + late[0] + lines_before)] if late else [])


@pytest.mark.parametrize(("name", "value"), [("CHUNK", 64), ("MAX_BYTES", 200), ("MAX_ROWS", 4)])
def test_a_file_beyond_a_limit_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    long = row(0) + ",".ljust(200, "1") if name == "CHUNK" else row(0)
    monkeypatch.setattr(candle_table, name, value)
    assert refused(file, long, *(row(minute) for minute in range(1, 6)))[0] == "CANDLE_FILE_TOO_LONG"


@pytest.mark.parametrize("content", [b"", HEADER.encode(), f"{HEADER}\n\n{row(0)}\n".encode(), f"{row(0)}\n{row(0)}".encode()])
def test_a_file_with_fewer_than_two_candles_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(CandleTableError) as error:
        read_candle_table(file)
    assert error.value.code == ("CANDLE_FILE_TOO_SHORT" if content else "CANDLE_FILE_HEADER")


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress(f"{HEADER}\n{row(0)}\n".encode())[:-9])
    other = tmp_path / "candles.json"
    other.write_text("[]", encoding="utf-8")
    codes = []
    for path in (torn, other, tmp_path / "none.csv", tmp_path):
        with pytest.raises(CandleTableError) as error:
            read_candle_table(path)
        codes.append(error.value.code)
    assert codes == ["CANDLE_FILE_UNREADABLE", "CANDLE_FILE_FORM", "CANDLE_FILE_MISSING", "CANDLE_FILE_MISSING"]


def test_a_parquet_file_without_its_reader_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "candles.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(ExtraMissing, match=r"EXTRA_MISSING: .*\.\[parquet\]"):
        read_candle_table(path)


def test_columns_can_not_be_written_to(file: Path) -> None:
    candles = read(file, row(0), row(1)).candles
    with pytest.raises(ValueError, match="read-only"):
        candles.close[0] = 1
    assert candles.close.dtype == np.float64
