"""How large an entry is, and where its stop and targets stand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.orders.sizing import entry_quantity, ladder_quantities, stop_price, take_profits
from candlecast.domain.signals.signal import TakeProfit
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide
from tests.support.builders import NOW, a_market, a_signal, a_trade_order, an_account, settings

D = Decimal
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


@pytest.mark.parametrize(
    ("sizing", "price", "stop", "expected"),
    [
        (Sizing(SizingMode.FIXED_QUANTITY, D("0.1239")), "100", None, "0.123"),
        (Sizing(SizingMode.FIXED_NOTIONAL, D(1_000)), "300", None, "3.333"),
        (Sizing(SizingMode.FIXED_NOTIONAL, D(1_000)), "29999.90", None, "0.033"),
        (Sizing(SizingMode.PERCENT_OF_CAPITAL, D(25)), "700", None, "3.571"),
        (Sizing(SizingMode.RISK_PERCENT, D(2)), "100", "93", "28.571"),
        (Sizing(SizingMode.RISK_PERCENT, D(2)), "100", "107", "28.571"),
        (Sizing(SizingMode.RISK_PERCENT), "100", "90", "10.000"),
    ],
)
def test_each_mode_gives_the_quantity_computed_by_hand_rounded_down(
    sizing: Sizing, price: str, stop: str | None, expected: str
) -> None:
    quantity = entry_quantity(settings(sizing=sizing), D(price), D(stop) if stop else None, a_market())
    assert quantity == D(expected)


@pytest.mark.parametrize(
    ("sizing", "known", "expected"),
    [
        (Sizing(SizingMode.PERCENT_OF_EQUITY, D(25)), {"equity": D(2_800)}, "7"),
        (Sizing(SizingMode.RISK_AMOUNT, D(70)), {}, "10"),
        (Sizing(SizingMode.VOLATILITY_TARGET, D(1)), {"atr": D("2.5")}, "40"),
    ],
)
def test_the_modes_that_need_more_than_a_price_give_the_quantity_computed_by_hand(
    sizing: Sizing, known: dict[str, Decimal], expected: str
) -> None:
    assert entry_quantity(settings(sizing=sizing), D(100), D(93), a_market(), **known) == D(expected)


@pytest.mark.parametrize(
    ("percent", "cap", "expected"),
    [
        (D(100), D(100), "285.714"),  # p 0.6, b 2: 0.6 - 0.4 / 2 = 40 % of 10,000, at 14 a unit
        (D(50), D(100), "142.857"),
        (D(50), D(5), "35.714"),
    ],
)
def test_kelly_risks_its_fraction_and_never_more_than_the_cap(percent: Decimal, cap: Decimal, expected: str) -> None:
    chosen = settings(sizing=Sizing(SizingMode.KELLY, percent), win_rate=D("0.6"), payoff_ratio=D(2), kelly_cap_percent=cap)
    assert entry_quantity(chosen, D(100), D(86), a_market()) == D(expected)


def test_kelly_without_an_edge_is_denied_and_says_the_fraction() -> None:
    even = settings(sizing=Sizing(SizingMode.KELLY, D(50)), win_rate=D("0.5"), payoff_ratio=D(1))
    assert entry_quantity(even, D(100), D(90), a_market()) == Denial(Reason.NO_EDGE, D(0), D(0))


@pytest.mark.parametrize(
    ("sizing", "known"),
    [
        (Sizing(SizingMode.PERCENT_OF_EQUITY, D(25)), {}),
        (Sizing(SizingMode.PERCENT_OF_EQUITY, D(25)), {"equity": D(0)}),
        (Sizing(SizingMode.VOLATILITY_TARGET, D(1)), {}),
        (Sizing(SizingMode.KELLY, D(50)), {}),
    ],
)
def test_a_mode_whose_input_is_missing_is_denied(sizing: Sizing, known: dict[str, Decimal]) -> None:
    assert entry_quantity(settings(sizing=sizing), D(100), D(90), a_market(), **known) == Denial(Reason.SIZING_INPUT_MISSING)


def test_an_order_of_a_share_of_equity_uses_the_balance_of_its_account() -> None:
    order = a_trade_order(settings=settings(sizing=Sizing(SizingMode.PERCENT_OF_EQUITY, D(10))))
    assert plan_orders(an_account(), order, a_market(), NOW).legs[0].quantity == D(10)
    (denied,) = plan_orders(an_account(balance=None), order, a_market(), NOW).decided
    assert denied.reason is Reason.SIZING_INPUT_MISSING


def test_sizing_by_risk_without_a_stop_is_denied() -> None:
    assert entry_quantity(settings(sizing=Sizing()), D(100), None, a_market()) == Denial(Reason.STOP_MISSING)


def test_sizing_by_risk_with_a_stop_at_the_price_is_denied() -> None:
    denial = entry_quantity(settings(sizing=Sizing()), D(100), D(100), a_market())
    assert denial == Denial(Reason.STOP_ON_WRONG_SIDE, value=D(100), bound=D(100))


def test_a_quantity_beyond_every_market_is_a_number_and_no_error() -> None:
    absurd = settings(sizing=Sizing(SizingMode.FIXED_QUANTITY, D("1e40")))
    assert entry_quantity(absurd, D(100), None, a_market()) == D("1e40")


@given(
    capital=st.integers(1, 10**9),
    percent=st.decimals("0.01", "100", places=2),
    price=st.decimals("0.01", "100000", places=2),
    distance=st.decimals("0.01", "5000", places=2),
)
def test_the_loss_at_the_stop_never_exceeds_the_risk_that_was_chosen(
    capital: int, percent: Decimal, price: Decimal, distance: Decimal
) -> None:
    chosen = settings(capital=D(capital), sizing=Sizing(SizingMode.RISK_PERCENT, percent))
    quantity = entry_quantity(chosen, price, price + distance, a_market())
    assert isinstance(quantity, Decimal)
    assert quantity * distance <= D(capital) * percent / 100 + D("1e-15")


@pytest.mark.parametrize(
    ("side", "multiplier", "atr", "own", "expected"),
    [
        (LONG, D(2), D("1.52"), D(95), D("97.0")),  # 100 - 3.04 = 96.96, on the tick of 0.1
        (SHORT, D(2), D("1.52"), D(95), D("103.0")),
        (LONG, None, D("1.52"), D("95.04"), D("95.0")),
        (LONG, D(2), None, D("95.06"), D("95.1")),
        (LONG, D(2), None, None, None),
        (LONG, D(100), D(2), None, D(-100)),  # left for the limits to deny
    ],
)
def test_the_stop_is_the_own_multiple_of_the_atr_or_else_the_signals(
    side: PositionSide, multiplier: Decimal | None, atr: Decimal | None, own: Decimal | None, expected: Decimal | None
) -> None:
    signal = a_signal(atr=atr, stop_loss=own)
    assert stop_price(signal, side, D(100), settings(stop_atr_multiplier=multiplier), a_market()) == expected


def test_the_target_is_the_own_multiple_of_the_atr_before_the_signals_ladder() -> None:
    signal = a_signal(atr=D("1.52"), take_profits=(TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5"))))
    own = settings(target_atr_multiplier=D(3))
    assert take_profits(signal, LONG, D(100), own, a_market()) == (TakeProfit(D("104.6")),)
    assert take_profits(signal, SHORT, D(100), own, a_market()) == (TakeProfit(D("95.4")),)
    assert take_profits(signal, LONG, D(100), settings(), a_market()) == signal.take_profits


def test_a_target_below_zero_is_left_out() -> None:
    signal = a_signal(atr=D(40))
    assert take_profits(signal, SHORT, D(100), settings(target_atr_multiplier=D(3)), a_market()) == ()


def test_the_ladder_by_hand_the_last_rung_takes_what_rounding_has_left() -> None:
    ladder = (TakeProfit(D(110), D("0.33")), TakeProfit(D(120), D("0.33")), TakeProfit(D(130), D("0.34")))
    assert ladder_quantities(D("0.010"), ladder, a_market()) == (
        (D(110), D("0.003")),
        (D(120), D("0.003")),
        (D(130), D("0.004")),
    )


def test_a_rung_too_small_for_the_venue_is_given_to_the_next() -> None:
    ladder = (TakeProfit(D(110), D("0.25")), TakeProfit(D(120), D("0.25")), TakeProfit(D(130), D("0.5")))
    assert ladder_quantities(D("0.002"), ladder, a_market()) == ((D(120), D("0.001")), (D(130), D("0.001")))


def test_shares_below_one_leave_the_rest_open() -> None:
    assert ladder_quantities(D(10), (TakeProfit(D(110), D("0.3")),), a_market()) == ((D(110), D(3)),)


@given(
    quantity=st.decimals("0.001", "50", places=3),
    shares=st.lists(st.integers(1, 100), min_size=1, max_size=4),
    whole=st.booleans(),
)
def test_a_ladder_never_sells_more_than_is_held(quantity: Decimal, shares: list[int], whole: bool) -> None:
    total = D(sum(shares)) * (1 if whole else 2)
    parts = [(D(share) / total).quantize(D("0.0001"), rounding="ROUND_DOWN") or D("0.0001") for share in shares]
    if whole:
        parts[-1] = 1 - sum(parts[:-1], D(0))
    ladder = tuple(TakeProfit(D(110 + number), part) for number, part in enumerate(parts))
    orders = ladder_quantities(quantity, ladder, a_market())
    sold = sum((amount for _, amount in orders), D(0))
    assert sold <= quantity
    assert all(amount >= a_market().min_quantity for _, amount in orders)
    assert not whole or sold == quantity
