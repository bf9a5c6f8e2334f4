"""An order never fills from prices before it was placed; fills and funding are dated by the market and not by the look."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from paper_exchange.accounts.account import Account, OrderKind, Outcome, Side
from paper_exchange.accounts.funding import FUNDING_INTERVAL_MS
from paper_exchange.markets.candles import Bar
from paper_exchange.markets.quotes import Stamp
from paper_exchange.matching.conditional import place_algo_order
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.resting import amend_order
from paper_exchange.matching.triggers import bring_up_to_date, is_up_to_date
from paper_exchange.requests.requests import AlgoRequest, Amendment, OrderReference, OrderRequest
from tests.support.quotes import AHEAD_MS, MINUTE_MS, ListedQuotes, account, bar

HALF = MINUTE_MS // 2
STILL = bar(0, "100", "100", "100", "100")


def limit(side: Side, price: str) -> OrderRequest:
    return OrderRequest("BTCUSDT", side, OrderKind.LIMIT, Decimal(1), Decimal(price), "GTC", False, "limit")


def stop(trigger: str, callback_rate: str = "0") -> AlgoRequest:
    kind = OrderKind.STOP_MARKET if callback_rate == "0" else OrderKind.TRAILING_STOP_MARKET
    request = AlgoRequest("BTCUSDT", Side.SELL, kind, Decimal(1), Decimal(trigger), True, False, "CONTRACT_PRICE", "stop")
    return replace(request, callback_rate=Decimal(callback_rate))


def at(bars: list[Bar], market_ms: int) -> ListedQuotes:
    return ListedQuotes({"BTCUSDT": bars}, market_ms)


def stamp(market: ListedQuotes) -> Stamp:
    """Wall time as it then was."""
    return Stamp("key", market.dated(market.now_ms))


def looked_at(state: Account, market: ListedQuotes) -> Outcome:
    outcome = Outcome(state)
    while not is_up_to_date(outcome.account, market):
        outcome = outcome.then(bring_up_to_date(outcome.account, market, market.dated))
    return outcome


def holding(bars: list[Bar], balance: int = 1_000_000) -> Account:
    """A long of 1, opened at the first candle's close."""
    market = at(bars, MINUTE_MS)
    state = account(balance, evaluated_ms=MINUTE_MS)
    request = OrderRequest("BTCUSDT", Side.BUY, OrderKind.MARKET, Decimal(1), Decimal(0), "GTC", False, "")
    return place_order(state, request, market, stamp(market))[0].account


def test_a_limit_order_does_not_fill_from_the_candle_in_which_it_was_placed() -> None:
    bars = [STILL, bar(1, "100", "101", "90", "100"), bar(2, "100", "100", "94", "96")]
    midway = at(bars, MINUTE_MS + HALF)
    state = looked_at(account(evaluated_ms=MINUTE_MS), midway).account
    state = place_order(state, limit(Side.BUY, "95"), midway, stamp(midway))[0].account
    first = looked_at(state, midway.at(2 * MINUTE_MS))
    assert first.fills == ()
    second = looked_at(first.account, midway.at(3 * MINUTE_MS))
    assert [(fill.price, fill.time_ms) for fill in second.fills] == [(Decimal(95), AHEAD_MS + 3 * MINUTE_MS - 1)]


def test_the_close_of_that_candle_is_after_the_order() -> None:
    bars = [STILL, bar(1, "100", "101", "90", "94")]
    midway = at(bars, MINUTE_MS + HALF)
    state = place_order(account(evaluated_ms=MINUTE_MS), limit(Side.BUY, "95"), midway, stamp(midway))[0].account
    assert [fill.price for fill in looked_at(state, midway.at(2 * MINUTE_MS)).fills] == [Decimal(95)]


@pytest.mark.parametrize(("close", "price"), [("98", None), ("93", "93")])
def test_a_stop_sees_only_the_close_of_the_candle_in_which_it_was_placed(close: str, price: str | None) -> None:
    bars = [STILL, bar(1, "100", "100", "90", close)]
    midway = at(bars, MINUTE_MS + HALF)
    state = place_algo_order(holding(bars), stop("95"), midway, stamp(midway))[0].account
    fills = looked_at(state, midway.at(2 * MINUTE_MS)).fills
    assert [fill.price for fill in fills] == ([] if price is None else [Decimal(price)])


def test_a_trailing_stop_does_not_follow_prices_before_it() -> None:
    bars = [STILL, bar(1, "100", "120", "100", "104"), bar(2, "104", "104", "103", "103.5")]
    midway = at(bars, MINUTE_MS + HALF)
    state = place_algo_order(holding(bars), stop("0", callback_rate="2"), midway, stamp(midway))[0].account
    (trailing,) = looked_at(state, midway.at(3 * MINUTE_MS)).account.algo_orders.values()
    assert trailing.extreme == Decimal(104)


def test_new_terms_count_from_when_they_were_given() -> None:
    bars = [STILL, bar(1, "100", "101", "90", "100"), bar(2, "100", "100", "99", "99")]
    early, midway = at(bars, MINUTE_MS), at(bars, MINUTE_MS + HALF)
    state = place_order(account(evaluated_ms=MINUTE_MS), limit(Side.BUY, "85"), early, stamp(early))[0].account
    terms = Amendment("BTCUSDT", Side.BUY, Decimal(1), Decimal(95))
    state = amend_order(state, terms, OrderReference(None, "limit"), midway, stamp(midway))[0].account
    assert looked_at(state, midway.at(3 * MINUTE_MS)).fills == ()


def test_a_position_is_not_liquidated_by_prices_before_it() -> None:
    bars = [STILL, bar(1, "100", "100", "50", "100"), bar(2, "100", "100", "99", "99")]
    midway = at(bars, MINUTE_MS + HALF)
    state = account(20, evaluated_ms=MINUTE_MS)
    request = OrderRequest("BTCUSDT", Side.BUY, OrderKind.MARKET, Decimal(1), Decimal(0), "GTC", False, "")
    state = place_order(state, request, midway, stamp(midway))[0].account
    assert looked_at(state, midway.at(3 * MINUTE_MS)).account.position("BTCUSDT").amount == 1
    assert looked_at(holding(bars, 20), midway.at(3 * MINUTE_MS)).account.position("BTCUSDT").amount == 0


def test_what_sees_only_the_close_comes_after_what_saw_the_candle() -> None:
    bars = [STILL, bar(1, "100", "110", "90", "92")]
    early, midway = at(bars, MINUTE_MS), at(bars, MINUTE_MS + HALF)
    state = place_algo_order(holding(bars), stop("91"), early, stamp(early))[0].account
    state = place_order(state, replace(limit(Side.BUY, "93"), client_id="late"), midway, stamp(midway))[0].account
    fills = looked_at(state, midway.at(2 * MINUTE_MS)).fills
    assert [(fill.client_order_id, fill.price) for fill in fills] == [("stop", Decimal(91)), ("late", Decimal(93))]


def test_a_fill_is_dated_within_its_candle_however_late_the_look() -> None:
    bars = [STILL, bar(1, "100", "100", "94", "96"), *(bar(minute, "96", "96", "96", "96") for minute in range(2, 600))]
    market = at(bars, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), limit(Side.BUY, "95"), market, stamp(market))[0].account
    outcome = looked_at(state, market.at(500 * MINUTE_MS))
    (fill,), (filled,) = outcome.fills, outcome.orders
    assert MINUTE_MS <= fill.time_ms - AHEAD_MS < 2 * MINUTE_MS
    assert filled.updated_ms == fill.time_ms == outcome.account.position("BTCUSDT").updated_ms


def test_funding_is_dated_when_it_was_due() -> None:
    begun = FUNDING_INTERVAL_MS - 5 * MINUTE_MS
    bars = [replace(STILL, open_ms=begun + minute * MINUTE_MS) for minute in range(600)]
    market = ListedQuotes({"BTCUSDT": bars}, begun + MINUTE_MS, rate=Decimal("0.001"))
    request = OrderRequest("BTCUSDT", Side.BUY, OrderKind.MARKET, Decimal(1), Decimal(0), "GTC", False, "")
    state = place_order(account(evaluated_ms=market.now_ms), request, market, stamp(market))[0].account
    outcome = looked_at(state, market.at(FUNDING_INTERVAL_MS + 500 * MINUTE_MS))
    assert [income.time_ms for income in outcome.incomes] == [
        AHEAD_MS + FUNDING_INTERVAL_MS,
        AHEAD_MS + 2 * FUNDING_INTERVAL_MS,
    ]


def test_dates_ascend_with_ids_where_an_order_came_in_between() -> None:
    """The clock of a stepped market jumps, so a candle's instant may lie before an order that was placed after the last jump."""
    bars = [STILL, bar(1, "100", "100", "94", "96")]
    market = at(bars, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), limit(Side.BUY, "95"), market, stamp(market))[0].account
    late = Stamp("key", market.dated(10 * MINUTE_MS))
    request = OrderRequest("BTCUSDT", Side.BUY, OrderKind.MARKET, Decimal(1), Decimal(0), "GTC", False, "")
    taken = place_order(state, request, market, late)[0]
    found = looked_at(taken.account, market.at(2 * MINUTE_MS))
    assert [fill.time_ms for fill in (*taken.fills, *found.fills)] == [late.wall_ms] * 2
