"""A venue's markets to the catalogue, and its quotes to the API."""

from __future__ import annotations

from functools import partial

from candlecast.adapters.ccxt.clients import Templates
from candlecast.adapters.ccxt.market_data import CcxtMarketData, download_markets
from candlecast.adapters.s3.market_catalogue import S3CatalogueStore, S3Markets
from candlecast.adapters.system import SystemClock
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import EmfMetrics
from candlecast.runtime.settings import MarketCatalogueSettings
from candlecast.services.market.quote_market import QuoteMarket
from candlecast.services.market.refresh_catalogue import RefreshCatalogue


@once
def build() -> RefreshCatalogue:
    """Refresh the catalogue of each venue of the environment."""
    known, clock = MarketCatalogueSettings.read(), SystemClock()
    sources = {name: partial(download_markets, *way) for name, way in known.ccxt_venues().items()}
    return RefreshCatalogue(sources, S3CatalogueStore(aws("s3"), known.markets_bucket, clock), clock, EmfMetrics())


@once
def quotes() -> QuoteMarket:
    """Quote a market of the catalogue."""
    known, clock = MarketCatalogueSettings.read(), SystemClock()
    markets = S3Markets(aws("s3"), known.markets_bucket, clock)
    return QuoteMarket(CcxtMarketData(Templates(known.ccxt_venues(), markets.all)), clock)
