"""By ccxt at a running market: an order fills from candles after it, and history finds what happened when it happened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, PaperVenue

FALLS_AT = 10  # minutes after the beginning
HOURS = 3


@pytest.fixture
def begun_ms(venue: PaperVenue) -> int:
    """A market that stands at 50,000, falls to 48,500 for a minute, and stands again; wall time is its time."""
    venue.wall_clock.stand_at_a_minute()
    begun = venue.wall_clock()
    venue.load([*["50000"] * FALLS_AT, ("50000", "50000", "48500", "50000"), *["50000"] * 60 * HOURS])
    venue.operate("PUT", "/clock", {"mode": "wall", "anchor_ms": begun})
    venue.operate("PUT", "/funding", {})
    return begun


def at(venue: PaperVenue, begun_ms: int, minutes: float) -> None:
    venue.wall_clock.stands_at_ms = begun_ms + round(minutes * MINUTE_MS)


def trader_of(venue: PaperVenue) -> Any:
    trader = venue.client(venue.open_account())
    trader.load_markets()
    return trader


def test_an_order_does_not_fill_from_the_candle_in_which_it_was_placed(venue: PaperVenue, begun_ms: int) -> None:
    at(venue, begun_ms, FALLS_AT + 0.5)
    trader = trader_of(venue)
    order = trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    at(venue, begun_ms, FALLS_AT + 5)
    assert trader.fetch_order(order["id"], BTC_SYMBOL)["status"] == "open"


def test_a_fill_is_found_by_the_time_of_its_candle(venue: PaperVenue, begun_ms: int) -> None:
    at(venue, begun_ms, 5.5)
    trader = trader_of(venue)
    trader.create_order(BTC_SYMBOL, "limit", "buy", 0.01, 49_000)
    at(venue, begun_ms, 60 * HOURS)
    fell = begun_ms + FALLS_AT * MINUTE_MS
    (trade,) = trader.fetch_my_trades(BTC_SYMBOL, since=fell, params={"endTime": fell + MINUTE_MS - 1})
    assert (trade["timestamp"], trade["takerOrMaker"]) == (fell + MINUTE_MS - 1, "maker")
    (fee,) = trader.fapiPrivateGetIncome({"incomeType": "COMMISSION", "startTime": fell, "endTime": fell + MINUTE_MS - 1})
    assert fee["time"] == trade["timestamp"]
    assert trader.fetch_my_trades(BTC_SYMBOL, since=fell + MINUTE_MS) == []


def test_funding_is_found_by_the_time_at_which_it_was_due(venue: PaperVenue, begun_ms: int) -> None:
    at(venue, begun_ms, 1)
    trader = trader_of(venue)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    due = trader.fapiPublicGetPremiumIndex({"symbol": "BTCUSDT"})["nextFundingTime"]
    venue.wall_clock.stands_at_ms = due + 60 * HOURS * MINUTE_MS
    (row,) = trader.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE", "startTime": due, "endTime": due})
    assert row["time"] == due
