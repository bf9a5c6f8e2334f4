"""Recorded candles from files, for replays: read strictly, because a replay of a broken file proves nothing."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.errors import DomainError, InvalidValue
from candlecast.domain.values.timeframe import EPOCH, Timeframe, TimeframeError

HEADER = "timestamp,open,high,low,close,volume"
MAX_ROWS = 1_000_000  # nearly two years of 1m; a row is about 600 bytes in memory
MAX_TIMESTAMP = 4_102_444_800_000  # the year 2100 in milliseconds: microseconds by mistake are far above it
NAME_FORM = "BASE-QUOTE-perp-TIMEFRAME-anything.csv.gz (or spot, or .csv), such as BTC-USDT-perp-1m-2022-01.csv.gz"
NAME_PATTERN = re.compile(r"([A-Z0-9]{2,15})-([A-Z0-9]{2,15})-(?:perp|spot)-([0-9]+[mhd])(?:-.*)?\.csv(?:\.gz)?", re.ASCII)
NUMBER_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
TIMESTAMP_PATTERN = re.compile(r"[0-9]{1,15}", re.ASCII)
SAMPLE_DIRECTORY = Path(__file__).parent / "sample"


class CandleFileError(DomainError):
    """A candle file that can not be replayed; the message names file and line.

    CANDLE_FILE_MISSING, CANDLE_FILE_UNREADABLE, CANDLE_FILE_HEADER, CANDLE_FILE_COLUMNS, CANDLE_FILE_NUMBER, CANDLE_FILE_VALUES,
    CANDLE_FILE_UNSORTED, CANDLE_FILE_DUPLICATE, CANDLE_FILE_GAP, CANDLE_FILE_TIMEFRAME, CANDLE_FILE_MISALIGNED,
    CANDLE_FILE_TOO_SHORT, CANDLE_FILE_TOO_LONG, MARKET_UNKNOWN.
    """


@dataclass(frozen=True, slots=True)
class CandleFile:
    """The contiguous candles of one market, ascending."""

    path: Path
    market: str
    timeframe: Timeframe
    candles: tuple[Candle, ...]


def sample_files() -> tuple[Path, ...]:
    """The candle files that ship with the project, sorted by name."""
    return tuple(sorted(SAMPLE_DIRECTORY.glob("*.csv.gz")))


def market_of(path: Path) -> str:
    """The unified symbol of a file's market, by its name: `BTC-USDT-perp-1m-2022-01.csv.gz` is `BTC/USDT:USDT`.

    A spot market's candles are replayed as the perpetual of the same pair, because the paper exchange is a venue of perpetuals.
    Raises `CandleFileError` MARKET_UNKNOWN.
    """
    base, quote, _ = _name_parts(path)
    return f"{base}/{quote}:{quote}"


def read_candle_file(path: Path, *, minimum_rows: int = 2) -> CandleFile:
    """Read `timestamp,open,high,low,close,volume` (open time in ms since the epoch, UTC), plain or gzipped.

    The timeframe is the distance of the rows and must be what the name says. Raises `CandleFileError` for the first fault.
    """
    if not path.is_file():
        raise CandleFileError("CANDLE_FILE_MISSING", f"{path}: no such file")
    market = market_of(path)
    with _opened(path) as lines:
        candles = tuple(_candles(path, lines))
    if len(candles) < max(2, minimum_rows):
        raise CandleFileError("CANDLE_FILE_TOO_SHORT", f"{path}: {len(candles)} rows, at least {max(2, minimum_rows)} are needed")
    timeframe = _timeframe(path, candles)
    _require_contiguous(path, candles, timeframe)
    return CandleFile(path, market, timeframe, candles)


def _name_parts(path: Path) -> tuple[str, str, str]:
    match = NAME_PATTERN.fullmatch(path.name)
    if match is None:
        raise CandleFileError("MARKET_UNKNOWN", f"{path}: the name gives no market; expected {NAME_FORM}")
    base, quote, timeframe = match.groups()
    return base, quote, timeframe


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8-sig") as compressed:
                yield compressed
        else:
            with path.open(encoding="utf-8-sig") as plain:
                yield plain
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CandleFileError("CANDLE_FILE_UNREADABLE", f"{path}: {error}") from error


def _candles(path: Path, lines: TextIO) -> Iterator[Candle]:
    """Yield the rows in the file's order, which must be strictly ascending."""
    header = lines.readline().strip()
    if header != HEADER:
        raise CandleFileError("CANDLE_FILE_HEADER", f"{path}:1: the header must be {HEADER}, not {header[:80]!r}")
    previous: Candle | None = None
    for number, line in enumerate(lines, start=2):
        text = line.strip()
        if not text:
            continue
        if number > MAX_ROWS + 1:
            raise CandleFileError("CANDLE_FILE_TOO_LONG", f"{path}:{number}: over {MAX_ROWS} rows")
        candle = _candle(f"{path}:{number}", text)
        if previous is not None and candle.open_time == previous.open_time:
            raise CandleFileError("CANDLE_FILE_DUPLICATE", f"{path}:{number}: a second row for {candle.open_time.isoformat()}")
        if previous is not None and candle.open_time < previous.open_time:
            raise CandleFileError(
                "CANDLE_FILE_UNSORTED", f"{path}:{number}: {candle.open_time.isoformat()} is before the row above"
            )
        yield candle
        previous = candle


def _candle(place: str, text: str) -> Candle:
    cells = text.split(",")
    if len(cells) != HEADER.count(",") + 1:
        raise CandleFileError("CANDLE_FILE_COLUMNS", f"{place}: {len(cells)} columns instead of {HEADER.count(',') + 1}")
    opened = _timestamp(place, cells[0])
    names = HEADER.split(",")[1:]
    values = [_number(place, name, cell) for name, cell in zip(names, cells[1:], strict=True)]
    try:
        return Candle(opened, *values)
    except InvalidValue as error:
        raise CandleFileError("CANDLE_FILE_VALUES", f"{place}: {error.message}") from error


def _timestamp(place: str, cell: str) -> datetime:
    if not TIMESTAMP_PATTERN.fullmatch(cell) or int(cell) > MAX_TIMESTAMP:
        raise CandleFileError("CANDLE_FILE_NUMBER", f"{place}: timestamp {cell[:40]!r} is no time in milliseconds since 1970")
    return EPOCH + timedelta(milliseconds=int(cell))


def _number(place: str, name: str, cell: str) -> Decimal:
    if not NUMBER_PATTERN.fullmatch(cell):
        raise CandleFileError("CANDLE_FILE_NUMBER", f"{place}: {name} {cell[:40]!r} is no number")
    return Decimal(cell)


def _timeframe(path: Path, candles: tuple[Candle, ...]) -> Timeframe:
    spacing = min(later.open_time - earlier.open_time for earlier, later in pairwise(candles))
    try:
        timeframe = Timeframe.from_length(spacing)
    except TimeframeError as error:
        raise CandleFileError("CANDLE_FILE_TIMEFRAME", f"{path}: rows are {spacing} apart: {error.message}") from error
    _, _, stated = _name_parts(path)
    if stated != timeframe.value:
        raise CandleFileError("CANDLE_FILE_TIMEFRAME", f"{path}: the name says {stated}, but rows are {timeframe} apart")
    return timeframe


def _require_contiguous(path: Path, candles: tuple[Candle, ...], timeframe: Timeframe) -> None:
    if not timeframe.is_close(candles[0].open_time):
        opened = candles[0].open_time.isoformat()
        raise CandleFileError("CANDLE_FILE_MISALIGNED", f"{path}: no {timeframe} candle opens at {opened}")
    for earlier, later in pairwise(candles):
        if later.open_time != earlier.open_time + timeframe.length:
            span = f"{earlier.open_time.isoformat()} and {later.open_time.isoformat()}"
            raise CandleFileError("CANDLE_FILE_GAP", f"{path}: candles are missing between {span}")
