"""Read candles from the store that everybody shares, and ask the venue only for candles that the store lacks.

A question overlaps the known candles by a few. So a candle that the venue has revised since is noticed, and a gap shows as one,
with candles on both sides. A gap is reported and stays.

A reader may doubt candles that the venue has told within an hour of their close. The venue is asked for these once more, once for
all readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.market.candle import Candle, check_contiguous
from candlecast.domain.market.history import (
    REVISED_WITHIN,
    Absence,
    CandleMonth,
    KnownCandles,
    Manifest,
    MonthEntry,
    Series,
    Span,
    holes,
    months_of,
    without,
)
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.ports.candle_history import CandleHistory, Kept
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import MarketData
from candlecast.services.retry_conflict import retry_conflict

MAX_ROWS = 100_000  # two months of minutes, eleven years of hours: reading them for the first time takes seventy questions
CANDLES_OF_A_REQUEST = MAX_LOOKBACK  # the most that a live run asks for: weights of requests are made for that
OVERLAP = 10  # candles: a venue revises the newest ones
BUSY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Closed candles of any span, for everybody."""

    history: CandleHistory
    market_data: MarketData
    clock: Clock
    metrics: Metrics

    def __call__(self, series: Series, wanted: Span, doubted: Span | None = None) -> KnownCandles:
        """The candles that open in `wanted` and are closed by now.

        The venue is asked anew for the part of them that opens in `doubted`, but for candles that it has confirmed.
        Candles that the venue has told are kept even if it then refuses: the next attempt goes on there. Raises `InvalidValue`
        (TOO_MANY_ROWS; NOT_A_BOUNDARY), `Reject` (UNKNOWN_MARKET), `RetryLater` if venue or store do not answer.
        """
        timeframe, now = series.timeframe, self.clock.now()
        if timeframe.require_close(wanted.until) - timeframe.require_close(wanted.start) > timeframe.length * MAX_ROWS:
            raise InvalidValue(f"one read is of at most {MAX_ROWS} candles", code="TOO_MANY_ROWS")
        until = min(wanted.until, timeframe.floor(now))
        if until <= wanted.start:
            return KnownCandles(candles=(), gaps=(), revisions=())
        read = _Read(self, series, Span(wanted.start, until), now)
        read.fill(None if doubted is None else doubted.within(read.wanted))
        return read.result()


class _Read:
    """One read: the months as far as they are known, extended hole by hole."""

    def __init__(self, uses: ReadHistory, series: Series, wanted: Span, now: datetime) -> None:
        self._uses = uses
        self._series = series
        self.wanted = wanted
        self._now = now
        self._overlap = series.timeframe.length * OVERLAP
        manifest = uses.history.manifest(series).value
        listed = {entry.month for entry in manifest.months}
        names = [name for name in months_of(Span(wanted.start - self._overlap, wanted.until)) if name in listed]
        self._absent = manifest.absent(now)
        self._confirmed = manifest.confirmed
        self._kept = dict(zip(names, uses.history.months(series, names), strict=True))
        self._months = {name: kept.value for name, kept in self._kept.items()}

    def result(self) -> KnownCandles:
        months = [month for _, month in sorted(self._months.items())]
        candles = tuple(candle for month in months for candle in month.candles if candle.open_time in self.wanted)
        revisions = (revision for month in months for revision in month.revisions)
        return KnownCandles(
            candles=candles,
            gaps=check_contiguous(candles, self._series.timeframe),
            revisions=tuple(each for each in revisions if each.after.open_time in self.wanted),
        )

    def fill(self, doubted: Span | None) -> None:
        """Ask for all that nobody has asked for, and for doubted candles that are not confirmed."""
        known = tuple(span for month in self._months.values() for span in month.spans)
        if doubted is not None:
            known = without(known, holes(doubted, self._confirmed))
        for hole in holes(self.wanted, (*known, *self._absent)):
            is_known_before = any(hole.start - self._series.timeframe.length in span for span in known)
            is_known_behind = any(hole.until in span for span in known)
            asked = Span(
                hole.start - self._overlap if is_known_before else hole.start,
                min(hole.until + self._overlap, self.wanted.until) if is_known_behind else hole.until,
            )
            candles, refusal = self._ask(asked)
            absence = None
            if refusal is None and not is_known_before:
                absence = self._absence(hole, candles)
            self._keep(candles, absence, self._old_part(asked) if refusal is None else None)
            if refusal is not None:
                raise refusal

    def _ask(self, asked: Span) -> tuple[Sequence[Candle], RetryLater | None]:
        """The venue's candles of a span, the newest ones at least, and why older ones are missing."""
        longest = self._series.timeframe.length * CANDLES_OF_A_REQUEST
        found: list[Candle] = []
        until = asked.until
        while until > asked.start:
            part = Span(max(asked.start, until - longest), until)
            try:
                told = self._told(part)
                if found:
                    told += self._told_between(told, part, found[0])
            except RetryLater as refusal:
                return found, refusal
            found[:0] = told
            until = part.start
        return found, None

    def _told_between(self, told: Sequence[Candle], part: Span, newer: Candle) -> list[Candle]:
        """Candles that two answers have left out where they meet, asked for with candles on both sides."""
        timeframe, longest = self._series.timeframe, self._series.timeframe.length * CANDLES_OF_A_REQUEST
        start = told[-1].close_time(timeframe) if told else part.start
        is_asked = not told and newer.open_time >= part.until + longest  # the next part was empty, and asked about then
        if start == newer.open_time or is_asked:
            return []
        hole, until = Span(start, newer.open_time), newer.open_time + self._overlap
        first = max(start - self._overlap, part.start, until - longest)
        return [candle for candle in self._told(Span(first, until)) if candle.open_time in hole]

    def _told(self, span: Span) -> list[Candle]:
        """The venue's candles of a span that one request covers."""
        series = self._series
        count = (span.until - span.start) // series.timeframe.length
        told = self._uses.market_data.candles(series.venue, series.market, series.timeframe, span.until, count)
        return [candle for candle in told if candle.open_time in span]

    def _absence(self, hole: Span, candles: Sequence[Candle]) -> Absence | None:
        """The part of the hole that lies before all candles. An empty answer about the newest candles says nothing."""
        if candles:
            first = candles[0].open_time
        else:
            first = hole.until if any(hole.until == span.start for span in self._absent) else hole.start
        return Absence(span=Span(hole.start, first), told_at=self._now) if first > hole.start else None

    def _old_part(self, asked: Span) -> Span | None:
        """The part of a question in which the candles are old enough to be confirmed by its answer."""
        until = self._series.timeframe.floor(self._now - REVISED_WITHIN)
        return Span(asked.start, min(asked.until, until)) if asked.start < until else None

    def _keep(self, candles: Sequence[Candle], absence: Absence | None, confirmed: Span | None) -> None:
        if not candles and absence is None:
            return
        try:
            extended = retry_conflict(lambda: self._extend(candles)) if candles else ()
            retry_conflict(lambda: self._note([MonthEntry.of(month) for month in extended], absence, confirmed))
        except Conflict as error:
            raise RetryLater("CANDLES_BUSY", error.message, after_seconds=BUSY_SECONDS) from None
        self._months |= {month.month: month for month in extended}

    def _extend(self, candles: Sequence[Candle]) -> Sequence[CandleMonth]:
        """The months with these candles, as they are now in the store. Only a second attempt reads a known month again."""
        history, series = self._uses.history, self._series
        told = Span(candles[0].open_time, candles[-1].close_time(series.timeframe))
        names = months_of(told)
        known = {name: self._kept.pop(name) for name in names if name in self._kept}
        others = [name for name in names if name not in known]
        known |= zip(others, history.months(series, others), strict=True)
        kept = [known[name] for name in names]
        extended = [each.value.extended(candles, told, self._now) for each in kept]
        changed = [(each, month) for each, month in zip(kept, extended, strict=True) if month is not each.value]
        history.keep_months(series, [Kept(month, each.version) for each, month in changed])
        for each, month in changed:
            self._tell(each)
            if revised := sum(revision not in each.value.revisions for revision in month.revisions):
                self._uses.metrics.count("CandlesRevised", revised)
        return extended

    def _note(self, entries: Sequence[MonthEntry], absence: Absence | None, confirmed: Span | None) -> None:
        kept: Kept[Manifest] = self._uses.history.manifest(self._series)
        noted = kept.value.noted(entries, absence, confirmed)
        if noted != kept.value:
            self._uses.history.keep_manifest(self._series, Kept(noted, kept.version))
            self._tell(kept)

    def _tell(self, replaced: Kept[CandleMonth] | Kept[Manifest]) -> None:
        if replaced.is_damaged:
            self._uses.metrics.count("CandleObjectsDamaged")
