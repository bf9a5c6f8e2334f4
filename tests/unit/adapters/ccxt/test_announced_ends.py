"""The end of a perpetual as Binance announces it: by the day of its delivery, which is in the year 2100 for all others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from candlecast.adapters.ccxt import clients
from candlecast.adapters.ccxt.market_data import NEVER_DELIVERED_MS, download_markets
from candlecast.domain.market.market import Market
from tests.support.raw_venue import RawVenue

ANNOUNCED_MS = 1_795_500_000_000
ANNOUNCED = datetime.fromtimestamp(ANNOUNCED_MS / 1000, UTC)


def a_symbol(**changes: Any) -> dict[str, Any]:
    """A perpetual, as exchangeInfo lists it."""
    return {
        "symbol": "BTCUSDT",
        "pair": "BTCUSDT",
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_DELIVERED_MS,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC"],
        **changes,
    }


def downloaded(monkeypatch: pytest.MonkeyPatch, *symbols: dict[str, Any]) -> list[Market]:
    raw = RawVenue()
    raw.say("GET", "exchangeInfo", {"symbols": list(symbols)})
    monkeypatch.setattr(clients, "VenueSession", lambda: raw)
    return download_markets("binanceusdm", "http://venue.test")


@pytest.mark.parametrize(
    ("told", "delists_at"),
    [
        ({}, None),
        ({"deliveryDate": ANNOUNCED_MS}, ANNOUNCED),
        ({"deliveryDate": str(ANNOUNCED_MS)}, ANNOUNCED),
        ({"deliveryDate": 0}, None),
        ({"deliveryDate": -1}, None),
        ({"deliveryDate": "soon"}, None),
        ({"deliveryDate": None}, None),
        ({"deliveryDate": 10**18}, None),
        ({"deliveryDate": NEVER_DELIVERED_MS + 1}, None),
    ],
)
def test_a_perpetual_that_will_be_delivered_ends_then(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], delists_at: datetime | None
) -> None:
    (market,) = downloaded(monkeypatch, a_symbol(**told))
    assert (market.symbol, market.delists_at, market.takes_entries) == ("BTC/USDT:USDT", delists_at, delists_at is None)


@pytest.mark.parametrize(
    "status", ["PENDING_TRADING", "PRE_SETTLE", "SETTLING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "CLOSE"]
)
def test_a_market_in_any_other_state_is_not_listed(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    other = a_symbol(symbol="ETHUSDT", pair="ETHUSDT", baseAsset="ETH")
    assert [found.base for found in downloaded(monkeypatch, a_symbol(status=status), other)] == ["ETH"]
