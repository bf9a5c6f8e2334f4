"""The candles of a market as its venue has told them, month by month, with revisions and gaps.

A store keeps one `CandleMonth` for each month, and a `Manifest` over them. Nothing here fills a gap: a candle is there because a
venue has told it, or it is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from candlecast.domain.market.candle import Candle, Gap, check_contiguous
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_utc
from candlecast.domain.values.timeframe import Timeframe

MAX_REVISIONS = 200  # of a month: a venue that revises more of it has a fault, and the newest ones show that
REVISED_WITHIN = timedelta(hours=1)  # of its close: an answer about a candle that is older is taken for the venue's last word
MAX_CONFIRMED = 64  # spans: of more, the newest ones; the others would be asked for again, which does no harm
ABSENCE_BELIEVED = timedelta(days=1)  # a venue's silence about old candles costs a request a day, and may be a fault of that day


@dataclass(frozen=True, kw_only=True)
class Series:
    """The candles of one length in one market."""

    venue: str
    market: str
    timeframe: Timeframe


@dataclass(frozen=True)
class Span:
    """The candles that open in `[start, until)`; never empty. Raises `InvalidValue` (SPAN_EMPTY)."""

    start: datetime
    until: datetime

    def __post_init__(self) -> None:
        require_utc("start", self.start)
        require_utc("until", self.until)
        if self.start >= self.until:
            raise InvalidValue("a span ends after it has begun", code="SPAN_EMPTY")

    def __contains__(self, opened: datetime) -> bool:
        return self.start <= opened < self.until

    def within(self, other: Span) -> Span | None:
        """The part that lies in the other span too."""
        start, until = max(self.start, other.start), min(self.until, other.until)
        return Span(start, until) if start < until else None


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A candle that the venue has told twice, and the second time otherwise."""

    before: Candle | None
    """None if the venue had left the candle out, and told it later."""
    after: Candle
    noticed_at: datetime


@dataclass(frozen=True, kw_only=True)
class KnownCandles:
    """Candles of a span, oldest first, with the gaps between them and the revisions that were noticed of them."""

    candles: tuple[Candle, ...]
    gaps: tuple[Gap, ...]
    revisions: tuple[Revision, ...]


@dataclass(frozen=True, kw_only=True)
class CandleMonth:
    """The candles that open in one month (UTC), each in the venue's newest word.

    Raises `CandleError` for candles that are unsorted or open at no boundary. Raises `InvalidValue` (MONTH_INVALID) for a candle
    or a span of another month, and for spans that are unsorted or touch.
    """

    month: str
    """`2026-11`"""
    timeframe: Timeframe
    candles: tuple[Candle, ...] = ()
    spans: tuple[Span, ...] = ()
    """Where the venue has told all that it had: a candle that is missing there is missing at the venue."""
    revisions: tuple[Revision, ...] = ()
    """The newest `MAX_REVISIONS`, in the order in which they were noticed."""
    told_at: datetime | None = None
    """When the newest answer was asked for."""

    def __post_init__(self) -> None:
        whole = span_of(self.month)
        check_contiguous(self.candles, self.timeframe)
        if self.candles and not (self.candles[0].open_time in whole and self.candles[-1].open_time in whole):
            raise InvalidValue("a candle of another month", code="MONTH_INVALID")
        if any(span.within(whole) != span for span in self.spans):
            raise InvalidValue("a span of another month", code="MONTH_INVALID")
        if any(earlier.until >= later.start for earlier, later in pairwise(self.spans)):
            raise InvalidValue("spans touch", code="MONTH_INVALID")

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps between candles that the venue has told together."""
        return tuple(gap for gap in check_contiguous(self.candles, self.timeframe) if self._is_told(gap.after, gap.before))

    def extended(self, candles: Sequence[Candle], told: Span, told_at: datetime) -> CandleMonth:
        """With the venue's answer for `told`; candles and spans of other months are left out.

        A newer answer revises a candle, an older answer only adds. A candle that the answer lacks stays: a venue's silence
        takes nothing away. The month itself is returned if it has all that already.
        """
        mine = told.within(span_of(self.month))
        if mine is None:
            return self
        is_newest = self.told_at is None or told_at >= self.told_at
        known = {candle.open_time: candle for candle in self.candles}
        revisions = list(self.revisions)
        for candle in candles:
            before = known.get(candle.open_time)
            if candle.open_time not in mine or before == candle or (before is not None and not is_newest):
                continue
            if before is not None or any(candle.open_time in span for span in self.spans):
                revisions.append(Revision(before=before, after=candle, noticed_at=told_at))
            known[candle.open_time] = candle
        spans = joined((*self.spans, mine))
        merged = tuple(candle for _, candle in sorted(known.items()))
        if merged == self.candles and spans == self.spans:
            return self
        return replace(
            self,
            candles=merged,
            spans=spans,
            revisions=tuple(revisions[-MAX_REVISIONS:]),
            told_at=told_at if is_newest else self.told_at,
        )

    def _is_told(self, after: datetime, before: datetime) -> bool:
        return any(after in span and before in span for span in self.spans)


@dataclass(frozen=True, kw_only=True)
class MonthEntry:
    """A month in brief. `revisions` counts those that are kept, `missing` the candles of its gaps."""

    month: str
    first_open: datetime | None
    """None for a month in which the venue had nothing."""
    last_open: datetime | None
    rows: int
    missing: int
    revisions: int

    @staticmethod
    def of(month: CandleMonth) -> MonthEntry:
        return MonthEntry(
            month=month.month,
            first_open=month.candles[0].open_time if month.candles else None,
            last_open=month.candles[-1].open_time if month.candles else None,
            rows=len(month.candles),
            missing=sum(gap.missing for gap in month.gaps),
            revisions=len(month.revisions),
        )


@dataclass(frozen=True, kw_only=True)
class Absence:
    """A span before the first known candle for which the venue had nothing: the market is younger, or was halted."""

    span: Span
    told_at: datetime

    def is_believed(self, now: datetime) -> bool:
        return now - self.told_at < ABSENCE_BELIEVED

    def with_older(self, older: Absence | None) -> Absence:
        """Both as one, believed no longer than the older, if they touch and the older is still believed; else the newer."""
        if older is None or not older.is_believed(self.told_at):
            return self
        both = joined((self.span, older.span))
        return Absence(span=both[0], told_at=min(self.told_at, older.told_at)) if len(both) == 1 else self


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Which months of a series there are, oldest first, and where the venue had nothing before them."""

    months: tuple[MonthEntry, ...] = ()
    absence: Absence | None = None
    confirmed: tuple[Span, ...] = ()
    """Where the venue has answered about candles that were older than `REVISED_WITHIN`; ascending, and no two touch."""

    def noted(self, entries: Iterable[MonthEntry], absence: Absence | None, confirmed: Span | None = None) -> Manifest:
        """With these entries in place of older ones of their months, with a newer absence and a span that is confirmed."""
        found = {entry.month: entry for entry in (*self.months, *entries)}
        newest = self.absence if absence is None else absence.with_older(self.absence)
        spans = self.confirmed if confirmed is None else joined((*self.confirmed, confirmed))[-MAX_CONFIRMED:]
        return Manifest(months=tuple(found[month] for month in sorted(found)), absence=newest, confirmed=spans)

    def absent(self, now: datetime) -> tuple[Span, ...]:
        """Where the venue need not be asked now."""
        return (self.absence.span,) if self.absence is not None and self.absence.is_believed(now) else ()


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time as spans that do not touch, ascending."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        if found and span.start <= found[-1].until:
            found[-1] = Span(found[-1].start, max(found[-1].until, span.until))
        else:
            found.append(span)
    return tuple(found)


def holes(wanted: Span, spans: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of `wanted` that lie in none of the spans, ascending."""
    found, start = [], wanted.start
    for span in joined(spans):
        if start < min(span.start, wanted.until):
            found.append(Span(start, min(span.start, wanted.until)))
        start = max(start, span.until)
    return (*found, Span(start, wanted.until)) if start < wanted.until else tuple(found)


def without(spans: Iterable[Span], cut: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of the spans that lie in none of `cut`."""
    taken = tuple(cut)
    return tuple(part for span in spans for part in holes(span, taken))


def month_of(instant: datetime) -> str:
    """The month (UTC) of an instant: `2026-11`."""
    return f"{instant.astimezone(UTC):%Y-%m}"


def months_of(span: Span) -> tuple[str, ...]:
    """The months that a span touches, ascending."""
    found, start = [], span.start
    while start < span.until:
        found.append(month_of(start))
        start = span_of(found[-1]).until
    return tuple(found)


def span_of(month: str) -> Span:
    """All of a month. Raises `InvalidValue` (MONTH_INVALID) for a text that is no month."""
    try:
        start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    except ValueError:
        start = None
    if start is None or month_of(start) != month:
        raise InvalidValue("a month is written as 2026-11", code="MONTH_INVALID")
    following = start + timedelta(days=31)
    return Span(start, following.replace(day=1))
