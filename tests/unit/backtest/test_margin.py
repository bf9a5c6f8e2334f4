"""Liquidation prices by brackets: those of a pencil, and those at which equity is the maintenance margin."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.margin import Margin, wallet_of
from candlecast.domain.orders.position import Position
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import MarginMode, PositionSide
from tests.support.builders import a_position

D = Decimal
RATES = ((D(0), D("0.004")), (D(50_000), D("0.005")), (D(600_000), D("0.0065")))  # Binance's lowest of BTCUSDT
MARGIN = Margin.of(RATES)


def position(side: PositionSide, quantity: str, entry: str) -> Position:
    return a_position(side=side, quantity=D(quantity), opened_quantity=D(quantity), entry_price=D(entry))


def test_maintenance_does_not_jump_at_a_floor() -> None:
    assert [bracket.cumulative for bracket in MARGIN.brackets] == [D(0), D(50), D(950)]  # Binance's own amounts


@pytest.mark.parametrize(
    ("side", "quantity", "entry", "wallet", "expected"),
    [
        (PositionSide.LONG, "1", "1000", "100", D(900) / D("0.996")),  # (100 - 1000) / (0.004 - 1)
        (PositionSide.SHORT, "1", "1000", "100", D(1100) / D("1.004")),  # (100 + 1000) / (0.004 + 1)
        (PositionSide.LONG, "100", "1000", "10000", D(89_950) / D("99.5")),  # 90,452 at the price: the second bracket
        (PositionSide.LONG, "1", "1000", "1000", None),  # all of the wallet is more than can be lost
        (PositionSide.LONG, "1", "1000", "2000", None),
    ],
)
def test_the_price_of_a_liquidation_is_that_of_a_pencil(
    side: PositionSide, quantity: str, entry: str, wallet: str, expected: Decimal | None
) -> None:
    assert MARGIN.liquidation_price(position(side, quantity, entry), D(wallet)) == expected


@given(
    side=st.sampled_from(PositionSide),
    quantity=st.decimals(D("0.001"), D(10_000), places=3),
    entry=st.decimals(D(1), D(100_000), places=2),
    share=st.decimals(D("0.01"), D("0.9"), places=4),
)
def test_at_its_price_the_equity_is_the_maintenance_margin(
    side: PositionSide, quantity: Decimal, entry: Decimal, share: Decimal
) -> None:
    held, wallet = position(side, str(quantity), str(entry)), quantity * entry * share
    price = MARGIN.liquidation_price(held, wallet)
    assert price is not None
    notional = quantity * price
    bracket = [each for each in MARGIN.brackets if each.floor <= notional][-1]
    maintenance = notional * bracket.rate - bracket.cumulative
    assert abs(wallet + held.unrealised_pnl(price) - maintenance) <= D("1E-12") * max(quantity * entry, notional)


def test_an_isolated_position_may_lose_its_initial_margin_alone() -> None:
    held = position(PositionSide.LONG, "2", "1000")
    cross, isolated = (Settings(capital=D(1), margin_mode=mode) for mode in (MarginMode.CROSS, MarginMode.ISOLATED))
    assert (wallet_of(held, cross, D(5000)), wallet_of(held, isolated, D(5000))) == (D(5000), D(200))  # leverage is 10


@pytest.mark.parametrize(
    "rates",
    [
        (),
        ((D(1), D("0.01")),),
        ((D(0), D("0.01")), (D(0), D("0.02"))),
        ((D(0), D("0.02")), (D(100), D("0.01"))),
        ((D(0), D("0")),),
        ((D(0), D("1")),),
    ],
)
def test_brackets_that_do_not_rise_are_refused(rates: tuple[tuple[Decimal, Decimal], ...]) -> None:
    with pytest.raises(InvalidValue) as refused:
        Margin.of(rates)
    assert refused.value.code == "BRACKETS_INVALID"
