"""The effect of candles on waiting orders: the assumed path inside a candle, which does not depend on the time of a look."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from paper_exchange.accounts.account import (
    Account,
    AlgoStatus,
    OrderKind,
    OrderStatus,
    Outcome,
    PositionSide,
    Side,
    SymbolSettings,
)
from paper_exchange.accounts.funding import FUNDING_INTERVAL_MS
from paper_exchange.errors import VenueError
from paper_exchange.markets.candles import Bar
from paper_exchange.matching.conditional import place_algo_order
from paper_exchange.matching.liquidation import at_risk, liquidations
from paper_exchange.matching.matching import place_order
from paper_exchange.matching.triggers import MAX_CLOSED_A_STEP, bring_up_to_date
from paper_exchange.requests.requests import AlgoRequest, OrderRequest
from tests.support.quotes import MINUTE_MS, STAMP, ListedQuotes, account, bar, market

STILL = bar(0, "100", "100", "100", "100")


def order(
    side: Side, quantity: str = "1", price: str = "0", *, symbol: str = "BTCUSDT", reduce_only: bool = False
) -> OrderRequest:
    kind = OrderKind.LIMIT if price != "0" else OrderKind.MARKET
    return OrderRequest(symbol, side, kind, Decimal(quantity), Decimal(price), "GTC", reduce_only, "")


def algo(kind: OrderKind, side: Side, trigger: str, quantity: str = "1", *, symbol: str = "BTCUSDT") -> AlgoRequest:
    return AlgoRequest(
        symbol, side, kind, Decimal(quantity), Decimal(trigger), True, False, "CONTRACT_PRICE", f"{kind}@{trigger}"
    )


def looked_at(state: Account, quotes: ListedQuotes) -> Outcome:
    """Evaluated until the clock's time, in as many steps as it takes."""
    outcome = Outcome(state)
    while outcome.account.evaluated_ms < quotes.now_ms:
        outcome = outcome.then(bring_up_to_date(outcome.account, quotes, quotes.dated))
    return outcome


def placed(state: Account, request: AlgoRequest | OrderRequest, quotes: ListedQuotes) -> Account:
    if isinstance(request, AlgoRequest):
        return place_algo_order(state, request, quotes, STAMP)[0].account
    return place_order(state, request, quotes, STAMP)[0].account


def long_with(*orders: AlgoRequest | OrderRequest, then: Bar) -> Outcome:
    """A long of 1 at 100 with orders around it, after one more candle."""
    quotes = ListedQuotes({"BTCUSDT": [STILL, then]}, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), order(Side.BUY), quotes, STAMP)[0].account
    for request in orders:
        state = placed(state, request, quotes)
    return looked_at(state, quotes.at(2 * MINUTE_MS))


STOP = algo(OrderKind.STOP_MARKET, Side.SELL, "95")
TARGET = algo(OrderKind.TAKE_PROFIT_MARKET, Side.SELL, "105")


@pytest.mark.parametrize(
    ("candle", "price", "finished"),
    [
        (bar(1, "100", "104", "96", "100"), None, None),
        (bar(1, "100", "100", "95", "97"), "95", "STOP_MARKET@95"),
        (bar(1, "100", "105", "100", "101"), "105", "TAKE_PROFIT_MARKET@105"),
        (bar(1, "100", "106", "94", "100"), "95", "STOP_MARKET@95"),
        (bar(1, "90", "93", "88", "91"), "90", "STOP_MARKET@95"),
        (bar(1, "108", "110", "107", "109"), "108", "TAKE_PROFIT_MARKET@105"),
        (bar(1, "108", "110", "90", "92"), "108", "TAKE_PROFIT_MARKET@105"),
    ],
    ids=["neither", "stop", "target", "both: stop first", "gap below", "gap above", "gap above, then down"],
)
def test_which_order_a_candle_reaches_first(candle: Bar, price: str | None, finished: str | None) -> None:
    outcome = long_with(TARGET, STOP, then=candle)
    assert [str(fill.price.normalize()) for fill in outcome.fills] == ([f"{Decimal(price).normalize()}"] if price else [])
    done = [algo.client_algo_id for algo in outcome.algo_orders if algo.status is AlgoStatus.FINISHED]
    assert done == ([finished] if finished else [])


def test_a_short_mirrors_a_long() -> None:
    quotes = ListedQuotes({"BTCUSDT": [STILL, bar(1, "100", "106", "94", "100")]}, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), order(Side.SELL), quotes, STAMP)[0].account
    for request in (algo(OrderKind.TAKE_PROFIT_MARKET, Side.BUY, "95"), algo(OrderKind.STOP_MARKET, Side.BUY, "105")):
        state = place_algo_order(state, request, quotes, STAMP)[0].account
    outcome = looked_at(state, quotes.at(2 * MINUTE_MS))
    assert [(fill.price, fill.realized) for fill in outcome.fills] == [(Decimal(105), Decimal(-5))]


def test_a_stop_below_an_entry_that_the_same_candle_fills_protects_it() -> None:
    quotes = ListedQuotes({"BTCUSDT": [STILL, bar(1, "100", "100", "90", "92")]}, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), order(Side.BUY, price="98"), quotes, STAMP)[0].account
    state = place_algo_order(state, STOP, quotes, STAMP)[0].account
    outcome = looked_at(state, quotes.at(2 * MINUTE_MS))
    assert [fill.price for fill in outcome.fills] == [Decimal(98), Decimal(95)]
    assert outcome.account.position("BTCUSDT").amount == 0


def test_a_candle_that_only_touches_a_resting_order_does_not_fill_it() -> None:
    touched = long_with(order(Side.BUY, price="95"), then=bar(1, "100", "100", "95", "100"))
    through = long_with(order(Side.BUY, price="95"), then=bar(1, "100", "100", "94.9", "100"))
    assert (len(touched.fills), [fill.price for fill in through.fills]) == (0, [Decimal(95)])


def test_a_resting_order_that_only_reduces_expires_without_a_position() -> None:
    closing = order(Side.SELL, price="104", reduce_only=True)
    outcome = long_with(closing, algo(OrderKind.TAKE_PROFIT_MARKET, Side.SELL, "103"), then=bar(1, "100", "105", "100", "105"))
    assert [row.status for row in outcome.orders] == [OrderStatus.EXPIRED, OrderStatus.FILLED]


def test_slippage_is_always_against_the_order() -> None:
    spread = market(half_spread_bps=Decimal(10))
    quotes = ListedQuotes({"BTCUSDT": [STILL, bar(1, "100", "100", "94", "95")]}, MINUTE_MS, {"BTCUSDT": spread})
    state = place_order(account(evaluated_ms=MINUTE_MS), order(Side.BUY), quotes, STAMP)[0].account
    state = place_algo_order(state, STOP, quotes, STAMP)[0].account
    fills = looked_at(state, quotes.at(2 * MINUTE_MS)).fills
    assert state.position("BTCUSDT").entry_price == Decimal("100.1")
    assert fills[0].price == Decimal("94.9")


def test_a_step_closes_no_more_orders_than_a_transaction_holds() -> None:
    quotes = ListedQuotes({"BTCUSDT": [STILL, bar(1, "100", "100", "80", "80")]}, MINUTE_MS)
    state = account(evaluated_ms=MINUTE_MS)
    for number in range(40):
        request = order(Side.BUY, price=str(Decimal(99) - Decimal(number) / 10))
        state = place_order(state, request, quotes, STAMP)[0].account
    later = quotes.at(2 * MINUTE_MS)
    first = bring_up_to_date(state, later, later.dated)
    assert (first.closed, first.account.evaluated_ms < later.now_ms) == (MAX_CLOSED_A_STEP, True)
    everything = looked_at(state, later)
    assert [fill.price for fill in everything.fills] == sorted((fill.price for fill in everything.fills), reverse=True)
    assert len(everything.fills) == 40


SIDES = st.sampled_from([PositionSide.LONG, PositionSide.SHORT])
prices = st.integers(850, 1150).map(lambda tenths: Decimal(tenths) / 10)


@st.composite
def walks(draw: st.DrawFn) -> list[Bar]:
    """Candles with any gaps between them, the first one still."""
    bars = [STILL]
    for minute in range(1, draw(st.integers(2, 12))):
        four = [draw(prices) for _ in range(4)]
        bars.append(Bar(minute * MINUTE_MS, four[0], max(four), min(four), four[3], Decimal(1)))
    return bars


def _limit(draw: st.DrawFn, symbol: str, side: Side, distance: Decimal, name: str) -> OrderRequest:
    price = 100 - distance if side is Side.BUY else 100 + distance
    price = min(max(price, Decimal(95)), Decimal(105))
    quantity = Decimal(draw(st.integers(1, 3)))
    return OrderRequest(symbol, side, OrderKind.LIMIT, quantity, price, "GTC", draw(st.booleans()), name)


def _conditional(draw: st.DrawFn, kind: OrderKind, symbol: str, side: Side, distance: Decimal, name: str) -> AlgoRequest:
    above = kind.is_stop == (side is Side.BUY)
    trigger = 100 + distance if above else 100 - distance
    trails = kind is OrderKind.TRAILING_STOP_MARKET
    activation = (100 - distance if side is Side.BUY else 100 + distance) if draw(st.booleans()) else Decimal(0)
    return AlgoRequest(
        symbol,
        side,
        kind,
        Decimal(draw(st.integers(1, 3))),
        Decimal(0) if trails else trigger,
        draw(st.booleans()),
        close_position=False,
        working_type="CONTRACT_PRICE",
        client_id=name,
        time_in_force=draw(st.sampled_from(["GTC", "IOC", "FOK", "GTX"])) if kind.becomes_limit else "GTC",
        price=trigger + Decimal(draw(st.integers(-20, 20))) / 10 if kind.becomes_limit else Decimal(0),
        activate_price=activation if trails else Decimal(0),
        callback_rate=Decimal(draw(st.integers(1, 60))) / 10 if trails else Decimal(0),
    )


@st.composite
def waiting_orders(draw: st.DrawFn) -> list[AlgoRequest | OrderRequest]:
    """Orders of every kind that waits, on either side of 100, in two symbols."""
    requests: list[AlgoRequest | OrderRequest] = []
    for number in range(draw(st.integers(1, 7))):
        side = draw(st.sampled_from(Side))
        symbol = draw(st.sampled_from(["BTCUSDT", "ETHUSDT"]))
        distance = Decimal(draw(st.integers(1, 120))) / 10
        kind = draw(st.sampled_from([kind for kind in OrderKind if kind is not OrderKind.MARKET]))
        if kind is OrderKind.LIMIT:
            requests.append(_limit(draw, symbol, side, distance, f"limit{number}"))
        else:
            requests.append(_conditional(draw, kind, symbol, side, distance, f"algo{number}"))
    return requests


@st.composite
def conditions(draw: st.DrawFn) -> tuple[int, Decimal, Decimal, bool]:
    """A balance (the smallest one is soon liquidated), a funding rate, a share of the volume, isolated margin or not."""
    balance = draw(st.sampled_from([18, 25, 900, 1_000_000]))
    rate = draw(st.sampled_from([Decimal(0), Decimal("0.002"), Decimal("-0.002")]))
    return balance, rate, draw(st.sampled_from([Decimal(0), Decimal("0.7")])), draw(st.booleans())


FUNDING_AT = 5 * MINUTE_MS  # into the candles: their first minute is moved so that a funding time falls there


@pytest.mark.slow
@settings(max_examples=120)
@given(walks(), walks(), waiting_orders(), st.lists(st.integers(1, 12 * MINUTE_MS), max_size=8), conditions())
def test_the_result_does_not_depend_on_when_anybody_looks(
    first: list[Bar],
    second: list[Bar],
    requests: list[AlgoRequest | OrderRequest],
    looks: list[int],
    given_conditions: tuple[int, Decimal, Decimal, bool],
) -> None:
    balance, rate, share, isolated = given_conditions
    begun = FUNDING_INTERVAL_MS - FUNDING_AT
    moved = [[replace(bar, open_ms=bar.open_ms + begun) for bar in bars] for bars in (first, second)]
    specs = {symbol: market(symbol, volume_share=share) for symbol in ("BTCUSDT", "ETHUSDT")}
    bars = dict(zip(specs, moved, strict=True))
    quotes = ListedQuotes(bars, begun + MINUTE_MS, specs, rate)
    state = replace(
        account(balance, evaluated_ms=quotes.now_ms),
        settings={symbol: SymbolSettings(isolated=isolated) for symbol in specs},
    )
    state = place_order(state, order(Side.BUY, "2"), quotes, STAMP)[0].account
    with suppress(VenueError):
        state = place_order(state, order(Side.SELL, "1", symbol="ETHUSDT"), quotes, STAMP)[0].account
    for request in requests:
        with suppress(VenueError):  # no margin, reached already, or nothing to reduce
            state = placed(state, request, quotes)
    end = quotes.at(begun + 13 * MINUTE_MS)
    at_once = looked_at(state, end)
    often = Outcome(state)
    for moment in sorted({MINUTE_MS + look for look in looks if look <= 12 * MINUTE_MS}):
        often = often.then(looked_at(often.account, end.at(begun + moment)))
    often = often.then(looked_at(often.account, end))
    assert often == at_once


@pytest.mark.slow
@settings(max_examples=80)
@given(walks(), waiting_orders(), st.lists(SIDES, min_size=7), st.sampled_from([30, 900]))
def test_sides_never_mix_and_never_turn_around(
    bars: list[Bar], requests: list[AlgoRequest | OrderRequest], sides: list[PositionSide], balance: int
) -> None:
    quotes = ListedQuotes({"BTCUSDT": bars, "ETHUSDT": bars}, MINUTE_MS)
    state = replace(account(balance, evaluated_ms=MINUTE_MS), hedged=True)
    for side, position_side in ((Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)):
        state = placed(state, replace(order(side, "2"), position_side=position_side), quotes)
    for request, position_side in zip(requests, sides, strict=False):
        with suppress(VenueError):  # no margin, reached already, or more than there is to close
            state = placed(state, replace(request, position_side=position_side, reduce_only=False), quotes)
    for minute in (3, 13):
        state = looked_at(state, quotes.at(minute * MINUTE_MS)).account
        for symbol in ("BTCUSDT", "ETHUSDT"):
            assert state.position(symbol, PositionSide.LONG).amount >= 0 >= state.position(symbol, PositionSide.SHORT).amount
            assert not state.position(symbol).amount


@pytest.mark.slow
@settings(max_examples=100, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(walks(), walks(), st.integers(12, 120), st.booleans())
def test_what_is_not_looked_at_closely_could_not_have_been_liquidated(
    first: list[Bar], second: list[Bar], balance: int, isolated: bool
) -> None:
    quotes = ListedQuotes({"BTCUSDT": first, "ETHUSDT": second}, MINUTE_MS)
    state = replace(
        account(balance, evaluated_ms=MINUTE_MS),
        settings={symbol: SymbolSettings(isolated=isolated) for symbol in ("BTCUSDT", "ETHUSDT")},
    )
    state = place_order(state, order(Side.BUY, "1"), quotes, STAMP)[0].account
    with suppress(VenueError):
        state = place_order(state, order(Side.SELL, "1", symbol="ETHUSDT"), quotes, STAMP)[0].account
    later = quotes.at(13 * MINUTE_MS)
    assume(not at_risk(state, later))
    for minute in range(2, 14):
        seen = quotes.at(minute * MINUTE_MS)
        closed = {symbol: bars[-1] for symbol in seen.bars if (bars := seen.closed_bars(symbol, (minute - 1) * MINUTE_MS))}
        for due in liquidations(state, seen):
            candle = closed.get(due.symbol)
            assert candle is None or not (candle.high >= due.price if due.above else candle.low <= due.price)


@pytest.mark.slow
@settings(max_examples=100)
@given(walks(), waiting_orders())
def test_what_only_reduces_never_turns_a_position_around(bars: list[Bar], requests: list[AlgoRequest | OrderRequest]) -> None:
    quotes = ListedQuotes({"BTCUSDT": bars, "ETHUSDT": bars}, MINUTE_MS)
    state = place_order(account(evaluated_ms=MINUTE_MS), order(Side.BUY, "2"), quotes, STAMP)[0].account
    for request in requests:
        if isinstance(request, AlgoRequest):
            state = place_algo_order(state, replace(request, reduce_only=True), quotes, STAMP)[0].account
    outcome = looked_at(state, quotes.at(13 * MINUTE_MS))
    assert 0 <= outcome.account.position("BTCUSDT").amount <= 2
    assert outcome.account.position("ETHUSDT").amount == 0
