"""Money is neither made nor lost by arithmetic: positions, fees and margins over any sequence of trades."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_exchange.accounts.account import OrderKind, Outcome, Position, Side
from paper_exchange.accounts.margin import asset_margin
from paper_exchange.accounts.positions import apply_fill, reducible
from paper_exchange.errors import VenueError
from paper_exchange.markets.markets import MarketSpec
from paper_exchange.matching.matching import MAX_OPEN_ORDERS, place_order
from paper_exchange.requests.requests import OrderRequest
from tests.support.quotes import MINUTE_MS, STAMP, ListedQuotes, account, bar, market

pytestmark = pytest.mark.slow

CENT = Decimal("0.01")
quantities = st.integers(-50, 50).filter(bool).map(Decimal)
prices = st.integers(1, 500).map(Decimal)


@given(st.lists(st.tuples(quantities, prices), min_size=1, max_size=12), prices)
def test_realized_and_unrealized_profit_together_are_what_the_trades_are_worth(
    trades: list[tuple[Decimal, Decimal]], last: Decimal
) -> None:
    position, realized = Position(), Decimal(0)
    for quantity, price in trades:
        position, gain = apply_fill(position, quantity, price, 0)
        realized += gain
    worth = sum((quantity * (last - price) for quantity, price in trades), Decimal(0))
    assert abs(realized + position.amount * (last - position.entry_price) - worth) < CENT
    assert position.amount == sum((quantity for quantity, _ in trades), Decimal(0))


@given(quantities, prices)
def test_a_closed_position_has_no_entry_price(quantity: Decimal, price: Decimal) -> None:
    opened, _ = apply_fill(Position(), quantity, price, 1)
    closed, realized = apply_fill(opened, -quantity, price, 2)
    assert (closed, realized) == (Position(Decimal(0), Decimal(0), 2), Decimal(0))


@given(st.integers(-5, 5).map(Decimal), st.sampled_from(Side), st.integers(1, 9).map(Decimal))
def test_what_can_be_reduced_never_exceeds_the_position(amount: Decimal, side: Side, quantity: Decimal) -> None:
    part = reducible(Position(amount, Decimal(1)), side.sign, quantity)
    assert 0 <= part <= min(quantity, abs(amount))
    assert abs(amount + side.sign * part) == abs(amount) - part


def trade(outcome: Outcome, side: Side, quantity: str, quotes: ListedQuotes) -> Outcome:
    request = OrderRequest("BTCUSDT", side, OrderKind.MARKET, Decimal(quantity), Decimal(0), "GTC", False, "")
    return outcome.then(place_order(outcome.account, request, quotes, STAMP)[0])


def test_fees_leave_the_wallet_and_margin_follows_the_mark_price() -> None:
    spec = market(taker_fee=Decimal("0.001"))
    bars = {"BTCUSDT": [bar(0, "100", "100", "100", "100"), bar(1, "110", "110", "110", "110")]}
    quotes = ListedQuotes(bars, MINUTE_MS, {"BTCUSDT": spec})
    opened = trade(Outcome(account(10_000)), Side.BUY, "10", quotes)
    assert opened.account.balances["USDT"] == Decimal("9999")
    later = quotes.at(2 * MINUTE_MS)
    margin = asset_margin(opened.account, "USDT", later)
    assert (margin.unrealized, margin.position_initial) == (Decimal(100), Decimal(55))
    assert margin.available == Decimal(10_044)
    closed = trade(opened, Side.SELL, "10", later)
    assert closed.account.balances["USDT"] == Decimal("9999") + 100 - Decimal("1.1")
    assert asset_margin(closed.account, "USDT", later).initial == 0


@given(st.integers(1, 125), st.decimals("0.01", "2000000000", places=2))
def test_maintenance_margin_grows_without_jumps(max_leverage: int, notional: Decimal) -> None:
    spec: MarketSpec = market(max_leverage=max_leverage)
    for lower, upper in zip(spec.brackets(), spec.brackets()[1:], strict=False):
        at = upper.floor
        assert at * lower.maintenance_rate - lower.cumulative == at * upper.maintenance_rate - upper.cumulative
    bracket = spec.bracket_of(notional)
    assert 0 < notional * bracket.maintenance_rate - bracket.cumulative <= notional
    assert spec.highest_leverage <= max_leverage


def test_an_account_has_no_more_open_orders_than_its_item_holds() -> None:
    quotes = ListedQuotes({"BTCUSDT": [bar(0, "100", "100", "100", "100")]}, MINUTE_MS, {"BTCUSDT": market(max_orders=10_000)})
    request = OrderRequest("BTCUSDT", Side.BUY, OrderKind.LIMIT, Decimal(1), Decimal(99), "GTC", False, "")
    full = account()
    for _ in range(MAX_OPEN_ORDERS):
        full = place_order(full, request, quotes, STAMP)[0].account
    with pytest.raises(VenueError, match="-2025"):
        place_order(full, request, quotes, STAMP)
