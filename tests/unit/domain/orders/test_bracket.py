"""The order of an entry, and the legs that are sent behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.orders.position import StopRules
from candlecast.domain.signals.entry_order import EntryOrder, EntryPreference, EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide, Side, TimeInForce
from tests.support.builders import NOW, a_market, a_signal, a_trade_order, after, an_account, an_intent, settings

D = Decimal
LIMIT = EntryOrder(type=EntryType.LIMIT, price=D("99.04"))
STOP = EntryOrder(type=EntryType.STOP, trigger_price=D("105"))
STOP_LIMIT = EntryOrder(type=EntryType.STOP_LIMIT, trigger_price=D("105"), price=D("106"))


def plan(asked: EntryOrder | None = None, action: Action = Action.LONG, **options: Any) -> Plan:
    signal = a_signal(action, entry=asked, **options.pop("signal", {}))
    account = an_account(**options.pop("account", {}))
    return plan_orders(account, a_trade_order(signal, settings=settings(**options)), a_market(), after(1))


def leg_of(result: Plan, kind: LegKind) -> Intent:
    (found,) = [leg for leg in result.legs if leg.kind is kind]
    return found


@pytest.mark.parametrize(
    ("asked", "order_type", "price", "trigger", "reference"),
    [
        (None, OrderType.MARKET, None, None, D(100)),
        (EntryOrder(), OrderType.MARKET, None, None, D(100)),
        (LIMIT, OrderType.LIMIT, D("99.0"), None, D("99.0")),
        (STOP, OrderType.STOP_MARKET, None, D(105), D(105)),
        (STOP_LIMIT, OrderType.STOP_LIMIT, D(106), D(105), D(106)),
    ],
)
def test_an_entry_is_ordered_as_its_signal_asks_and_sized_by_the_price_that_it_expects(
    asked: EntryOrder | None, order_type: OrderType, price: Decimal | None, trigger: Decimal | None, reference: Decimal
) -> None:
    entry = leg_of(plan(asked), LegKind.ENTRY)
    assert (entry.order_type, entry.price, entry.trigger_price, entry.reference_price) == (order_type, price, trigger, reference)
    assert entry.quantity == a_market().round_quantity(1_000 / max(reference, D(100)))  # the market stands at 100


def test_a_stop_is_measured_from_the_price_of_the_order_or_the_mark_and_not_from_the_price_of_the_signal() -> None:
    at_risk: dict[str, Any] = {"sizing": Sizing(SizingMode.RISK_PERCENT, D(1)), "leverage": D(10)}
    entry = leg_of(plan(LIMIT, signal={"stop_loss": D(80)}, **at_risk), LegKind.ENTRY)
    assert entry.quantity * (100 - 80) == 100
    denied = plan(LIMIT, signal={"stop_loss": D("99.5")}).decided
    assert [i.reason for i in denied] == [Reason.STOP_ON_WRONG_SIDE]


def test_a_resting_entry_ends_with_its_signal_or_when_it_is_told_to() -> None:
    assert leg_of(plan(LIMIT, max_signal_age_seconds=60), LegKind.ENTRY).expires_at == after(60)
    rests = replace(LIMIT, rests_seconds=3_600)
    assert leg_of(plan(rests, max_signal_age_seconds=60), LegKind.ENTRY).expires_at == NOW + timedelta(hours=1)
    at_market = EntryOrder(rests_seconds=3_600)
    assert leg_of(plan(at_market, max_signal_age_seconds=60), LegKind.ENTRY).expires_at == after(60)


@pytest.mark.parametrize(("action", "price"), [(Action.LONG, D("99.9")), (Action.SHORT, D("100.1"))])
def test_a_subscription_may_prefer_a_limit_that_is_better_by_so_many_basis_points(action: Action, price: Decimal) -> None:
    preference = EntryPreference(type=EntryType.LIMIT, offset_bps=D(10), post_only=True, rests_seconds=30)
    entry = leg_of(plan(None, action, entry=preference), LegKind.ENTRY)
    assert (entry.order_type, entry.price, entry.post_only, entry.expires_at) == (OrderType.LIMIT, price, True, after(30))
    assert leg_of(plan(STOP, entry=preference), LegKind.ENTRY).order_type is OrderType.STOP_MARKET  # the signal's word counts


def test_what_a_venue_does_not_take_is_denied() -> None:
    denied = plan(STOP_LIMIT, account={"venue": "somewhere"}).decided
    assert [i.reason for i in denied] == [Reason.ORDER_TYPE_NOT_SUPPORTED]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": EntryType.LIMIT},
        {"price": D(1)},
        {"type": EntryType.STOP, "price": D(1), "trigger_price": D(1)},
        {"type": EntryType.STOP_LIMIT, "price": D(1)},
        {"type": EntryType.LIMIT, "price": D(-1)},
        {"post_only": True},
        {"type": EntryType.STOP_LIMIT, "price": D(1), "trigger_price": D(1), "time_in_force": TimeInForce.IOC},
        {"type": EntryType.LIMIT, "price": D(1), "post_only": True, "time_in_force": TimeInForce.IOC},
        {"rests_seconds": 0},
        {"rests_seconds": 86_401},
    ],
)
def test_an_order_that_contradicts_itself_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        EntryOrder(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"type": EntryType.STOP}, {"type": EntryType.LIMIT, "offset_bps": D(1_001)}, {"post_only": True}]
)
def test_a_preference_that_no_order_can_follow_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        EntryPreference(**wrong)


def test_an_exit_asks_for_no_order_of_its_own() -> None:
    with pytest.raises(InvalidValue):
        a_signal(Action.EXIT, entry=LIMIT)


def test_the_venues_own_trailing_stop_goes_beside_the_stop_where_it_has_one() -> None:
    result = plan(None, signal={"stop_loss": D(90)}, trailing_stop_percent=D(2), trailing_activation_percent=D(3))
    trailing = leg_of(result, LegKind.TRAILING_STOP)
    assert (trailing.order_type, trailing.callback_percent, trailing.trigger_price) == (OrderType.TRAILING_STOP, D(2), D("103.0"))
    assert (trailing.side, trailing.quantity, trailing.reduce_only) == (Side.SELL, D(10), True)
    assert leg_of(result, LegKind.STOP_LOSS).trigger_price == 90
    assert leg_of(result, LegKind.ENTRY).stop_rules == StopRules(trail_percent=D(2), activation_percent=D(3))


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({"trailing_stop_percent": D("0.05")}, D("100.0")),  # less than the venue's least
        ({"trailing_stop_percent": D(11)}, D("89.0")),
        ({"trailing_stop_atr_multiplier": D(3), "signal": {"atr": D(2)}}, D("94.0")),
        ({"trailing_stop_percent": D(2), "account": {"venue": "somewhere"}}, D("98.0")),
    ],
)
def test_a_trailing_stop_that_the_venue_lacks_is_a_plain_stop_at_first(changes: dict[str, Any], stop: Decimal) -> None:
    result = plan(None, **changes)
    legs = {leg.kind: leg.trigger_price for leg in result.legs}
    if stop == 100:
        assert [i.reason for i in result.decided] == [Reason.STOP_ON_WRONG_SIDE]  # rounded to the tick it would be no stop
    else:
        assert legs == {LegKind.ENTRY: None, LegKind.STOP_LOSS: stop}


def test_a_trailing_stop_that_begins_later_needs_no_stop_before() -> None:
    result = plan(None, trailing_stop_percent=D(20), trailing_activation_percent=D(5))
    assert [leg.kind for leg in result.legs] == [LegKind.ENTRY]


def test_in_hedge_mode_an_order_names_its_side() -> None:
    stop = an_intent(LegKind.STOP_LOSS)
    assert stop.request().position_side is None
    assert stop.request(PositionMode.HEDGE).position_side is PositionSide.LONG
