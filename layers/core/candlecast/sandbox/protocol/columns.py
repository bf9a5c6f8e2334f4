"""Candles and signals as columns for the invocation: little-endian, one column after another, zlib, base64."""

from __future__ import annotations

import base64
import binascii
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from datetime import timedelta

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.timeframe import EPOCH
from candlecast.sandbox.protocol.values import Malformed, mapping, text, whole

WIDTH = 8  # bytes of int64 and float64
CANDLE_COLUMNS = ("time", "open", "high", "low", "close", "volume")
# An invocation takes 6 MB. A source of 1 MB is at most 2 MB once JSON has escaped its newlines and quotes. The other 4 MB hold
# 3 MB in base64. And 60,000 rows of six columns are 2.88 MB even if nothing can be compressed.
MAX_ROWS = 60_000
MAX_PACKED_CHARACTERS = 3_900_000  # base64 of these 2.88 MB, with zlib's own bytes
LEVEL = 1  # of zlib: candles hardly shrink further at the higher levels, which take ten times as long
MILLISECOND = timedelta(milliseconds=1)


def encode_columns(rows: int, columns: Iterable[bytes]) -> dict[str, object]:
    """Pack columns of `rows` rows; raises `ValueError` if there are more than `MAX_ROWS`."""
    if not 0 <= rows <= MAX_ROWS:
        raise ValueError(f"{rows} rows, at most {MAX_ROWS}")
    return {"rows": rows, "data": base64.b64encode(zlib.compress(b"".join(columns), LEVEL)).decode()}


def encode_candles(candles: Sequence[Candle]) -> dict[str, object]:
    """Pack domain candles as `Candles.from_candles` would make them columns; raises as `encode_columns` does."""
    times = array("q", ((candle.open_time - EPOCH) // MILLISECOND for candle in candles))
    prices = [array("d", (float(getattr(candle, name)) for candle in candles)) for name in CANDLE_COLUMNS[1:]]
    return encode_columns(len(candles), [_little_endian(times), *map(_little_endian, prices)])


def decode_columns(packed: object, widths: Sequence[int], most: int = MAX_PACKED_CHARACTERS) -> tuple[int, list[bytes]]:
    """The number of rows and each column's bytes, `widths` bytes a row, of at most `most` packed characters. Raises `Malformed`.

    No more is unpacked than the promised rows take.
    """
    fields = mapping(packed, "columns", ("rows", "data"))
    rows = whole(fields["rows"], "columns.rows", 0, MAX_ROWS)
    size = rows * sum(widths)
    data = _unpacked(text(fields["data"], "columns.data", most), size)
    ends = [rows * sum(widths[: number + 1]) for number in range(len(widths))]
    return rows, [data[end - rows * width : end] for end, width in zip(ends, widths, strict=True)]


def check_packed(packed: object) -> None:
    """Refuse the outside of packed columns: keys, types, sizes. Nothing is unpacked; raises `Malformed`."""
    fields = mapping(packed, "columns", ("rows", "data"))
    whole(fields["rows"], "columns.rows", 0, MAX_ROWS)
    text(fields["data"], "columns.data", MAX_PACKED_CHARACTERS)


def _unpacked(data: str, size: int) -> bytes:
    try:
        unpacker = zlib.decompressobj()
        unpacked = unpacker.decompress(base64.b64decode(data, validate=True), size + 1)
        whole_stream = unpacker.eof and not unpacker.unused_data
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Malformed("columns.data must be base64 of zlib") from error
    if len(unpacked) != size or not whole_stream:
        raise Malformed("columns.data has another size than its rows")
    return unpacked


def _little_endian(column: array[int] | array[float]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
