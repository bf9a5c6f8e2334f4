"""The candle store: values come back as they went, of two writers one reads again, and a damaged object is nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Protocol
from urllib.parse import unquote

import pytest

from candlecast.adapters.s3.candle_history import S3CandleHistory
from candlecast.domain.market.candle import Candle
from candlecast.domain.market.funding import FundingRate, FundingYear
from candlecast.domain.market.history import Absence, CandleMonth, Manifest, MonthEntry, Revision, Series, Span
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.candle_history import CandleHistory, FundingHistory, Kept
from tests.contract.aws.conftest import Cloud
from tests.support.builders import BTC, ETH, NOW, VENUE, a_candle, candles_until
from tests.support.fakes.candle_history import MANIFEST, FakeCandleHistory
from tests.support.fakes.objects import FakeObjects

SERIES = Series(venue=VENUE, market=BTC, timeframe=Timeframe.M1)
MONTH = "2026-11"
EXACT = Candle(NOW, *(Decimal(text) for text in ("0.00000010", "123456789012.123456789", "1E-9", "5.0", "0")))
CANDLES = (*candles_until(NOW, 3), EXACT)
WHOLE = Span(CANDLES[0].open_time, EXACT.close_time(Timeframe.M1))
REVISION = Revision(before=None, after=EXACT, noticed_at=NOW)
KEPT = CandleMonth(
    month=MONTH, timeframe=Timeframe.M1, candles=CANDLES, spans=(WHOLE,), revisions=(REVISION,), told_at=NOW + timedelta(hours=1)
)


FUNDING = FundingYear(
    year=2026,
    rates=(FundingRate(NOW, Decimal("-0.00012345")), FundingRate(NOW + timedelta(hours=8, milliseconds=4), Decimal("1E-8"))),
    spans=(Span(NOW, NOW + timedelta(hours=9)),),
)


class Histories(CandleHistory, FundingHistory, Protocol):
    """Both ports of the store."""


@dataclass
class Stored:
    """A store, and a way to spoil what it holds: `spoil(series, name)`, where the name is a month or `MANIFEST`."""

    store: Histories
    spoil: Callable[[Series, str], object]

    def month(self, name: str = MONTH, series: Series = SERIES) -> Kept[CandleMonth]:
        (kept,) = self.store.months(series, [name])
        return kept

    def keep(self, month: CandleMonth, version: str | None = None, series: Series = SERIES) -> None:
        self.store.keep_months(series, [Kept(month, version)])


@pytest.fixture(params=["fake", "memory", pytest.param("s3", marks=pytest.mark.e2e)])
def stored(request: pytest.FixtureRequest) -> Stored:
    if request.param == "fake":
        fake = FakeCandleHistory()
        return Stored(fake, fake.spoil)
    if request.param == "memory":
        s3, bucket = FakeObjects(), "bucket"
    else:
        aws: Cloud = request.getfixturevalue("aws")
        s3, bucket = aws.client("s3"), aws.name("candles")
        s3.create_bucket(Bucket=bucket)

    def spoil(series: Series, name: str) -> None:
        file = "manifest.json" if name == MANIFEST else f"{name}.json.gz"
        market = series.market.replace("/", "%2F").replace(":", "%3A")
        assert unquote(market) == series.market
        key = f"candles/{series.venue}/{market}/{series.timeframe}/{file}"
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        s3.put_object(Bucket=bucket, Key=key, Body=body[: len(body) // 2])

    return Stored(S3CandleHistory(s3, bucket), spoil)  # type: ignore[arg-type]


def test_a_month_comes_back_to_the_last_digit(stored: Stored) -> None:
    stored.keep(KEPT)
    found = stored.month()
    assert found.value == KEPT
    assert [str(found.value.candles[-1].high), str(found.value.candles[-1].open)] == ["123456789012.123456789", "1.0E-7"]
    assert not found.is_damaged


def test_nothing_is_an_empty_month(stored: Stored) -> None:
    assert stored.month() == Kept(CandleMonth(month=MONTH, timeframe=Timeframe.M1), None)


def test_months_come_in_the_order_of_their_names(stored: Stored) -> None:
    stored.keep(KEPT)
    names = ["2026-12", MONTH, "2026-10"]
    assert [(kept.value.month, len(kept.value.candles)) for kept in stored.store.months(SERIES, names)] == [
        ("2026-12", 0),
        (MONTH, 4),
        ("2026-10", 0),
    ]


@pytest.mark.parametrize(
    "other",
    [replace(SERIES, market=ETH), replace(SERIES, timeframe=Timeframe.M3), replace(SERIES, venue="other")],
)
def test_each_series_has_months_of_its_own(stored: Stored, other: Series) -> None:
    stored.keep(KEPT)
    assert stored.month(series=other).version is None


def test_a_first_write_loses_against_another_first_write(stored: Stored) -> None:
    stored.keep(KEPT)
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stored.keep(replace(KEPT, revisions=()))
    assert stored.month().value == KEPT


def test_a_write_replaces_only_what_it_has_read(stored: Stored) -> None:
    stored.keep(KEPT)
    read = stored.month()
    stored.keep(replace(KEPT, revisions=()), read.version)
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stored.keep(KEPT, read.version)
    assert stored.month().value.revisions == ()


def test_all_months_of_a_write_are_tried(stored: Stored) -> None:
    stored.keep(KEPT)
    later = CandleMonth(
        month="2026-12",
        timeframe=Timeframe.M1,
        candles=(a_candle(NOW + timedelta(days=15)),),
        spans=(Span(NOW + timedelta(days=15), NOW + timedelta(days=15, minutes=1)),),
        told_at=NOW,
    )
    with pytest.raises(Conflict):
        stored.store.keep_months(SERIES, [Kept(KEPT, None), Kept(later, None)])
    assert stored.month("2026-12").value == later


def test_a_damaged_month_is_nothing_and_can_be_replaced(stored: Stored) -> None:
    stored.keep(KEPT)
    stored.spoil(SERIES, MONTH)
    found = stored.month()
    assert (found.is_damaged, found.value.candles, found.value.spans) == (True, (), ())
    with pytest.raises(Conflict):
        stored.keep(KEPT)
    stored.keep(KEPT, found.version)
    assert stored.month().value == KEPT


def test_a_manifest_comes_back_and_is_replaced_by_its_reader_alone(stored: Stored) -> None:
    nine_days = Span(NOW - timedelta(days=9), NOW)
    first = Manifest(months=(MonthEntry.of(KEPT),), absence=Absence(span=nine_days, told_at=NOW), confirmed=(nine_days,))
    assert stored.store.manifest(SERIES) == Kept(Manifest(), None)
    stored.store.keep_manifest(SERIES, Kept(first, None))
    read = stored.store.manifest(SERIES)
    assert read.value == first
    with pytest.raises(Conflict, match="VERSION_CONFLICT"):
        stored.store.keep_manifest(SERIES, Kept(Manifest(), None))
    stored.store.keep_manifest(SERIES, Kept(Manifest(), read.version))
    assert stored.store.manifest(SERIES).value == Manifest()


def test_a_damaged_manifest_is_nothing_and_can_be_replaced(stored: Stored) -> None:
    stored.store.keep_manifest(SERIES, Kept(Manifest(months=(MonthEntry.of(KEPT),)), None))
    stored.spoil(SERIES, MANIFEST)
    found = stored.store.manifest(SERIES)
    assert (found.value, found.is_damaged) == (Manifest(), True)
    stored.store.keep_manifest(SERIES, Kept(Manifest(), found.version))
    assert not stored.store.manifest(SERIES).is_damaged


def test_a_year_of_funding_comes_back_as_it_went_and_is_its_markets_own(stored: Stored) -> None:
    assert stored.store.year(VENUE, BTC, 2026) == Kept(FundingYear(year=2026), None)
    stored.store.keep_year(VENUE, BTC, Kept(FUNDING, None))
    assert stored.store.year(VENUE, BTC, 2026).value == FUNDING
    others = [(VENUE, BTC, 2025), (VENUE, ETH, 2026), ("other", BTC, 2026)]
    assert [stored.store.year(*other).version for other in others] == [None] * 3


def test_of_two_writers_of_a_year_one_reads_again(stored: Stored) -> None:
    stored.store.keep_year(VENUE, BTC, Kept(FUNDING, None))
    known = stored.store.year(VENUE, BTC, 2026)
    shorter = replace(FUNDING, rates=FUNDING.rates[:1])
    stored.store.keep_year(VENUE, BTC, Kept(shorter, known.version))
    for version in (None, known.version):
        with pytest.raises(Conflict, match="VERSION_CONFLICT"):
            stored.store.keep_year(VENUE, BTC, Kept(FUNDING, version))
    assert stored.store.year(VENUE, BTC, 2026).value == shorter
