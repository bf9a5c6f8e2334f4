"""Candles of a venue, page by page: whole, closed and in order, or an error that says what the venue did.

A venue is not believed. An empty or repeated answer is asked for again. A candle counts once the clock says that it has closed,
and a later candle has followed. The pages end: each request begins at least one candle after the one before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from candlecast.domain.values.errors import DomainError

LIMIT = 1_000  # candles of a request; a venue that gives fewer is asked more often
MAX_REQUESTS = 100_000  # a hundred million candles: beyond any venue's history, so something is wrong
COLUMNS = 6  # time, open, high, low, close, volume
HEADER = "timestamp,open,high,low,close,volume"
ROUNDING = 1e-9  # of a price: venues round high and low, and floats their sums

type Row = tuple[int, float, float, float, float, float]
type Ask = Callable[[int | None, int], Any]  # (since in ms, or None for the newest; limit) -> rows of ccxt


class DownloadError(DomainError):
    """The venue's answers make no candles. VENUE_ANSWER_INVALID, VENUE_CONTRADICTS, DOWNLOAD_ENDLESS, DOWNLOAD_OF_OTHER_WORDS."""


@dataclass(frozen=True, slots=True)
class Span:
    """The candles that are wanted: open times from `start_ms` (inclusive) to `end_ms` (exclusive), closed by `now_ms`."""

    start_ms: int
    end_ms: int
    step_ms: int
    now_ms: int


def pages(ask: Ask, span: Span, *, again: Callable[[], None]) -> Iterator[list[Row]]:
    """Yield the candles of a span in ascending pages without overlap.

    `again` is called before a question is put a second time, and waits. The newest candle of all is left out until a later one
    shows that it has closed. Raises `DownloadError` and the errors of `ask`.
    """
    since, held = span.start_ms, list[Row]()
    for _ in range(MAX_REQUESTS):
        rows = _from(since, ask(since, LIMIT), span)
        if not rows:  # perhaps a hiccup, and not the end
            again()
            rows = _from(since, ask(since, LIMIT), span)
        if not rows:
            newest = _from(since, ask(None, 2), span)
            if not newest:
                return  # nothing follows: the candle that is held may be open
            if since >= span.end_ms:
                yield held
                return
            since = max(since + span.step_ms, min(since + LIMIT * span.step_ms, newest[0][0]))
            continue
        inside = [row for row in rows if row[0] < span.end_ms and row[0] + span.step_ms <= span.now_ms]
        if len(inside) < len(rows):
            yield held + inside
            return
        yield held + inside[:-1]
        held, since = inside[-1:], rows[-1][0] + span.step_ms
    raise DownloadError("DOWNLOAD_ENDLESS", f"{MAX_REQUESTS} requests, and no end: ask for a shorter span")


def _from(since: int, answer: Any, span: Span) -> list[Row]:
    """The rows of an answer from a time on, ascending, each once."""
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
        raise DownloadError("VENUE_ANSWER_INVALID", "the answer is no list of candles")
    rows = sorted({_row(row) for row in answer})
    kept = [row for row in rows if row[0] >= since]
    for earlier, later in pairwise(kept):
        if later[0] == earlier[0]:
            raise DownloadError("VENUE_CONTRADICTS", f"two candles of {later[0]} ms that differ")
        if later[0] - earlier[0] < span.step_ms:
            message = f"candles of {earlier[0]} and {later[0]} ms are closer than the timeframe"
            raise DownloadError("VENUE_ANSWER_INVALID", message)
    return kept


def _row(row: Any) -> Row:
    """A candle that a market can have."""
    if not isinstance(row, Sequence) or isinstance(row, str | bytes) or len(row) < COLUMNS:
        raise DownloadError("VENUE_ANSWER_INVALID", "a row is no candle")
    try:
        time_ms = int(row[0])
        opened, high, low, close, volume = (float(value) for value in row[1:COLUMNS])
    except (TypeError, ValueError) as error:
        raise DownloadError("VENUE_ANSWER_INVALID", "a cell of a candle is no number") from error
    sound = all(map(math.isfinite, (opened, high, low, close, volume))) and low > 0 and volume >= 0
    if not sound or max(opened, close) > high * (1 + ROUNDING) or min(opened, close) < low * (1 - ROUNDING):
        shown = f"open {opened}, high {high}, low {low}, close {close}, volume {volume}"
        raise DownloadError("VENUE_ANSWER_INVALID", f"the candle of {time_ms} ms is none: {shown}")
    return time_ms, opened, high, low, close, volume


@dataclass(slots=True)
class PartFile:
    """The candles that a download has so far, beside the file that it will be; the next call goes on from there.

    The first line holds the words of the download: another download never goes on in this file.
    """

    path: Path
    words: Mapping[str, str]

    def begin(self) -> int | None:
        """Make the file, or go on in it: the time of its last candle in ms, or None. Raises DOWNLOAD_OF_OTHER_WORDS."""
        if not self.path.exists():
            self.path.write_text(json.dumps(dict(self.words)) + "\n", encoding="utf-8")
            return None
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a line that a crash has cut is asked for again
        head, *lines = whole.splitlines() or [""]
        if head != json.dumps(dict(self.words)):
            message = f"{self.path} is of another download ({head[:200] or 'empty'}): finish it with its words, or delete it"
            raise DownloadError("DOWNLOAD_OF_OTHER_WORDS", message)
        self.path.write_text(whole, encoding="utf-8")
        return int(lines[-1].split(",")[0]) if lines else None

    def add(self, rows: Sequence[Row]) -> None:
        """Append candles."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(f"{row[0]},{','.join(map(repr, row[1:]))}\n" for row in rows)

    def candles(self) -> str:
        """All candles as the text of a CSV file."""
        return f"{HEADER}\n{self.path.read_text(encoding='utf-8').partition('\n')[2]}"
