"""The catalogue of markets: one JSON object per venue in S3, written by one function and read once per environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from candlecast.adapters.aws.clients import RETRY_AFTER_SECONDS, aws_errors, error_code
from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.s3.tickers import resolve_ticker
from candlecast.domain.market.market import Market
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REFRESH_AFTER = timedelta(hours=1)  # as often as it is written: filters change, and an environment can live for hours
RELOAD_UNKNOWN_AFTER = timedelta(minutes=5)  # a new listing is found soon, and a wrong ticker does not read S3 at each message
MISSING = frozenset({"NoSuchKey", "AccessDenied"})  # S3 denies instead of telling that a key is missing, without ListBucket
UNAVAILABLE = "CATALOGUE_UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The markets of one venue as they were at `written_at`."""

    venue: str
    written_at: datetime
    markets: tuple[Market, ...]
    schema_version: int = 1


@dataclass(slots=True)
class _Copy:
    """The markets of one venue that this environment holds."""

    read_at: datetime
    markets: dict[str, Market] = field(default_factory=dict)


class S3CatalogueStore:
    """`ports.venue.CatalogueStore`; a write replaces a venue's catalogue as a whole."""

    def __init__(self, s3: S3Client, bucket: str, clock: Clock) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock

    def read(self, venue: str) -> tuple[Market, ...]:
        """The markets as they were written last; none of a catalogue that cannot be understood, so that a new one replaces it."""
        try:
            return _stored(self._s3, self._bucket, venue)
        except (ClientError, InvalidValue) as error:
            if isinstance(error, ClientError) and error_code(error) not in MISSING:
                raise
            return ()

    def write(self, venue: str, markets: Sequence[Market]) -> None:
        """Store the markets; raises `RetryLater` (CATALOGUE_UNAVAILABLE) if S3 does not take them."""
        catalogue = Catalogue(venue=venue, written_at=self._clock.now(), markets=tuple(markets))
        with aws_errors(UNAVAILABLE):
            self._s3.put_object(
                Bucket=self._bucket,
                Key=catalogue_key(venue),
                Body=to_json(catalogue).encode(),
                ContentType="application/json",
            )


class S3Markets:
    """`ports.venue.Markets`.

    Every method raises `RetryLater` (CATALOGUE_UNAVAILABLE) while there is no catalogue at all. An order must not be denied for a
    market that nobody has looked up yet. Once there is a copy, a failure to read a newer one leaves it in use.
    """

    def __init__(self, s3: S3Client, bucket: str, clock: Clock) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._copies: dict[str, _Copy] = {}
        self._lock = Lock()

    def find(self, venue: str, symbol: str) -> Market | None:
        market = self._markets(venue, REFRESH_AFTER).get(symbol)
        return market or self._markets(venue, RELOAD_UNKNOWN_AFTER).get(symbol)

    def resolve(self, venue: str, ticker: str) -> Market | None:
        market = resolve_ticker(ticker, tuple(self._markets(venue, REFRESH_AFTER).values()))
        return market or resolve_ticker(ticker, tuple(self._markets(venue, RELOAD_UNKNOWN_AFTER).values()))

    def all(self, venue: str) -> Mapping[str, Market]:
        """Every market of a venue by symbol; the same object until the copy is read again."""
        return self._markets(venue, REFRESH_AFTER)

    def _markets(self, venue: str, max_age: timedelta) -> dict[str, Market]:
        """The venue's markets by symbol, read again if the copy is older than `max_age`."""
        with self._lock:
            now = self._clock.now()
            copy = self._copies.get(venue)
            if copy is None:
                copy = self._copies[venue] = _Copy(now, self._read(venue))
            elif now - copy.read_at >= max_age:
                copy.read_at = now  # before the attempt: while S3 is away, only every so often somebody waits for it
                try:
                    copy.markets = self._read(venue)
                except RetryLater:
                    return copy.markets
            return copy.markets

    def _read(self, venue: str) -> dict[str, Market]:
        try:
            return {market.symbol: market for market in _stored(self._s3, self._bucket, venue)}
        except ClientError as error:
            if error_code(error) in MISSING:
                raise RetryLater(UNAVAILABLE, "no catalogue yet", after_seconds=RETRY_AFTER_SECONDS) from error
            raise
        except InvalidValue as error:
            raise RetryLater(UNAVAILABLE, "the catalogue cannot be read", after_seconds=RETRY_AFTER_SECONDS) from error


def _stored(s3: S3Client, bucket: str, venue: str) -> tuple[Market, ...]:
    with aws_errors(UNAVAILABLE):
        body = s3.get_object(Bucket=bucket, Key=catalogue_key(venue))["Body"].read()
    return from_json(Catalogue, body).markets


def catalogue_key(venue: str) -> str:
    """Where a venue's catalogue lies in the bucket."""
    return f"markets/{venue}.json"
