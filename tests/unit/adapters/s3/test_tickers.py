"""Tickers: every usual spelling of a market is understood, and a doubtful one is never completed."""

from __future__ import annotations

import pytest

from candlecast.adapters.s3.tickers import resolve_ticker
from candlecast.domain.market.market import Market
from tests.support.builders import a_market

BTC_PERPETUAL = a_market("BTC/USDT:USDT")
ETH_PERPETUAL = a_market("ETH/USDT:USDT")
BTC_SPOT = a_market("BTC/USDT")
BTC_DOLLAR = a_market("BTC/USD", quote="USD", venue_symbol="XXBTZUSD")
BTC_DATED = a_market("BTC/USDT:USDT-260327", venue_symbol="BTCUSDT_260327")
PERPETUALS = (BTC_PERPETUAL, ETH_PERPETUAL, BTC_DATED)


@pytest.mark.parametrize(
    "ticker",
    [
        "BTC/USDT:USDT",
        "BTCUSDT",
        "btcusdt",
        " BTCUSDT ",
        "BTCUSDT.P",
        "BINANCE:BTCUSDT",
        "BINANCE:BTCUSDT.P",
        "BYBIT:BTCUSDTPERP",
        "btcusdtperp",
        "BTCUSDT-PERP",
        "BTCUSDT_PERP",
        "BTC/USDT",
        "BTC-USDT",
        "BTC_USDT",
        "BTC-USDT-SWAP",
        "#BTC-USDT-SWAP",
        "$BTCUSDT",
        "#BTC/USDT",
        "XBTUSDT",
        "XBT/USDT",
    ],
)
def test_a_usual_spelling_means_the_perpetual(ticker: str) -> None:
    assert resolve_ticker(ticker, PERPETUALS) == BTC_PERPETUAL


@pytest.mark.parametrize(
    "ticker",
    [
        "",
        "BTC",
        "#BTC",
        "USDT",
        "BTCUSD",
        "BTCUSD.P",
        "BTC/USDC",
        "BTC/USDT:BTC",
        "1000BTCUSDT",
        "BTCUSDTX",
        "BTCUSDT260327",
        "BTC USDT",
        "BTC/USDT/ETH",
        "BTCUSDT; DROP TABLE",
        "ＢＴＣＵＳＤＴ",
        "BINANCE:",
        ":BTCUSDT:",
        "BTCUSDT" * 10,
    ],
)
def test_what_is_not_certain_means_no_market(ticker: str) -> None:
    assert resolve_ticker(ticker, PERPETUALS) is None


def test_a_dated_contract_is_named_by_its_exact_symbol_only() -> None:
    assert resolve_ticker("BTC/USDT:USDT-260327", PERPETUALS) == BTC_DATED
    assert resolve_ticker("BTCUSDT_260327", PERPETUALS) == BTC_DATED


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("BTCUSDT", None),
        ("BTC-USDT", None),
        ("BTCUSDT.P", BTC_PERPETUAL),
        ("BTC/USDT", BTC_SPOT),
        ("BTC-USDT-SWAP", BTC_PERPETUAL),
    ],
)
def test_where_spot_and_perpetual_share_a_spelling_only_a_clear_one_counts(ticker: str, expected: Market | None) -> None:
    assert resolve_ticker(ticker, (BTC_SPOT, BTC_PERPETUAL)) == expected


@pytest.mark.parametrize(("ticker", "expected"), [("XBTUSD", BTC_DOLLAR), ("BTCUSD", BTC_DOLLAR), ("XXBTZUSD", BTC_DOLLAR)])
def test_an_old_name_of_a_currency_is_taken_only_where_that_market_is(ticker: str, expected: Market) -> None:
    assert resolve_ticker(ticker, (BTC_DOLLAR, BTC_PERPETUAL)) == expected
    assert resolve_ticker(ticker, (BTC_PERPETUAL,)) is None
