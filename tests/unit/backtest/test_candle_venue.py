"""The venue of candles fills orders at the prices, in the order and for the fees that a person finds with a pencil."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.candle_venue import Bar, CandleVenue, Fees, Moment
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import OrderType, Side, TimeInForce
from candlecast.domain.venue.reports import OrderRequest, VenueOrder, VenueOrderStatus
from tests.support.builders import NOW, a_market

D = Decimal
FEES = Fees(maker=D("0.0002"), taker=D("0.0005"))


def bar(opened: str, high: str, low: str, close: str, row: int = 0) -> Bar:
    begin = NOW + timedelta(minutes=row)
    return Bar(row, begin, begin + timedelta(minutes=1), D(opened), D(high), D(low), D(close))


def a_venue(**changes: Any) -> CandleVenue:
    return CandleVenue(**{"market": a_market(), "fees": FEES, "slippage": Slippage(), **changes})


def order(name: str, side: Side, kind: OrderType, **changes: Any) -> OrderRequest:
    values: dict[str, Any] = {"market": "BTC/USDT:USDT", "quantity": D(2), "reduce_only": kind is not OrderType.LIMIT, **changes}
    return OrderRequest(client_order_id=name, side=side, order_type=kind, **values)


def stop(name: str = "stop", side: Side = Side.SELL, at: str = "90", **changes: Any) -> OrderRequest:
    return order(name, side, OrderType.STOP_MARKET, trigger_price=D(at), **changes)


def target(name: str = "target", side: Side = Side.SELL, at: str = "110", **changes: Any) -> OrderRequest:
    return order(name, side, OrderType.TAKE_PROFIT_MARKET, trigger_price=D(at), **changes)


def bracketed(candle: Bar, *orders: OrderRequest, held: int = 2, **changes: Any) -> list[tuple[str, Decimal]]:
    """Ids and prices of all fills of a candle, with these orders in the book of a venue that holds so much."""
    venue = a_venue(held=D(held), **changes)
    venue.begin(candle, Moment.OPEN)
    for request in orders:
        venue.create_order(request)
    for moment in (Moment.OPEN, Moment.INSIDE):
        venue.begin(candle, moment)
        drain(venue)
    while venue.end() is not None:
        pass
    return [(fill.order.client_order_id, fill.price) for fill in venue.fills]


def drain(venue: CandleVenue) -> list[VenueOrder]:
    return list(iter(venue.next_fill, None))


@pytest.mark.parametrize(
    ("candle", "expected"),
    [
        (bar("100", "111", "89", "100"), ("stop", D(90))),  # both inside: the stop
        (bar("100", "111", "91", "100"), ("target", D(110))),
        (bar("88", "111", "87", "100"), ("stop", D(88))),  # opens beyond
        (bar("112", "113", "89", "100"), ("target", D(112))),
        (bar("100", "110", "91", "100"), ("target", D(110))),  # just reached
        (bar("100", "109", "90", "100"), ("stop", D(90))),
    ],
)
def test_a_stop_comes_before_a_target_and_a_gap_fills_at_the_open(candle: Bar, expected: tuple[str, Decimal]) -> None:
    assert bracketed(candle, target(), stop())[0] == expected


@pytest.mark.parametrize(
    ("candle", "expected"),
    [
        (bar("100", "111", "89", "100"), ("stop", D(110))),
        (bar("112", "113", "100", "100"), ("stop", D(112))),
        (bar("88", "100", "87", "100"), ("target", D(88))),
        (bar("100", "109", "89", "100"), ("target", D(90))),
    ],
)
def test_a_short_position_is_the_mirror(candle: Bar, expected: tuple[str, Decimal]) -> None:
    orders = target(side=Side.BUY, at="90"), stop(side=Side.BUY, at="110")
    assert bracketed(candle, *orders, held=-2)[0] == expected


def test_nothing_is_filled_between_the_levels() -> None:
    assert bracketed(bar("100", "109.9", "90.1", "100"), stop(), target()) == []


def test_a_ladder_is_filled_from_the_nearest_rung() -> None:
    rungs = [target(f"rung {at}", at=at, quantity=D(1)) for at in ("120", "110")]
    assert bracketed(bar("100", "125", "95", "110"), *rungs, stop()) == [("rung 110", D(110)), ("rung 120", D(120))]


def test_an_order_that_only_reduces_closes_no_more_than_is_held() -> None:
    venue = a_venue(held=D(1))
    venue.begin(bar("100", "101", "89", "95"), Moment.INSIDE)
    venue.create_order(stop())
    (filled,) = drain(venue)
    assert (filled.filled_quantity, venue.held) == (D(1), D(0))
    venue.create_order(stop("second"))
    assert [each.status for each in drain(venue)] == [VenueOrderStatus.CANCELLED]


def test_a_limit_that_adds_is_filled_on_the_way_to_the_stop() -> None:
    add = order("add", Side.BUY, OrderType.LIMIT, price=D(95))
    assert bracketed(bar("100", "101", "89", "95"), stop(quantity=D(4)), add) == [("add", D(95)), ("stop", D(90))]


def test_an_order_that_was_placed_inside_a_candle_gains_by_the_close_alone() -> None:
    for close, expected in (("109", []), ("110", [("target", D(110))])):
        venue = a_venue(held=D(2))
        venue.begin(bar("100", "115", "95", close), Moment.INSIDE)
        venue.create_order(target())
        drain(venue)
        assert [(fill.order.client_order_id, fill.price) for fill in venue.fills] == expected


def test_a_stop_that_was_placed_inside_a_candle_loses_by_all_of_it() -> None:
    venue = a_venue(held=D(2))
    venue.begin(bar("100", "115", "89", "112"), Moment.INSIDE)
    venue.create_order(stop())
    assert [each.average_price for each in drain(venue)] == [D(90)]


def test_a_limit_order_pays_the_maker_only_after_it_has_rested() -> None:
    venue = a_venue()
    venue.begin(bar("100", "101", "94", "95"), Moment.OPEN)
    at_once = venue.create_order(order("crosses", Side.BUY, OrderType.LIMIT, price=D(105)))
    assert (at_once.average_price, at_once.fee) == (D(100), D("0.1"))  # 2 x 100 x 0.0005
    assert venue.create_order(order("rests", Side.BUY, OrderType.LIMIT, price=D(95))).status is VenueOrderStatus.OPEN
    venue.begin(bar("100", "101", "94", "95"), Moment.INSIDE)
    (filled,) = drain(venue)
    assert (filled.average_price, filled.fee) == (D(95), D("0.038"))  # 2 x 95 x 0.0002


def test_a_resting_limit_order_keeps_its_price_in_a_gap() -> None:
    venue = a_venue()
    venue.begin(bar("100", "101", "99", "100"), Moment.OPEN)
    venue.create_order(order("rests", Side.BUY, OrderType.LIMIT, price=D(95)))
    venue.begin(bar("90", "91", "89", "90", row=1), Moment.OPEN)
    assert [each.average_price for each in drain(venue)] == [D(95)]


@pytest.mark.parametrize(
    ("candle", "price", "fee"),
    [
        (bar("100", "111", "99", "100"), "110", "0.044"),  # it has rested: 2 x 110 x 0.0002
        (bar("112", "113", "111", "112"), "111.9", "0.1119"),  # beyond at the open: 2 x 111.9 x 0.0005, a tick of slippage
        (bar("110", "113", "109", "112"), "110", "0.11"),  # never below its own limit
    ],
)
def test_a_limited_target_pays_the_taker_at_an_opening_gap_alone(candle: Bar, price: str, fee: str) -> None:
    venue = a_venue(held=D(2), slippage=Slippage(half_spread=D("0.1")))
    venue.begin(bar("100", "101", "99", "100"), Moment.CLOSE)
    venue.create_order(order("target", Side.SELL, OrderType.TAKE_PROFIT_LIMIT, trigger_price=D(110), price=D(110)))
    found = []
    for moment in (Moment.OPEN, Moment.INSIDE):
        venue.begin(candle, moment)
        found += drain(venue)
    assert [(each.average_price, each.fee) for each in found] == [(D(price), D(fee))]


@pytest.mark.parametrize(
    "terms", [{"price": D(105), "post_only": True}, *({"price": D(95), "time_in_force": each} for each in ("IOC", "FOK"))]
)
def test_a_limit_order_ends_by_its_own_terms(terms: dict[str, Any]) -> None:
    venue = a_venue()
    venue.begin(bar("100", "101", "90", "95"), Moment.OPEN)
    terms = {**terms, "time_in_force": TimeInForce(terms.get("time_in_force", "GTC"))}
    assert venue.create_order(order("ends", Side.BUY, OrderType.LIMIT, **terms)).status is VenueOrderStatus.CANCELLED
    assert venue.levels() == (None, None)


def test_a_stop_entry_is_filled_at_its_trigger_and_a_stop_limit_never_beyond_its_limit() -> None:
    entry = stop("entry", Side.BUY, "105", reduce_only=False)
    assert bracketed(bar("100", "106", "99", "100"), entry, held=0) == [("entry", D(105))]
    limited = order("limited", Side.BUY, OrderType.STOP_LIMIT, trigger_price=D(105), price=D("105.3"), reduce_only=False)
    slipping = Slippage(bps=D(100))
    assert bracketed(bar("100", "106", "99", "100"), limited, held=0, slippage=slipping) == [("limited", D("105.3"))]


def test_a_stop_limit_that_opens_beyond_its_limit_waits_for_it() -> None:
    limited = order("limited", Side.BUY, OrderType.STOP_LIMIT, trigger_price=D(105), price=D(106), reduce_only=False)
    assert bracketed(bar("108", "109", "107", "108"), limited, held=0) == []
    assert bracketed(bar("108", "109", "105", "108"), limited, held=0) == [("limited", D(106))]


def test_an_entry_is_not_filled_after_its_end() -> None:
    for seconds, expected in ((59, []), (60, [D(95)])):
        venue = a_venue()
        venue.begin(bar("100", "101", "94", "95"), Moment.OPEN)
        rests = order("rests", Side.BUY, OrderType.LIMIT, price=D(95))
        venue.create_order(rests, until=NOW + timedelta(seconds=seconds))
        venue.begin(bar("100", "101", "94", "95"), Moment.INSIDE)
        assert [each.average_price for each in drain(venue)] == expected


def test_slippage_adds_up_against_the_order_and_stays_on_the_tick() -> None:
    slippage = Slippage(bps=D(10), half_spread=D("0.05"), range_share=D("0.01"))  # 0.1 + 0.05 + 0.2 at a price of 100
    venue = a_venue(slippage=slippage)
    venue.begin(bar("100", "110", "90", "100"), Moment.OPEN)
    bought = venue.create_order(order("buy", Side.BUY, OrderType.MARKET, reduce_only=False))
    sold = venue.create_order(order("sell", Side.SELL, OrderType.MARKET))
    assert (bought.average_price, sold.average_price) == (D("100.4"), D("99.6"))  # 0.35, on the tick of 0.1 against the order


def test_the_noise_of_a_float_costs_no_tick() -> None:
    venue = a_venue()
    venue.begin(bar("100.00000000000001", "101", "99", "100"), Moment.OPEN)
    assert venue.create_order(order("buy", Side.BUY, OrderType.MARKET, reduce_only=False)).average_price == D(100)


def test_a_trailing_stop_follows_the_best_price_of_earlier_candles() -> None:
    venue = a_venue(held=D(2))
    trailing = order("trailing", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D(5))
    venue.begin(bar("100", "120", "96", "119"), Moment.OPEN)
    venue.create_order(trailing)
    venue.begin(bar("100", "120", "96", "119"), Moment.INSIDE)
    assert (drain(venue), venue.end()) == ([], None)  # 95 was not reached, and 114 would be above the low by chance only
    venue.begin(bar("119", "121", "113", "118", row=1), Moment.INSIDE)
    assert [each.average_price for each in drain(venue)] == [D(114)]


def test_a_trailing_stop_is_filled_where_a_close_proves_it() -> None:
    trailing = order("trailing", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D(5))
    assert bracketed(bar("100", "120", "96", "113"), trailing) == [("trailing", D(113))]


def test_a_trailing_stop_follows_an_open_above_its_best_price() -> None:
    venue = a_venue(held=D(2))
    trailing = order("trailing", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D(5))
    venue.begin(bar("100", "101", "99", "100"), Moment.OPEN)
    venue.create_order(trailing)
    venue.begin(bar("110", "111", "104", "110", row=1), Moment.INSIDE)
    assert [each.average_price for each in drain(venue)] == [D("104.5")]  # 5 % below 110, and not 95: every path begins at 110


def test_a_trailing_stop_earns_nothing_in_a_market_without_drift() -> None:
    """Candles of a fine random walk, wider than the callback. A gain in the mean would be invented."""
    steps, step = 900, 1 / 3_000
    moves = np.random.default_rng(0).normal(-step * step / 2, step, 4_000 * steps)
    paths = 100 * np.exp(np.cumsum(moves)).reshape(-1, steps)
    rows = np.column_stack((paths[:, 0], paths.max(axis=1), paths.min(axis=1), paths[:, -1]))
    venue, entered, gains = a_venue(market=a_market(price_step=D("1E-8"))), D(0), list[float]()
    for row, prices in enumerate(rows):
        opened, high, low, close = (f"{price:.8f}" for price in prices)
        candle = bar(opened, high, low, close, row=row)
        venue.begin(candle, Moment.OPEN)
        drain(venue)
        if not venue.held:
            venue.fills.clear()
            venue.create_order(order(f"in{row}", Side.BUY, OrderType.MARKET, reduce_only=False))
            venue.create_order(order(f"out{row}", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D("0.5")))
            entered = candle.open
        venue.begin(candle, Moment.INSIDE)
        drain(venue)
        venue.end()
        if not venue.held:
            gains.append(float(venue.fills[-1].price / entered - 1))
    assert len(gains) > 1_000
    jumped = 0.6 * step  # the mean distance by which a walk of such steps jumps over a level
    assert np.mean(gains) < jumped + 2 * np.std(gains) / math.sqrt(len(gains))


def test_a_trailing_stop_with_an_activation_follows_from_there() -> None:
    trailing = order("trailing", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D(5), trigger_price=D(110))
    assert bracketed(bar("100", "109", "80", "81"), trailing) == []
    assert bracketed(bar("100", "112", "99", "106"), trailing) == [("trailing", D(106))]


def test_levels_are_the_nearest_prices_that_matter() -> None:
    venue = a_venue(held=D(2))
    venue.begin(bar("100", "101", "99", "100"), Moment.CLOSE)
    assert venue.levels() == (None, None)
    for request in (stop(), target(), target("far", at="120"), order("add", Side.BUY, OrderType.LIMIT, price=D(95))):
        venue.create_order(request)
    assert venue.levels() == (D(95), D(110))
    venue.create_order(order("trailing", Side.SELL, OrderType.TRAILING_STOP, callback_percent=D(5)))
    assert venue.levels() is None


@pytest.mark.parametrize("wrong", [{"taker": D(4)}, {"maker": D(-1)}, {"taker": D("-0.01")}])
def test_absurd_fees_are_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(InvalidValue):
        Fees(**wrong)


@pytest.mark.parametrize("wrong", [{"bps": D(2000)}, {"half_spread": D(-1)}, {"range_share": D(2)}])
def test_absurd_slippage_is_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(InvalidValue):
        Slippage(**wrong)
