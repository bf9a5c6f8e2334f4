"""The candle store believes no object before it has looked: place, frame, size and numbers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from candlecast.adapters.s3.candle_history import MAX_BYTES, S3CandleHistory
from candlecast.domain.market.funding import FundingRate, FundingYear
from candlecast.domain.market.history import CandleMonth, Series, Span
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.candle_history import Kept
from tests.support.builders import BTC, ETH, NOW, VENUE, candles_until
from tests.support.fakes.objects import FakeObjects

SERIES = Series(venue=VENUE, market=BTC, timeframe=Timeframe.M1)
MONTH = "2026-11"
KEY = "candles/paper/BTC%2FUSDT%3AUSDT/1m/2026-11.json.gz"
CANDLES = candles_until(NOW, 3)
KEPT = CandleMonth(
    month=MONTH, timeframe=Timeframe.M1, candles=CANDLES, spans=(Span(CANDLES[0].open_time, NOW),), revisions=(), told_at=NOW
)


@pytest.fixture
def objects() -> FakeObjects:
    made = FakeObjects()
    store(made).keep_months(SERIES, [Kept(KEPT, None)])
    return made


def store(objects: FakeObjects) -> S3CandleHistory:
    return S3CandleHistory(objects, "bucket")  # type: ignore[arg-type]


def read(objects: FakeObjects, series: Series = SERIES) -> Kept[CandleMonth]:
    (found,) = store(objects).months(series, [MONTH])
    return found


def document(objects: FakeObjects) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(objects.held[KEY]))
    return found


def test_an_object_has_the_name_of_its_series_and_month(objects: FakeObjects) -> None:
    assert list(objects.held) == [KEY]
    row = document(objects)["candles"][0]
    assert row == [1_795_175_820_000, "100", "100", "100", "100", "1"]


def test_a_name_cannot_reach_into_another_folder() -> None:
    objects = FakeObjects()
    series = Series(venue="../markets", market="a/../b", timeframe=Timeframe.M1)
    store(objects).keep_months(series, [Kept(KEPT, None)])
    assert list(objects.held) == ["candles/..%2Fmarkets/a%2F..%2Fb/1m/2026-11.json.gz"]


def test_equal_months_are_equal_bytes(objects: FakeObjects) -> None:
    first = objects.held[KEY]
    store(objects).keep_months(SERIES, [Kept(KEPT, read(objects).version)])
    assert objects.held[KEY] == first


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "of another market": lambda it: it.update(market=ETH),
    "of another venue": lambda it: it.update(venue="other"),
    "of another timeframe": lambda it: it.update(timeframe="3m"),
    "of another month": lambda it: it.update(month="2026-10"),
    "a float": lambda it: it["candles"][0].__setitem__(1, 100.5),
    "no number": lambda it: it["candles"][0].__setitem__(1, "NaN"),
    "a negative price": lambda it: it["candles"][0].__setitem__(3, "-1"),
    "a low above the close": lambda it: it["candles"][0].__setitem__(3, "101"),
    "a row without volume": lambda it: it["candles"][0].pop(),
    "an opening between two": lambda it: it["candles"][0].__setitem__(0, it["candles"][0][0] + 1),
    "an opening that is no time": lambda it: it["candles"][0].__setitem__(0, 10**30),
    "an opening of another month": lambda it: it["candles"][0].__setitem__(0, 0),
    "rows in disorder": lambda it: it["candles"].reverse(),
    "a row twice": lambda it: it["candles"].append(it["candles"][-1]),
    "spans without a zone": lambda it: it["spans"][0].update(start="2026-11-01T00:00:00"),
    "a span that ends before it begins": lambda it: it["spans"][0].update(start="2026-11-30T00:00:00Z"),
    "a span of another month": lambda it: it["spans"][0].update(start="2026-10-01T00:00:00Z"),
    "the same span twice": lambda it: it["spans"].append(it["spans"][0]),
    "no spans": lambda it: it.pop("spans"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_text_that_breaks_a_rule_is_damaged(objects: FakeObjects, change: Change) -> None:
    changed = document(objects)
    change(changed)
    objects.held[KEY] = gzip.compress(json.dumps(changed).encode())
    found = read(objects)
    assert (found.is_damaged, found.value) == (True, CandleMonth(month=MONTH, timeframe=Timeframe.M1))
    assert found.version is not None


def test_a_text_that_breaks_no_rule_is_read(objects: FakeObjects) -> None:
    objects.held[KEY] = gzip.compress(json.dumps(document(objects) | {"newer": 1}).encode())
    assert read(objects).value == KEPT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no JSON"),
        gzip.compress(b"\xff"),
        gzip.compress(b" " * (MAX_BYTES + 1)),
        gzip.compress(b"[" * 100_000),
    ],
    ids=["empty", "plain", "no JSON", "no text", "too long", "too deep"],
)
def test_a_body_that_is_no_text_of_ours_is_damaged(objects: FakeObjects, body: bytes) -> None:
    objects.held[KEY] = body
    assert read(objects).is_damaged


def test_one_flipped_bit_is_noticed(objects: FakeObjects) -> None:
    whole = objects.held[KEY]
    for place in range(10, len(whole)):  # behind the frame's head, which says nothing of the text
        objects.held[KEY] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        found = read(objects)
        assert found.is_damaged or found.value == KEPT


def test_s3_denies_what_is_missing_to_a_role_that_may_not_list(objects: FakeObjects) -> None:
    objects.error = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")
    assert read(objects) == Kept(CandleMonth(month=MONTH, timeframe=Timeframe.M1), None)


def test_a_write_that_is_denied_is_no_conflict(objects: FakeObjects) -> None:
    objects.error = ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutObject")
    with pytest.raises(ClientError):
        store(objects).keep_months(SERIES, [Kept(replace(KEPT, told_at=None), None)])


def test_a_silent_store_is_asked_later(objects: FakeObjects) -> None:
    objects.error = ReadTimeoutError(endpoint_url="s3")
    for ask in (lambda: read(objects), lambda: store(objects).keep_months(SERIES, [Kept(KEPT, None)])):
        with pytest.raises(RetryLater, match="CANDLES_UNAVAILABLE"):
            ask()


# -- funding -----------------------------------------------------------------------------------------------------------------

FUNDING_KEY = "candles/paper/BTC%2FUSDT%3AUSDT/funding/2026.json.gz"
FUNDING = FundingYear(year=2026, rates=(FundingRate(NOW, Decimal("0.0001")),), spans=(Span(NOW, NOW + timedelta(hours=1)),))
FUNDING_CHANGES: dict[str, Change] = {
    "of another market": lambda it: it.update(market=ETH),
    "of another venue": lambda it: it.update(venue="other"),
    "of another year": lambda it: it.update(year=2025),
    "a whole notional": lambda it: it["rates"][0].__setitem__(1, "1"),
    "no number": lambda it: it["rates"][0].__setitem__(1, "NaN"),
    "no time": lambda it: it["rates"][0].__setitem__(0, 10**30),
    "a time of another year": lambda it: it["rates"][0].__setitem__(0, 0),
    "a rate twice": lambda it: it["rates"].append(it["rates"][0]),
    "a span of another year": lambda it: it["spans"][0].update(start="2025-10-01T00:00:00Z"),
    "no spans": lambda it: it.pop("spans"),
}


@pytest.mark.parametrize("change", FUNDING_CHANGES.values(), ids=FUNDING_CHANGES.keys())
def test_a_year_of_funding_that_breaks_a_rule_is_damaged(change: Change) -> None:
    objects = FakeObjects()
    store(objects).keep_year(VENUE, BTC, Kept(FUNDING, None))
    changed = json.loads(gzip.decompress(objects.held[FUNDING_KEY]))
    change(changed)
    objects.held[FUNDING_KEY] = gzip.compress(json.dumps(changed).encode())
    found = store(objects).year(VENUE, BTC, 2026)
    assert (found.is_damaged, found.value) == (True, FundingYear(year=2026))
    assert found.version is not None
