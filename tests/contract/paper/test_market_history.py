"""The book, the market's trades, funding and derived candles: made of the recorded candles, the same for everybody."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.contract.paper.test_shapes import assert_shape
from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue

BAR = ("50000", "50200", "49900", "50100")  # open, high, low, close: it rises
FALLING = ("50100", "50150", "49800", "49850")
TRADE = {"decimal": "price qty quoteQty", "whole": "id time", "flag": "isBuyerMaker isRPITrade"}
AGGREGATE = {"decimal": "p q nq", "whole": "a f l T", "flag": "m"}
FUNDING = {"decimal": "fundingRate markPrice", "whole": "fundingTime", "text": "symbol"}
FUNDING_INFO = {"decimal": "adjustedFundingRateCap adjustedFundingRateFloor", "whole": "fundingIntervalHours"}


@pytest.fixture
def moving(venue: PaperVenue) -> PaperVenue:
    """A market whose candles rise and fall in turn."""
    venue.load([BAR, FALLING] * 60)
    venue.set_minute(60)
    return venue


def ask(venue: PaperVenue, path: str, **parameters: Any) -> Any:
    return venue.http.get(f"/fapi/v1/{path}", params=parameters).json()


def refusal(venue: PaperVenue, path: str, **parameters: Any) -> int:
    answer: httpx.Response = venue.http.get(f"/fapi/v1/{path}", params=parameters)
    assert answer.status_code == 400, answer.text
    return int(answer.json()["code"])


def test_the_book_begins_at_the_book_ticker_and_steps_away_by_whole_ticks(moving: PaperVenue) -> None:
    book = ask(moving, "depth", symbol="BTCUSDT", limit=1_000)
    ticker = ask(moving, "ticker/bookTicker", symbol="BTCUSDT")
    assert Decimal(book["bids"][0][0]) == Decimal(ticker["bidPrice"])
    assert Decimal(book["asks"][0][0]) == Decimal(ticker["askPrice"])
    for side, falls in (("bids", True), ("asks", False)):
        prices = [Decimal(price) for price, _ in book[side]]
        assert len(prices) == 1_000
        assert prices == sorted(set(prices), reverse=falls)
        assert all(price % Decimal("0.1") == 0 for price in prices)
        assert all(Decimal(quantity) > 0 and Decimal(quantity) % Decimal("0.001") == 0 for _, quantity in book[side])
    assert ask(moving, "depth", symbol="BTCUSDT", limit=1_000) == book
    assert ask(moving, "depth", symbol="BTCUSDT", limit=5)["asks"] == book["asks"][:5]


def test_the_book_takes_the_limits_of_the_dialect_only(moving: PaperVenue) -> None:
    assert len(ask(moving, "depth", symbol="BTCUSDT")["bids"]) == 500
    assert [refusal(moving, "depth", symbol="BTCUSDT", limit=limit) for limit in (0, 1, 6, 1_001)] == [-4021] * 4
    assert refusal(moving, "depth", symbol="NOBODY") == -1121
    assert refusal(moving, "depth") == -1102


def test_the_trades_of_a_candle_have_its_prices_and_its_volume(moving: PaperVenue) -> None:
    trades = ask(moving, "trades", symbol="BTCUSDT", limit=8)
    assert [trade["price"] for trade in trades[:4]] == ["50000.0", "49900.0", "50200.0", "50100.0"]
    assert [trade["price"] for trade in trades[4:]] == ["50100.0", "50150.0", "49800.0", "49850.0"]
    assert sum(Decimal(trade["qty"]) for trade in trades[:4]) == 10
    assert [trade["isBuyerMaker"] for trade in trades] == [False, True, False, True, False, False, True, False]
    opened = START_MS + 58 * MINUTE_MS
    assert [trade["time"] - opened for trade in trades[:4]] == [0, 20_000, 40_000, 59_999]
    assert_shape(trades[0], TRADE)
    assert ask(moving, "trades", symbol="BTCUSDT", limit=8) == trades


def test_trades_end_at_the_clock_and_begin_with_the_recording(moving: PaperVenue) -> None:
    trades = ask(moving, "trades", symbol="BTCUSDT", limit=1_000)
    assert len(trades) == 60 * 4
    assert [later["id"] - earlier["id"] for earlier, later in pairwise(trades)] == [1] * 239
    assert trades[0]["time"] == START_MS
    assert trades[-1]["time"] < START_MS + 60 * MINUTE_MS


def test_a_candle_without_volume_has_no_trades(venue: PaperVenue) -> None:
    venue.operate(
        "PUT",
        "/markets",
        {"markets": [{"symbol": "AAAUSDT", "base": "AAA", "quote": "USDT", "tick_size": "1", "step_size": "1"}]},
    )
    rows = [[START_MS + index * MINUTE_MS, "5", "6", "4", "5", volume] for index, volume in enumerate(("0", "2", "9"))]
    venue.http.post("/operator/markets/AAAUSDT/candles", params={"interval": "1m"}, json=rows)
    venue.set_minute(3)
    assert [trade["qty"] for trade in ask(venue, "trades", symbol="AAAUSDT")] == ["2", "2", "2", "2", "3"]


def test_aggregates_are_found_by_id_and_by_time(moving: PaperVenue) -> None:
    everything = ask(moving, "aggTrades", symbol="BTCUSDT", limit=1_000)
    assert_shape(everything[0], AGGREGATE)
    third = everything[2]
    assert ask(moving, "aggTrades", symbol="BTCUSDT", fromId=third["a"], limit=3) == everything[2:5]
    assert ask(moving, "aggTrades", symbol="BTCUSDT", startTime=third["T"], limit=3) == everything[2:5]
    within = {"startTime": START_MS, "endTime": START_MS + 2 * MINUTE_MS - 1}
    assert ask(moving, "aggTrades", symbol="BTCUSDT", **within) == everything[:8]
    assert ask(moving, "aggTrades", symbol="BTCUSDT", endTime=START_MS + 2 * MINUTE_MS - 1, limit=3) == everything[5:8]
    assert refusal(moving, "aggTrades", symbol="BTCUSDT", startTime=START_MS, endTime=START_MS + 3_600_001) == -1127
    assert refusal(moving, "aggTrades", symbol="BTCUSDT", startTime=START_MS, endTime=START_MS - 1) == -1023
    assert refusal(moving, "aggTrades", symbol="BTCUSDT", limit=1_001) == -1130


def test_older_trades_need_a_key_and_no_signature(moving: PaperVenue) -> None:
    assert moving.http.get("/fapi/v1/historicalTrades", params={"symbol": "BTCUSDT"}).json()["code"] == -2014
    headers = {"X-MBX-APIKEY": moving.open_account()["api_key"]}
    first = ask(moving, "aggTrades", symbol="BTCUSDT", limit=1_000)[0]["a"]
    parameters = {"symbol": "BTCUSDT", "fromId": str(first), "limit": "2"}
    older = moving.http.get("/fapi/v1/historicalTrades", params=parameters, headers=headers).json()
    assert [trade["id"] for trade in older] == [first, first + 1]


def test_funding_is_listed_from_the_first_rate_on(venue: PaperVenue) -> None:
    venue.load(["50000"] * 1_500)
    venue.set_minute(1)
    assert ask(venue, "fundingRate", symbol="BTCUSDT") == []
    venue.operate("PUT", "/funding", {"rate": "0.0001"})
    venue.set_minute(1_441)
    rows = ask(venue, "fundingRate", symbol="BTCUSDT")
    assert [row["fundingTime"] - START_MS for row in rows] == [480 * MINUTE_MS, 960 * MINUTE_MS, 1_440 * MINUTE_MS]
    assert {row["fundingRate"] for row in rows} == {"0.00010000"}
    assert_shape(rows[0], FUNDING)
    assert ask(venue, "fundingRate", symbol="BTCUSDT", limit=1) == rows[-1:]
    assert ask(venue, "fundingRate", startTime=START_MS, limit=1) == rows[:1]
    assert ask(venue, "fundingRate", startTime=START_MS + 481 * MINUTE_MS, endTime=START_MS + 961 * MINUTE_MS) == rows[1:2]
    assert refusal(venue, "fundingRate", startTime=2, endTime=1) == -1023
    assert_shape(ask(venue, "fundingInfo")[0], FUNDING_INFO)
    assert ask(venue, "fundingInfo")[0]["fundingIntervalHours"] == 8


def test_candles_of_mark_and_index_are_those_of_the_last_price_without_volume(moving: PaperVenue) -> None:
    traded = ask(moving, "klines", symbol="BTCUSDT", interval="5m", limit=3)
    for path, name in (("markPriceKlines", "symbol"), ("indexPriceKlines", "pair")):
        rows = ask(moving, path, **{name: "BTCUSDT", "interval": "5m", "limit": "3"})
        assert [row[:5] for row in rows] == [row[:5] for row in traded]
        assert {(row[5], row[7], row[9]) for row in rows} == {("0", "0", "0")}
        assert refusal(moving, path, **{name: "BTCUSDT", "interval": "7m"}) == -1120
        assert refusal(moving, path, interval="5m") == -1102


def test_the_premium_is_zero(moving: PaperVenue) -> None:
    rows = ask(moving, "premiumIndexKlines", symbol="BTCUSDT", interval="5m", limit=2)
    assert {price for row in rows for price in row[1:5]} == {"0.00000000"}


def test_a_pair_has_candles_of_its_perpetual_alone(moving: PaperVenue) -> None:
    wanted = {"pair": "BTCUSDT", "interval": "5m", "limit": 3}
    traded = ask(moving, "klines", symbol="BTCUSDT", interval="5m", limit=3)
    assert ask(moving, "continuousKlines", **wanted, contractType="PERPETUAL") == traded
    assert refusal(moving, "continuousKlines", **wanted, contractType="CURRENT_QUARTER") == -4104
    assert refusal(moving, "continuousKlines", **wanted, contractType="WEEKLY") == -1130
    assert refusal(moving, "continuousKlines", **{**wanted, "pair": "NOBODY"}, contractType="PERPETUAL") == -4144


def test_ccxt_reads_all_of_it(moving: PaperVenue) -> None:
    moving.operate("PUT", "/funding", {"rate": "0.0001"})
    client = moving.client(moving.open_account())
    client.load_markets()
    book = client.fetch_order_book(BTC_SYMBOL, 5)
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = client.fetch_trades(BTC_SYMBOL, limit=4)
    assert [trade["side"] for trade in trades] == ["buy", "buy", "sell", "buy"]
    assert client.fetch_mark_ohlcv(BTC_SYMBOL, "5m", limit=2)[-1][4] > 0
    assert client.fetch_index_ohlcv(BTC_SYMBOL, "5m", limit=2)[-1][4] > 0
    assert client.fetch_premium_index_ohlcv(BTC_SYMBOL, "5m", limit=2)[-1][4] == 0
    assert client.fetch_funding_rate_history(BTC_SYMBOL) == []
    assert client.fetch_funding_intervals([BTC_SYMBOL])[BTC_SYMBOL]["interval"] == "8h"
    client.session.close()
