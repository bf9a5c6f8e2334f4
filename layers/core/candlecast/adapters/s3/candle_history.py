"""The candle store in S3: `candles/<venue>/<market>/<timeframe>/<month>.json.gz`, and a `manifest.json` beside the months.

Funding lies at `candles/<venue>/<market>/funding/<year>.json.gz`.

A write names the object that was read by its ETag, so of two writers one is told to read again. Numbers are texts: a Decimal
comes back as it went.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from candlecast.adapters.aws.clients import aws_errors, error_code
from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.lanes import side_by_side
from candlecast.adapters.s3.compressed import CONTENT_TYPE, compressed, decompressed
from candlecast.adapters.s3.market_catalogue import MISSING
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate, FundingYear
from candlecast.domain.market.history import Absence, CandleMonth, Manifest, MonthEntry, Revision, Series, Span
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.timeframe import EPOCH, Timeframe
from candlecast.ports.candle_history import Kept

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNAVAILABLE = "CANDLES_UNAVAILABLE"
PREFIX = "candles/"
MAX_BYTES = 16 * 1024 * 1024  # of an object, and of its text: 31 days of minutes are a third of it
MILLISECOND = timedelta(milliseconds=1)
# S3 names a lost race so: another object than was read, another write under way, an object that is gone since
# (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})

Row = tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal]
"""Opening in milliseconds, open, high, low, close, volume: as venues write a candle."""


@dataclass(frozen=True, kw_only=True)
class StoredMonth:
    """The text of a month; names its series, so an object in a wrong place is none of ours."""

    venue: str
    market: str
    timeframe: Timeframe
    month: str
    told_at: datetime | None
    spans: tuple[Span, ...]
    candles: tuple[Row, ...]
    revisions: tuple[Revision, ...] = ()
    schema_version: int = 1


@dataclass(frozen=True, kw_only=True)
class StoredManifest:
    """The text of a manifest."""

    venue: str
    market: str
    timeframe: Timeframe
    months: tuple[MonthEntry, ...]
    absence: Absence | None = None
    confirmed: tuple[Span, ...] = ()
    schema_version: int = 1


@dataclass(frozen=True, kw_only=True)
class StoredFunding:
    """The text of a year of funding; a rate is a pair of its time in milliseconds and its number."""

    venue: str
    market: str
    year: int
    spans: tuple[Span, ...]
    rates: tuple[tuple[int, Decimal], ...]
    schema_version: int = 1


class S3CandleHistory:
    """`ports.candle_history.CandleHistory` and `ports.candle_history.FundingHistory`."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def manifest(self, series: Series) -> Kept[Manifest]:
        def opened(body: bytes) -> Manifest:
            stored = from_json(StoredManifest, body)
            _require_same(Series(venue=stored.venue, market=stored.market, timeframe=stored.timeframe), series)
            return Manifest(months=stored.months, absence=stored.absence, confirmed=stored.confirmed)

        return self._read(_key(series, "manifest.json"), opened, Manifest())

    def months(self, series: Series, names: Sequence[str]) -> Sequence[Kept[CandleMonth]]:
        return side_by_side(lambda name: self._month(series, name), names)

    def keep_manifest(self, series: Series, kept: Kept[Manifest]) -> None:
        stored = StoredManifest(
            venue=series.venue,
            market=series.market,
            timeframe=series.timeframe,
            months=kept.value.months,
            absence=kept.value.absence,
            confirmed=kept.value.confirmed,
        )
        self._write(_key(series, "manifest.json"), to_json(stored).encode(), "application/json", kept.version)

    def keep_months(self, series: Series, kept: Sequence[Kept[CandleMonth]]) -> None:
        side_by_side(lambda each: self._keep_month(series, each), kept)

    def year(self, venue: str, market: str, year: int) -> Kept[FundingYear]:
        def opened(body: bytes) -> FundingYear:
            stored = from_json(StoredFunding, decompressed(body, MAX_BYTES))
            if (stored.venue, stored.market, stored.year) != (venue, market, year):
                raise InvalidValue("the object is of another market or year", code="UNREADABLE")
            rates = tuple(FundingRate(EPOCH + at * MILLISECOND, rate) for at, rate in stored.rates)
            return FundingYear(year=year, rates=rates, spans=stored.spans)

        return self._read(_funding_key(venue, market, year), opened, FundingYear(year=year))

    def keep_year(self, venue: str, market: str, kept: Kept[FundingYear]) -> None:
        year = kept.value
        rates = tuple(((each.at - EPOCH) // MILLISECOND, each.rate) for each in year.rates)
        stored = StoredFunding(venue=venue, market=market, year=year.year, spans=year.spans, rates=rates)
        self._write(_funding_key(venue, market, year.year), compressed(to_json(stored)), CONTENT_TYPE, kept.version)

    def _month(self, series: Series, name: str) -> Kept[CandleMonth]:
        def opened(body: bytes) -> CandleMonth:
            stored = from_json(StoredMonth, decompressed(body, MAX_BYTES))
            _require_same(Series(venue=stored.venue, market=stored.market, timeframe=stored.timeframe), series)
            if stored.month != name:
                raise InvalidValue("the object is of another month", code="UNREADABLE")
            return CandleMonth(
                month=name,
                timeframe=series.timeframe,
                candles=tuple(_candle(row) for row in stored.candles),
                spans=stored.spans,
                revisions=stored.revisions,
                told_at=stored.told_at,
            )

        return self._read(_month_key(series, name), opened, CandleMonth(month=name, timeframe=series.timeframe))

    def _keep_month(self, series: Series, kept: Kept[CandleMonth]) -> None:
        month = kept.value
        stored = StoredMonth(
            venue=series.venue,
            market=series.market,
            timeframe=series.timeframe,
            month=month.month,
            told_at=month.told_at,
            spans=month.spans,
            candles=tuple(_row(candle) for candle in month.candles),
            revisions=month.revisions,
        )
        self._write(_month_key(series, month.month), compressed(to_json(stored)), CONTENT_TYPE, kept.version)

    def _read[T](self, key: str, opened: Callable[[bytes], T], empty: T) -> Kept[T]:
        try:
            with aws_errors(UNAVAILABLE):
                answer = self._s3.get_object(Bucket=self._bucket, Key=key)
                body, version = answer["Body"].read(MAX_BYTES + 1), answer["ETag"]
        except ClientError as error:
            if error_code(error) not in MISSING:
                raise
            return Kept(empty, None)
        try:
            return Kept(opened(body), version)
        except (InvalidValue, OverflowError):  # a number of milliseconds may name no instant
            return Kept(empty, version, is_damaged=True)

    def _write(self, key: str, body: bytes, content_type: str, version: str | None) -> None:
        try:
            with aws_errors(UNAVAILABLE):
                if version is None:
                    self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, IfNoneMatch="*")
                else:
                    self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type, IfMatch=version)
        except ClientError as error:
            if error_code(error) not in LOST:
                raise
            raise Conflict("VERSION_CONFLICT", "somebody else has extended the candles") from None


def _folder(venue: str, market: str) -> str:
    """A market's name has slashes and colons, which would be folders and more."""
    return f"{PREFIX}{quote(venue, safe='')}/{quote(market, safe='')}"


def _key(series: Series, name: str) -> str:
    return f"{_folder(series.venue, series.market)}/{series.timeframe.value}/{name}"


def _funding_key(venue: str, market: str, year: int) -> str:
    return f"{_folder(venue, market)}/funding/{year}.json.gz"


def _month_key(series: Series, month: str) -> str:
    return _key(series, f"{month}.json.gz")


def _require_same(stored: Series, asked: Series) -> None:
    if stored != asked:
        raise InvalidValue("the object is of another series", code="UNREADABLE")


def _row(candle: Candle) -> Row:
    milliseconds = (candle.open_time - EPOCH) // MILLISECOND
    return milliseconds, candle.open, candle.high, candle.low, candle.close, candle.volume


def _candle(row: Row) -> Candle:
    milliseconds, opened, high, low, close, volume = row
    return Candle(EPOCH + milliseconds * MILLISECOND, opened, high, low, close, volume)
