"""Recorded candles: read strictly (a replay of a broken file proves nothing) and packed small for the table."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from paper_exchange.errors import OperatorError
from paper_exchange.markets.clock import MAX_TIME_MS

CHUNK_BARS = 2_000  # about 30 kB compressed: far below the table's 400 kB an item, and one read serves a day of 1m candles
MAX_BARS_A_REQUEST = 100_000  # 5 MB of JSON rows
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
WHOLE_DIGITS = 15  # before the point: with a tick of 12 places a price stays within the 28 digits that arithmetic is exact in
MOST_PLACES = 20
COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle; `open_ms` is its opening time in milliseconds since the epoch."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


def parse_rows(rows: object, interval_ms: int) -> tuple[Bar, ...]:
    """Read `[[open time, open, high, low, close, volume], ...]`, numbers as strings or as JSON numbers.

    Raises `OperatorError` for the first fault: CANDLES_EMPTY, CANDLES_TOO_MANY, CANDLE_MALFORMED, CANDLE_NOT_A_NUMBER,
    CANDLE_NEGATIVE, CANDLE_INCONSISTENT, CANDLE_MISALIGNED, CANDLES_UNSORTED, CANDLES_DUPLICATE, CANDLES_GAP.
    """
    if not isinstance(rows, list) or not rows:
        raise OperatorError("CANDLES_EMPTY", "rows must be a list that is not empty")
    if len(rows) > MAX_BARS_A_REQUEST:
        raise OperatorError("CANDLES_TOO_MANY", f"at most {MAX_BARS_A_REQUEST} rows in one request")
    bars = tuple(_parse_row(number, row, interval_ms) for number, row in enumerate(rows))
    for number, (earlier, later) in enumerate(pairwise(bars), start=1):
        check_follows(earlier, later, interval_ms, f"row {number}")
    return bars


def check_follows(earlier: Bar, later: Bar, interval_ms: int, place: str) -> None:
    """Refuse a candle that does not open where the one before it closed."""
    if later.open_ms == earlier.open_ms:
        raise OperatorError("CANDLES_DUPLICATE", f"{place}: a second candle opens at {later.open_ms}")
    if later.open_ms < earlier.open_ms:
        raise OperatorError("CANDLES_UNSORTED", f"{place}: {later.open_ms} comes after {earlier.open_ms}")
    if later.open_ms != earlier.open_ms + interval_ms:
        raise OperatorError("CANDLES_GAP", f"{place}: candles are missing between {earlier.open_ms} and {later.open_ms}")


def _parse_row(number: int, row: object, interval_ms: int) -> Bar:
    place = f"row {number}"
    if not isinstance(row, list) or len(row) != len(COLUMNS) + 1:
        raise OperatorError("CANDLE_MALFORMED", f"{place}: expected open time, {', '.join(COLUMNS)}")
    opened = row[0]
    if not isinstance(opened, int) or isinstance(opened, bool) or not 0 <= opened <= MAX_TIME_MS:
        raise OperatorError("CANDLE_MALFORMED", f"{place}: the open time must be whole milliseconds")
    if opened % interval_ms:
        raise OperatorError("CANDLE_MISALIGNED", f"{place}: no candle of that interval opens at {opened}")
    values = [_number(place, name, cell) for name, cell in zip(COLUMNS, row[1:], strict=True)]
    bar = Bar(opened, *values)
    if min(bar.open, bar.high, bar.low, bar.close) <= 0:
        raise OperatorError("CANDLE_NEGATIVE", f"{place}: prices must be above zero")
    if bar.high < max(bar.open, bar.close) or bar.low > min(bar.open, bar.close):
        raise OperatorError("CANDLE_INCONSISTENT", f"{place}: open and close must lie between low and high")
    return bar


def _number(place: str, name: str, cell: object) -> Decimal:
    """A cell as a Decimal; JSON numbers arrive as int or Decimal, never as float."""
    text = str(cell) if isinstance(cell, (str, int, Decimal)) and not isinstance(cell, bool) else ""
    if text.startswith("-"):
        raise OperatorError("CANDLE_NEGATIVE", f"{place}: {name} is negative")
    if not NUMBER.fullmatch(text):
        raise OperatorError("CANDLE_NOT_A_NUMBER", f"{place}: {name} is not a number")
    value = Decimal(text)
    if value and not -MOST_PLACES <= value.adjusted() < WHOLE_DIGITS:
        raise OperatorError("CANDLE_NOT_A_NUMBER", f"{place}: {name} is too large or too small")
    return value


def pack(bars: Sequence[Bar]) -> bytes:
    """Compress contiguous bars; `unpack` gives the same values back."""
    rows = [[bar.open_ms, *(str(getattr(bar, name)) for name in COLUMNS)] for bar in bars]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), level=6)


def unpack(data: bytes) -> tuple[Bar, ...]:
    """Bars that `pack` has written; our own data, so it is not checked again."""
    return tuple(
        Bar(opened, Decimal(o), Decimal(h), Decimal(low), Decimal(c), Decimal(v))
        for opened, o, h, low, c, v in json.loads(zlib.decompress(data))
    )


def merge(open_ms: int, bars: Iterable[Bar]) -> Bar:
    """One bar made of several, ascending."""
    parts = list(bars)
    return Bar(
        open_ms=open_ms,
        open=parts[0].open,
        high=max(bar.high for bar in parts),
        low=min(bar.low for bar in parts),
        close=parts[-1].close,
        volume=sum((bar.volume for bar in parts), Decimal(0)),
    )
