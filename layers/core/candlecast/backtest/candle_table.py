"""Candle files as columns, fast, with notes of their faults.

**Forms.** `.csv` and `.csv.gz` with commas, and `.parquet`. Names of columns may have any case (`NAMES`), and other columns are
ignored. A CSV file without a header has the venues' order: open time, open, high, low, close, volume. Times are numbers since
1970 in seconds, milliseconds or microseconds; all rows have the same unit. A parquet column of timestamps has its own unit.

**Accepted and reported**, each with a code in `FileNotes`: unordered rows are sorted, equal rows of one time are counted once.
Gaps stay gaps, and candles off the market clock stay where they are. So do candles with prices far from the close before:
markets have crashed for a minute, but more often a digit is wrong.

**Refused**, with the line: conflicting rows of one time, and cells that are no finite number. So are prices at or below zero,
negative volumes, and a high or a low that another price exceeds.

`infra/local/candle_files.py` reads the same columns for replays, and refuses every fault.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from candlecast.backtest.extras import load
from candlecast.domain.values.errors import DomainError
from candlecast.domain.values.timeframe import EPOCH, Timeframe, TimeframeError
from candlecast.strategy import Candles, Floats
from candlecast.strategy.candles import MILLISECOND, Integers

NAMES = {  # by column, the first name that a file has
    "time": ("timestamp", "open_time", "time", "unix", "date", "ts"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}
SUFFIXES = (".csv", ".csv.gz", ".parquet")
UNITS = (("s", 1_000.0, 1.0), ("ms", 1.0, 1.0), ("us", 1.0, 1_000.0))  # times the first, by the second: milliseconds
OLDEST_MS, NEWEST_MS = 1e11, 4_102_444_800_000.0  # 1973 to 2100: the ranges of the three units do not meet
MAX_ROWS = 10_000_000  # nineteen years of 1m; 480 MB as columns
MAX_BYTES = 2**30  # of a CSV file, unpacked: over 100 bytes for each of the rows
CHUNK = 2**22  # bytes of text that are parsed at once; no line may be longer
FEWEST_ROWS = 2  # a timeframe is the distance of two
FARTHEST = 2.0  # times the close before, or its half: beyond that a price is reported
SEPARATORS = {b";": "semicolons", b"\t": "tabs"}  # of other files, which the message names
ROUNDING = 1e-9  # of a price: files of floats have an open of 0.09969000000000001 under a high of 0.09969
NUMBER = re.compile(rb"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


class CandleTableError(DomainError):
    """A candle file that a backtest refuses; the message names the file and, for a row, its line.

    CANDLE_FILE_MISSING, CANDLE_FILE_FORM, CANDLE_FILE_UNREADABLE, CANDLE_FILE_HEADER, CANDLE_FILE_NUMBER, CANDLE_FILE_TIME,
    CANDLE_FILE_VALUES, CANDLE_FILE_DUPLICATE, CANDLE_FILE_TIMEFRAME, CANDLE_FILE_TOO_SHORT, CANDLE_FILE_TOO_LONG.
    """


@dataclass(frozen=True, slots=True)
class FileNote:
    """One thing that was unusual in a file and was accepted."""

    code: str  # CANDLE_FILE_UNSORTED, CANDLE_FILE_REPEATED, CANDLE_FILE_GAP, CANDLE_FILE_MISALIGNED, CANDLE_FILE_JUMP
    count: int  # rows, or gaps
    line: int  # of the first of them in the file; in a parquet file the row, from 1
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


@dataclass(frozen=True, slots=True)
class FileNotes:
    """Counts and faults of a candle file, for the report."""

    file: str  # its name, without folders
    timeframe: Timeframe  # the most common distance of two rows
    time_unit: str  # s, ms or us
    rows_read: int
    rows: int  # kept: without repeated rows, inside the asked span, with the history before it
    missing: int  # candles that gaps lack
    longest_gap_ms: int  # without a candle: from the close of one to the open of the next
    notes: tuple[FileNote, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CandleTable:
    """Candles of one file and the notes of the file. Rows before `first` are the history of the asked span."""

    candles: Candles
    notes: FileNotes
    first: int = 0


@dataclass(slots=True, eq=False)
class _Rows:
    """Rows as they stand in the file: `table` has the columns of `NAMES`, in ms once the unit is known."""

    path: Path
    table: Floats
    first_line: int
    dense: bool  # no line between rows is blank, so a row's line follows from its number

    def line(self, row: int) -> int:
        if self.dense:
            return self.first_line + row
        with _opened(self.path) as file:
            filled = (number for number, text in enumerate(file, 1) if number >= self.first_line and text.strip())
            return next(islice(filled, row, None))

    def place(self, row: int) -> str:
        return f"{self.path.name}:{self.line(row)}"


def read_candle_table(path: Path, *, start_ms: int | None = None, end_ms: int | None = None, history: int = 0) -> CandleTable:
    """Read the candles of a file that open from `start_ms` (inclusive) to `end_ms` (exclusive), and up to `history` before them.

    The rows outside the span are checked as well. Raises `CandleTableError` for the first fault, and
    `ExtraMissing` for a parquet file without pyarrow.
    """
    rows = _read(path)
    unit = _to_milliseconds(rows)
    _require_sound(rows)
    order, notes = _ascending(rows)
    order, repeated = _without_repeats(rows, order)
    time = rows.table[order, 0].astype(np.int64)
    timeframe = _timeframe(path, time)
    first = 0 if start_ms is None else int(np.searchsorted(time, start_ms))
    last = len(time) if end_ms is None else int(np.searchsorted(time, end_ms))
    if last - first < FEWEST_ROWS:
        span = f"{max(0, last - first)} candles in the span, two are needed: the file has {_shown(int(time[0]))}"
        raise CandleTableError("CANDLE_FILE_TOO_SHORT", f"{path.name}: {span} to {_shown(int(time[-1]))}")
    begin = max(0, first - history)
    time, order = time[begin:last], order[begin:last]
    gaps, missing, longest = _gaps(rows, order, time, timeframe)
    columns = {name: np.ascontiguousarray(rows.table[order, index]) for index, name in enumerate(NAMES) if index}
    for column in (time, *columns.values()):
        column.setflags(write=False)
    return CandleTable(
        candles=Candles(time=time, **columns),
        notes=FileNotes(
            file=path.name,
            timeframe=timeframe,
            time_unit=unit,
            rows_read=len(rows.table),
            rows=len(time),
            missing=missing,
            longest_gap_ms=longest,
            notes=(*notes, *repeated, *gaps, *_off_the_clock(rows, order, time, timeframe), *_jumps(rows, order)),
        ),
        first=first - begin,
    )


def _read(path: Path) -> _Rows:
    if not path.is_file():
        raise CandleTableError("CANDLE_FILE_MISSING", f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if not path.name.endswith(SUFFIXES):
        raise CandleTableError("CANDLE_FILE_FORM", f"{path.name}: a name must end with one of {', '.join(SUFFIXES)}")
    rows = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    if len(rows.table) < FEWEST_ROWS:
        raise CandleTableError("CANDLE_FILE_TOO_SHORT", f"{path.name}: {len(rows.table)} rows, two are needed")
    return rows


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc] # a GzipFile is a reader of bytes
    except (OSError, EOFError, zlib.error) as error:
        raise CandleTableError("CANDLE_FILE_UNREADABLE", f"{path.name}: {error}") from error


def _read_csv(path: Path) -> _Rows:
    """Parse a chunk of whole lines at a time: numpy's own reader of text is the fastest way to floats that it has."""
    tables: list[Floats] = []
    with _opened(path) as file:
        first = file.readline(CHUNK)
        columns, is_header = _columns(path, first)
        rest, number, seen, dense = b"" if is_header else first, 1 + is_header, len(first), True
        while True:
            piece = file.read(CHUNK)
            seen += len(piece)
            cut = len(rest) + piece.rfind(b"\n") + 1 if b"\n" in piece else 0
            text = rest + piece
            if not piece:
                cut = len(text)
            elif len(text) - cut > CHUNK or seen > MAX_BYTES:
                raise CandleTableError(
                    "CANDLE_FILE_TOO_LONG", f"{path.name}: a file has {MAX_BYTES} bytes, a line {CHUNK}, at most"
                )
            whole, rest = text[:cut], text[cut:]
            if whole.strip():
                tables.append(_parsed(path, whole, columns, number))
                lines = whole.count(b"\n") + (not whole.endswith(b"\n"))
                dense, number = dense and lines == len(tables[-1]), number + lines
                if sum(map(len, tables)) > MAX_ROWS:
                    raise CandleTableError("CANDLE_FILE_TOO_LONG", f"{path.name}: over {MAX_ROWS} rows")
            elif whole:
                dense, number = False, number + whole.count(b"\n")
            if not piece:
                break
    table = np.concatenate(tables) if tables else np.empty((0, len(NAMES)))
    return _Rows(path, table, 1 + is_header, dense)


def _columns(path: Path, line: bytes) -> tuple[tuple[int, ...], bool]:
    """The place of each column of `NAMES`, and whether the first line is a header."""
    cells = line.removeprefix(b"\xef\xbb\xbf").strip().split(b",")
    if len(cells) >= len(NAMES) and all(map(NUMBER.fullmatch, cells[: len(NAMES)])):
        return tuple(range(len(NAMES))), False
    for separator, said in SEPARATORS.items():
        if len(cells) < len(NAMES) <= len(line.split(separator)):
            raise CandleTableError("CANDLE_FILE_HEADER", f"{path.name}:1: cells are separated by commas, not by {said}")
    names = [cell.decode("utf-8", "replace").strip().strip('"').lower() for cell in cells]
    return tuple(names.index(name) for name in _named(path, names)), True


def _named(path: Path, names: list[str]) -> list[str]:
    """The file's name of each column."""
    found = []
    for column, known in NAMES.items():
        present = [name for name in known if name in names]
        if not present or names.count(present[0]) > 1:
            fault = "two columns" if present else "no column"
            raise CandleTableError("CANDLE_FILE_HEADER", f"{path.name}:1: {fault} for {column}, named {' or '.join(known)}")
        found.append(present[0])
    return found


def _parsed(path: Path, text: bytes, columns: tuple[int, ...], number: int) -> Floats:
    try:
        return np.loadtxt(io.BytesIO(text), delimiter=",", usecols=columns, ndmin=2, comments=None, encoding="latin-1")
    except ValueError as error:
        for line, row in enumerate(text.split(b"\n"), number):
            cells = row.split(b",")
            wrong = [at for at in columns if not (at < len(cells) and NUMBER.fullmatch(cells[at]))]
            if row.strip() and wrong:
                shown = row[:80].decode("utf-8", "replace").strip()
                fault = "a time is no number of s, ms or us since 1970" if wrong == [columns[0]] else "a cell is no number"
                raise CandleTableError("CANDLE_FILE_NUMBER", f"{path.name}:{line}: {fault}: {shown!r}") from error
        raise CandleTableError("CANDLE_FILE_NUMBER", f"{path.name}: from line {number}: {error}") from error


def _read_parquet(path: Path) -> _Rows:
    arrow, parquet = (load(name, "parquet", "parquet files") for name in ("pyarrow", "pyarrow.parquet"))
    try:
        file = parquet.ParquetFile(path)
        if file.metadata.num_rows > MAX_ROWS:
            raise CandleTableError("CANDLE_FILE_TOO_LONG", f"{path.name}: over {MAX_ROWS} rows")
        names = {name.strip().lower(): name for name in reversed(file.schema_arrow.names)}
        found = _named(path, [name.strip().lower() for name in file.schema_arrow.names])
        _require_numbers(path, arrow.types, [file.schema_arrow.field(names[name]) for name in found])
        read = file.read(columns=[names[name] for name in found])
        table = np.empty((read.num_rows, len(NAMES)))
        for index, name in enumerate(found):
            table[:, index] = _cells(arrow, read.column(names[name]))
    except (arrow.ArrowException, OSError) as error:
        raise CandleTableError("CANDLE_FILE_UNREADABLE", f"{path.name}: {error}") from error
    return _Rows(path, table, 1, dense=True)


def _require_numbers(path: Path, types: Any, fields: Sequence[Any]) -> None:
    """Refuse a column of anything else before it is read: a text may be so long that few rows fill the memory."""
    for field in fields:
        kind = field.type
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_timestamp(kind)):
            raise CandleTableError("CANDLE_FILE_NUMBER", f"{path.name}: the column {field.name} holds {kind}, not numbers")


def _cells(arrow: Any, column: Any) -> NDArray[Any]:
    """Numbers of a column; a timestamp becomes milliseconds, and an empty cell NaN."""
    if arrow.types.is_timestamp(column.type):
        column = column.cast(arrow.timestamp("ms")).cast(arrow.int64())
    cells: NDArray[Any] = column.cast(arrow.float64()).to_numpy()
    return cells


def _to_milliseconds(rows: _Rows) -> str:
    """Turn the times into milliseconds and return their unit."""
    time = rows.table[:, 0]
    for unit, factor, divisor in UNITS:
        scaled = time * factor / divisor
        inside = (scaled >= OLDEST_MS) & (scaled < NEWEST_MS)
        if not inside[0]:
            continue
        sound = inside & (scaled == np.floor(scaled))
        if not sound.all():
            row = int(np.argmin(sound))
            message = f"{rows.place(row)}: {time[row]:.15g} is no whole time in {unit} since 1970, as the first row is"
            raise CandleTableError("CANDLE_FILE_TIME", message)
        rows.table[:, 0] = scaled
        return unit
    raise CandleTableError("CANDLE_FILE_TIME", f"{rows.place(0)}: {time[0]:.15g} is no time in s, ms or us from 1973 to 2100")


def _require_sound(rows: _Rows) -> None:
    """Refuse the first row that no market can have."""
    _, opened, high, low, close, volume = rows.table.T
    finite = np.isfinite(rows.table).all(axis=1)
    sound = finite & (low > 0) & (volume >= 0) & (opened > 0) & (close > 0)
    sound &= np.maximum(np.maximum(opened, close), low) <= high * (1 + ROUNDING)
    sound &= np.minimum(opened, close) >= low * (1 - ROUNDING)
    if sound.all():
        return
    row = int(np.argmin(sound))
    shown = ", ".join(f"{name} {value:.12g}" for name, value in zip(list(NAMES)[1:], rows.table[row, 1:], strict=True))
    if not finite[row]:
        raise CandleTableError("CANDLE_FILE_NUMBER", f"{rows.place(row)}: a value is not finite: {shown}")
    rule = "prices must be above zero, from low to high, and the volume not negative"
    raise CandleTableError("CANDLE_FILE_VALUES", f"{rows.place(row)}: {rule}: {shown}")


def _ascending(rows: _Rows) -> tuple[Integers, list[FileNote]]:
    """The rows in the order of their times."""
    time = rows.table[:, 0]
    if bool((time[1:] >= time[:-1]).all()):
        return np.arange(len(time)), []
    late = np.flatnonzero(time < np.maximum.accumulate(time))
    line = rows.line(int(late[0]))
    text = f"{len(late)} rows stood below a later one and were sorted, the first at line {line}"
    return np.argsort(time, kind="stable"), [FileNote("CANDLE_FILE_UNSORTED", len(late), line, text)]


def _without_repeats(rows: _Rows, order: Integers) -> tuple[Integers, list[FileNote]]:
    """The rows without those that say the same as the one before; two that differ are refused."""
    time = rows.table[order, 0]
    again = np.flatnonzero(time[1:] == time[:-1]) + 1
    if not len(again):
        return order, []
    differs = again[(rows.table[order[again]] != rows.table[order[again - 1]]).any(axis=1)]
    if len(differs):
        here, there = int(order[differs[0]]), int(order[differs[0] - 1])
        when = _shown(int(time[differs[0]]))
        message = f"{rows.place(here)}: another candle of {when} than at line {rows.line(there)}"
        raise CandleTableError("CANDLE_FILE_DUPLICATE", message)
    line = rows.line(int(order[again].min()))
    text = f"{len(again)} rows repeated another and were dropped, the first at line {line}"
    return np.delete(order, again), [FileNote("CANDLE_FILE_REPEATED", len(again), line, text)]


def _timeframe(path: Path, time: Integers) -> Timeframe:
    """The most common distance of two rows, the shortest of several."""
    if len(time) < FEWEST_ROWS:
        raise CandleTableError("CANDLE_FILE_TOO_SHORT", f"{path.name}: one candle, two are needed")
    steps, counts = np.unique(np.diff(time), return_counts=True)
    step = timedelta(milliseconds=int(steps[np.argmax(counts)]))
    try:
        return Timeframe.from_length(step)
    except TimeframeError as error:
        raise CandleTableError("CANDLE_FILE_TIMEFRAME", f"{path.name}: most rows are {step} apart: {error.message}") from error


def _gaps(rows: _Rows, order: Integers, time: Integers, timeframe: Timeframe) -> tuple[list[FileNote], int, int]:
    """Notes of gaps, the missing candles, and the longest time without a candle."""
    step = timeframe.milliseconds
    empty = np.diff(time) - step
    gaps = np.flatnonzero(empty > 0)
    if not len(gaps):
        return [], 0, 0
    missing, longest = int((-(-empty[gaps] // step)).sum()), int(gaps[np.argmax(empty[gaps])])
    line = rows.line(int(order[gaps[0] + 1]))
    text = (
        f"{len(gaps)} gaps with {missing} missing candles, the longest {timedelta(milliseconds=int(empty[longest]))} "
        f"before {_shown(int(time[longest + 1]))}, the first above line {line}"
    )
    return [FileNote("CANDLE_FILE_GAP", len(gaps), line, text)], missing, int(empty[longest])


def _off_the_clock(rows: _Rows, order: Integers, time: Integers, timeframe: Timeframe) -> list[FileNote]:
    off = np.flatnonzero(time % timeframe.milliseconds)
    if not len(off):
        return []
    line = rows.line(int(order[off[0]]))
    text = f"{len(off)} candles do not open with a {timeframe} of the market clock, the first at line {line}"
    return [FileNote("CANDLE_FILE_MISALIGNED", len(off), line, text)]


def _jumps(rows: _Rows, order: Integers) -> list[FileNote]:
    """Notes of candles whose high or low is far from the close before."""
    high, low, close = (rows.table[order, index] for index in (2, 3, 4))
    far = np.flatnonzero((high[1:] > FARTHEST * close[:-1]) | (low[1:] * FARTHEST < close[:-1])) + 1
    if not len(far):
        return []
    line = rows.line(int(order[far[0]]))
    text = f"{len(far)} candles reach twice or half of the close before, the first at line {line}"
    return [FileNote("CANDLE_FILE_JUMP", len(far), line, text)]


def _shown(time_ms: int) -> str:
    return (EPOCH + time_ms * MILLISECOND).isoformat()
