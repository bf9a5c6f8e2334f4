"""Where base candles come from, by opening time: recorded ones, recorded ones that follow real time, or a real venue's."""

from __future__ import annotations

import http.client
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol
from urllib.parse import urlencode

from paper_exchange.errors import VenueError, invalid_symbol
from paper_exchange.markets.candles import CHUNK_BARS, Bar, unpack
from paper_exchange.markets.intervals import MINUTE_MS
from paper_exchange.markets.state import ExchangeState, Series

CACHED_CHUNKS = 200  # about 600 bytes a bar: 240 MB at worst, a thousandth of that for a demo
LIVE_PAGE = 1_500  # the venue's largest page of klines
LIVE_PAGES = 50  # 52 days of minutes in one look; an account that was left alone for longer is evaluated in several looks
LIVE_TIMEOUT_SECONDS = 5.0  # an order must be answered within the client's ten

ChunkLoader = Callable[[str, int, int], bytes]
Fetch = Callable[[str, str], bytes]


class Feed(Protocol):
    """Base candles by opening time."""

    def interval_ms(self, symbol: str) -> int: ...

    def bars(self, symbol: str, first_open_ms: int, end_ms: int) -> Sequence[Bar]:
        """Candles that open in `[first_open_ms, end_ms)`, ascending; fewer if there are fewer."""
        ...

    def last_bar(self, symbol: str, closed_by_ms: int) -> Bar | None:
        """The last candle that had closed by then; the last one of all if the recording ended before."""
        ...

    def cache_key(self, symbol: str) -> str:
        """Changes when the candles of a symbol do."""
        ...


@dataclass(slots=True)
class ChunkCache:
    """Unpacked chunks, the least recently used thrown out: one read from the store serves many requests."""

    load: ChunkLoader
    _chunks: OrderedDict[tuple[str, int, int, int], tuple[Bar, ...]] = field(default_factory=OrderedDict)

    def bars(self, symbol: str, series: Series, first: int, end: int) -> list[Bar]:
        """Candles by index, `[first, end)`."""
        result: list[Bar] = []
        for chunk in range(first // CHUNK_BARS, -(-end // CHUNK_BARS)):
            base = chunk * CHUNK_BARS
            result.extend(self._chunk(symbol, series, chunk)[max(0, first - base) : end - base])
        return result

    def _chunk(self, symbol: str, series: Series, chunk: int) -> tuple[Bar, ...]:
        length = min(CHUNK_BARS, series.count - chunk * CHUNK_BARS)
        key = (symbol, series.generation, chunk, length)
        found = self._chunks.get(key)
        if found is None:
            found = unpack(self.load(symbol, series.generation, chunk))
            self._chunks[key] = found
            while len(self._chunks) > CACHED_CHUNKS:
                self._chunks.popitem(last=False)
        else:
            self._chunks.move_to_end(key)
        return found


@dataclass(frozen=True, slots=True)
class RecordedFeed:
    """Candles at the times at which they were recorded."""

    state: ExchangeState
    chunks: ChunkCache

    def interval_ms(self, symbol: str) -> int:
        return series_of(self.state, symbol).interval_ms

    def bars(self, symbol: str, first_open_ms: int, end_ms: int) -> Sequence[Bar]:
        series = series_of(self.state, symbol)
        first = max(0, -(-(first_open_ms - series.first_open_ms) // series.interval_ms))
        end = min(series.count, -(-(end_ms - series.first_open_ms) // series.interval_ms))
        return self.chunks.bars(symbol, series, first, end) if first < end else []

    def last_bar(self, symbol: str, closed_by_ms: int) -> Bar | None:
        series = series_of(self.state, symbol)
        index = min(series.count, (closed_by_ms - series.first_open_ms) // series.interval_ms) - 1
        return self.chunks.bars(symbol, series, index, index + 1)[0] if index >= 0 else None

    def cache_key(self, symbol: str) -> str:
        return f"{symbol}/{series_of(self.state, symbol).generation}"


@dataclass(frozen=True, slots=True)
class LoopingFeed:
    """Recorded candles moved to real time: the first one opens at the clock's anchor, and after the last comes the first again.

    There is always history, because the loop reaches back as well; where it closes the price jumps.
    """

    state: ExchangeState
    chunks: ChunkCache

    def interval_ms(self, symbol: str) -> int:
        return series_of(self.state, symbol).interval_ms

    def bars(self, symbol: str, first_open_ms: int, end_ms: int) -> Sequence[Bar]:
        series = series_of(self.state, symbol)
        at = -(-first_open_ms // series.interval_ms)
        end = -(-end_ms // series.interval_ms)
        anchor = self.state.clock.anchor_ms // series.interval_ms
        result: list[Bar] = []
        while at < end:
            index = (at - anchor) % series.count
            run = min(end - at, series.count - index)
            recorded = self.chunks.bars(symbol, series, index, index + run)
            times = range(at * series.interval_ms, (at + run) * series.interval_ms, series.interval_ms)
            result.extend(replace(bar, open_ms=moved) for bar, moved in zip(recorded, times, strict=True))
            at += run
        return result

    def last_bar(self, symbol: str, closed_by_ms: int) -> Bar | None:
        interval = self.interval_ms(symbol)
        opened = closed_by_ms // interval * interval - interval
        return self.bars(symbol, opened, opened + interval)[0]

    def cache_key(self, symbol: str) -> str:
        return f"{symbol}/{series_of(self.state, symbol).generation}/{self.state.clock.anchor_ms}"


@dataclass(frozen=True, slots=True)
class _Run:
    """Candles as they were read for `[first_ms, end_ms)`; one request looks at the same ones several times."""

    first_ms: int
    end_ms: int
    bars: list[Bar]

    @property
    def is_whole(self) -> bool:
        """Whether the venue had published all of it; the candle of the minute that has just ended may come late."""
        return len(self.bars) == -(-self.end_ms // MINUTE_MS) + (-self.first_ms // MINUTE_MS)


@dataclass(slots=True)
class LiveFeed:
    """One-minute candles of a real venue, asked for over its public API as they close.

    Raises `VenueError` -1001 if the venue does not answer: this one cannot know the price then.
    """

    host: str
    fetch: Fetch
    _last: dict[str, Bar] = field(default_factory=dict)
    _read: dict[str, _Run] = field(default_factory=dict)

    def interval_ms(self, symbol: str) -> int:
        return MINUTE_MS

    def bars(self, symbol: str, first_open_ms: int, end_ms: int) -> Sequence[Bar]:
        known = self._read.get(symbol)
        if known is None or not known.first_ms <= first_open_ms <= end_ms <= known.end_ms:
            known = _Run(first_open_ms, end_ms, self._fetch_bars(symbol, first_open_ms, end_ms))
            if 0 < len(known.bars) <= LIVE_PAGE and known.is_whole:
                self._read[symbol] = known
        return [bar for bar in known.bars if first_open_ms <= bar.open_ms < end_ms]

    def _fetch_bars(self, symbol: str, first_open_ms: int, end_ms: int) -> list[Bar]:
        result: list[Bar] = []
        at = -(-first_open_ms // MINUTE_MS) * MINUTE_MS
        for _ in range(LIVE_PAGES):
            if at >= end_ms:
                break
            page = self._page(symbol, at, end_ms)
            if not page:
                break
            result.extend(page)
            at = page[-1].open_ms + MINUTE_MS
        return result

    def last_bar(self, symbol: str, closed_by_ms: int) -> Bar | None:
        opened = closed_by_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
        known = self._last.get(symbol)
        if known is not None and known.open_ms == opened:
            return known
        page = self._page(symbol, opened - MINUTE_MS, opened + MINUTE_MS)
        if page:
            self._last[symbol] = page[-1]
        return page[-1] if page else None

    def cache_key(self, symbol: str) -> str:
        return f"{self.host}/{symbol}"

    def _page(self, symbol: str, first_open_ms: int, end_ms: int) -> list[Bar]:
        query = {"symbol": symbol, "interval": "1m", "startTime": first_open_ms, "endTime": end_ms - 1, "limit": LIVE_PAGE}
        rows = json.loads(self.fetch(self.host, f"/fapi/v1/klines?{urlencode(query)}"))
        return [Bar(int(row[0]), *(Decimal(str(cell)) for cell in row[1:6])) for row in rows]


def fetch_over_https(host: str, target: str) -> bytes:
    """One public GET; raises `VenueError` -1001 if it does not answer with 200 in time."""
    connection = http.client.HTTPSConnection(host, timeout=LIVE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", target, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
    except OSError as error:
        raise VenueError(-1001, "Internal error; the price feed does not answer.", 503) from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise VenueError(-1001, "Internal error; the price feed refuses.", 503)
    return body


def series_of(state: ExchangeState, symbol: str) -> Series:
    """The candles of a symbol; a market without any is not trading yet (-1121)."""
    listing = state.listings.get(symbol)
    if listing is None or listing.series is None:
        raise invalid_symbol()
    return listing.series
