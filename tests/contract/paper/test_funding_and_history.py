"""Funding by ccxt, and the history of orders, executions and incomes by id and by time."""

from __future__ import annotations

from typing import Any

import ccxt
import pytest

from tests.support.paper_venue import BTC_SYMBOL, MINUTE_MS, START_MS, PaperVenue

EIGHT_HOURS = 480  # minutes; START_MS is a midnight
DAY_MS = 86_400_000


@pytest.fixture
def long_market(venue: PaperVenue) -> PaperVenue:
    """A market that stands at 50,000 for two days, one hour in."""
    venue.load(["50000"] * 2_880, interval="1m")
    venue.set_minute(60)
    return venue


def client(market: PaperVenue, account_id: str = "trader") -> Any:
    found = market.client(market.open_account(account_id=account_id))
    found.load_markets()
    return found


def test_without_a_rate_there_is_no_funding(long_market: PaperVenue) -> None:
    trader = client(long_market)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    before = trader.fetch_balance()["USDT"]["total"]
    long_market.set_minute(2_000)
    assert trader.fetch_balance()["USDT"]["total"] == before
    assert trader.fetch_funding_history(BTC_SYMBOL) == []
    assert trader.fapiPublicGetPremiumIndex({"symbol": "BTCUSDT"})["nextFundingTime"] == 0


def test_longs_pay_shorts_every_eight_hours(long_market: PaperVenue) -> None:
    long_market.operate("PUT", "/funding", {})
    buyer, seller = client(long_market, "buyer"), client(long_market, "seller")
    buyer.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    seller.create_order(BTC_SYMBOL, "market", "sell", 0.1)
    before = [trader.fetch_balance()["USDT"]["total"] for trader in (buyer, seller)]
    long_market.set_minute(EIGHT_HOURS - 1)
    assert buyer.fetch_funding_history(BTC_SYMBOL) == []
    long_market.set_minute(2 * EIGHT_HOURS)
    paid = 2 * 0.1 * 50_000 * 0.0001
    after = [trader.fetch_balance()["USDT"]["total"] for trader in (buyer, seller)]
    assert after == [pytest.approx(before[0] - paid), pytest.approx(before[1] + paid)]
    assert [row["amount"] for row in buyer.fetch_funding_history(BTC_SYMBOL)] == [pytest.approx(-paid / 2)] * 2
    assert len({row["id"] for row in buyer.fetch_funding_history(BTC_SYMBOL)}) == 2


def test_a_rate_counts_from_when_it_was_set_whenever_anybody_looks(long_market: PaperVenue) -> None:
    long_market.operate("PUT", "/funding", {"rate": "0.001"})
    trader = client(long_market)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    long_market.set_minute(EIGHT_HOURS + 10)
    long_market.operate("PUT", "/funding", {"rate": "-0.002", "symbols": ["BTCUSDT"]})
    long_market.set_minute(2 * EIGHT_HOURS + 10)
    long_market.operate("PUT", "/funding", {"rate": "0"})
    long_market.set_minute(3 * EIGHT_HOURS + 10)
    amounts = [row["amount"] for row in trader.fetch_funding_history(BTC_SYMBOL)]
    assert amounts == [pytest.approx(-5), pytest.approx(10)]


def test_the_mark_price_tells_the_rate_and_the_next_time(long_market: PaperVenue) -> None:
    long_market.operate("PUT", "/funding", {"rate": "0.0003"})
    rate = client(long_market).fetch_funding_rate(BTC_SYMBOL)
    assert (rate["fundingRate"], rate["markPrice"]) == (0.0003, 50_000)
    assert rate["fundingTimestamp"] == START_MS + EIGHT_HOURS * MINUTE_MS


def test_an_isolated_position_pays_from_its_own_margin(long_market: PaperVenue) -> None:
    long_market.operate("PUT", "/funding", {"rate": "0.01"})
    trader = client(long_market)
    trader.set_margin_mode("isolated", BTC_SYMBOL)
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.1)
    long_market.set_minute(EIGHT_HOURS)
    wallet = float(trader.fetch_positions([BTC_SYMBOL])[0]["info"]["isolatedWallet"])
    assert wallet == pytest.approx(0.1 * 50_005 / 20 - 0.1 * 50_000 * 0.01)


@pytest.mark.parametrize("body", [{"rate": "0.04"}, {"rate": "x"}, {"symbols": ["NOSUCH"]}])
def test_a_rate_that_makes_no_sense_is_refused(long_market: PaperVenue, body: dict[str, Any]) -> None:
    assert long_market.http.put("/operator/funding", json=body).status_code in (400, 404)


def test_the_operator_sets_the_spread(long_market: PaperVenue) -> None:
    long_market.operate("PUT", "/markets/BTCUSDT/spread", {"half_spread_bps": "20"})
    trader = client(long_market)
    book = trader.fetch_bids_asks([BTC_SYMBOL])[BTC_SYMBOL]
    assert (book["bid"], book["ask"]) == (49_900, 50_100)
    assert trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)["average"] == 50_100


def test_incomes_are_told_by_kind(market: PaperVenue, trader: Any) -> None:
    trader.create_order(BTC_SYMBOL, "market", "buy", 0.01)
    trader.create_order(BTC_SYMBOL, "market", "sell", 0.01)
    rows = trader.fapiPrivateGetIncome()
    assert [row["incomeType"] for row in rows] == ["COMMISSION", "REALIZED_PNL", "COMMISSION"]
    assert [float(row["income"]) for row in trader.fapiPrivateGetIncome({"incomeType": "REALIZED_PNL"})] == [pytest.approx(-0.1)]
    total = sum(float(row["income"]) for row in rows)
    assert trader.fetch_balance()["USDT"]["total"] == pytest.approx(10_000 + total)
    assert trader.fapiPrivateGetIncome({"limit": 1, "page": 2})[0]["incomeType"] == "REALIZED_PNL"


def raw(trader: Any, path: str, **parameters: Any) -> list[str]:
    """The order ids of a history."""
    call = {"allOrders": trader.fapiPrivateGetAllOrders, "userTrades": trader.fapiPrivateGetUserTrades}[path]
    return [str(row["orderId"]) for row in call({"symbol": "BTCUSDT", **parameters})]


@pytest.mark.parametrize("path", ["allOrders", "userTrades"])
def test_history_by_time(market: PaperVenue, trader: Any, path: str) -> None:
    ids = []
    begun = market.wall_clock()
    for day in range(4):
        market.wall_clock.offset_ms = (day - 9) * DAY_MS + DAY_MS // 2
        ids.append(_at(market, trader, day))
    market.wall_clock.offset_ms = 0
    assert raw(trader, path) == ids[2:], "the last seven days"
    start = begun - 9 * DAY_MS + DAY_MS // 2 - 1_000
    assert raw(trader, path, startTime=start) == ids, "seven days from a start"
    assert raw(trader, path, startTime=start, limit=2) == ids[:2]
    assert raw(trader, path, endTime=start + DAY_MS // 2) == ids[:1]
    assert raw(trader, path, startTime=start + DAY_MS // 2, endTime=start + 2 * DAY_MS + DAY_MS // 2) == ids[1:3]
    with pytest.raises(ccxt.ExchangeError, match="-4165"):
        raw(trader, path, startTime=start, endTime=start + 7 * DAY_MS + 1)
    with pytest.raises(ccxt.ExchangeError, match="-1023"):
        raw(trader, path, startTime=start, endTime=start - 1)


def _at(market: PaperVenue, trader: Any, day: int) -> str:
    """An order, signed at the venue's time."""
    trader.options["timeDifference"] = -market.wall_clock.offset_ms
    order = trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": f"day-{day}"})
    trader.options["timeDifference"] = 0
    return str(order["id"])


def test_history_by_id(trader: Any) -> None:
    ids = [trader.create_order(BTC_SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": f"order-{n}"})["id"] for n in range(4)]
    assert raw(trader, "allOrders", orderId=ids[2]) == ids[2:]
    assert raw(trader, "allOrders", orderId=ids[1], limit=2) == ids[1:3]
    assert [row["clientOrderId"] for row in trader.fapiPrivateGetAllOrders({"symbol": "BTCUSDT", "limit": 2})] == [
        "order-2",
        "order-3",
    ]
    trades = trader.fapiPrivateGetUserTrades({"symbol": "BTCUSDT"})
    assert raw(trader, "userTrades", fromId=trades[1]["id"]) == ids[1:]
    assert raw(trader, "userTrades", orderId=ids[1]) == [ids[1]]
    with pytest.raises(ccxt.ExchangeError, match="-1128"):
        raw(trader, "userTrades", fromId=trades[1]["id"], startTime=0)
