"""The catalogue: readers find exactly the values that its writer has written."""

from __future__ import annotations

import pytest

from candlecast.adapters.s3.market_catalogue import S3CatalogueStore, S3Markets
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.venue import Markets
from tests.contract.aws.conftest import Cloud
from tests.support.builders import BTC, ETH, VENUE, a_market
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.market_data import FakeMarkets

MARKETS = (a_market(BTC), a_market(ETH))


@pytest.fixture(params=["fake", pytest.param("s3", marks=pytest.mark.e2e)])
def markets(request: pytest.FixtureRequest) -> Markets:
    if request.param == "fake":
        return FakeMarkets(*MARKETS)
    aws: Cloud = request.getfixturevalue("aws")
    bucket = a_bucket(aws)
    writer = S3CatalogueStore(aws.client("s3"), bucket, FakeClock())
    writer.write(VENUE, MARKETS)
    writer.write("other", ())
    return S3Markets(aws.client("s3"), bucket, FakeClock())


def a_bucket(aws: Cloud) -> str:
    name = aws.name("markets")
    aws.client("s3").create_bucket(Bucket=name)
    return name


def test_a_market_is_found_by_its_unified_symbol(markets: Markets) -> None:
    assert markets.find(VENUE, ETH) == a_market(ETH)


def test_what_a_venue_does_not_have_is_not_found(markets: Markets) -> None:
    assert markets.find(VENUE, "DOGE/USDT:USDT") is None
    assert markets.find("other", ETH) is None


def test_a_senders_ticker_is_resolved(markets: Markets) -> None:
    assert markets.resolve(VENUE, "BINANCE:BTCUSDT.P") == a_market(BTC)
    assert markets.resolve(VENUE, "BTC") is None
    assert markets.resolve("other", "BTCUSDT") is None


@pytest.mark.e2e
def test_without_a_catalogue_the_answer_comes_later(aws: Cloud) -> None:
    with pytest.raises(RetryLater) as later:
        S3Markets(aws.client("s3"), a_bucket(aws), FakeClock()).find(VENUE, BTC)
    assert later.value.code == "CATALOGUE_UNAVAILABLE"
