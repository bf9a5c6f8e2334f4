"""Every reason that can deny an entry, shown to stop one order; and exits, which pass them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import MAX_OPEN_INTENTS, Account, AccountStatus, DailyResult
from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import AllowedSides, Sizing, SizingMode, SubscriptionStatus
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import LeverageCap
from tests.support.builders import (
    BTC,
    ETH,
    NOW,
    SUBSCRIPTION,
    a_market,
    a_position,
    a_signal,
    a_trade_order,
    an_account,
    an_intent,
)
from tests.support.builders import settings as some_settings

D = Decimal
OTHER = "subscription-2"
YESTERDAY = (NOW - timedelta(days=1)).date()


def with_positions(*positions: Any, **changes: Any) -> Account:
    return an_account(positions={p.key: p for p in positions}, **changes)


def with_intents(*intents: Intent, **changes: Any) -> Account:
    return an_account(intents={i.intent_id: i for i in intents}, **changes)


def coming(signal: str = "before", market: str = ETH, **changes: Any) -> Intent:
    """An entry of another signal that is on its way."""
    return an_intent(signal_id=digest(signal), market=market, **changes)


def many_stops(number: int) -> tuple[Intent, ...]:
    return tuple(an_intent(LegKind.STOP_LOSS, signal_id=digest(str(n)), state=IntentState.OPEN) for n in range(number))


@dataclass(frozen=True, kw_only=True)
class Case:
    """An entry that one rule stops, and the same entry just within that rule."""

    reason: Reason
    account: Account = field(default_factory=an_account)
    settings: dict[str, Any] = field(default_factory=dict)
    signal: dict[str, Any] = field(default_factory=dict)
    market: Market | None = field(default_factory=a_market)
    value: Decimal | None = None
    bound: Decimal | None = None
    within: dict[str, Any] = field(default_factory=dict)


def risk(percent: str = "1") -> Sizing:
    return Sizing(SizingMode.RISK_PERCENT, D(percent))


def quantity(amount: str) -> Sizing:
    return Sizing(SizingMode.FIXED_QUANTITY, D(amount))


def resting(price: str, trigger: str | None = None, **signal: Any) -> dict[str, Any]:
    """A signal that asks for an entry at its own price."""
    kind, at = (EntryType.LIMIT, None) if trigger is None else (EntryType.STOP_LIMIT, D(trigger))
    return {"entry": EntryOrder(type=kind, price=D(price), trigger_price=at), **signal}


def capped(notional: str | None, leverage: int = 1, age: timedelta = timedelta(), **changes: Any) -> Account:
    """An account whose positions the venue caps."""
    cap = LeverageCap(D(leverage), None if notional is None else D(notional), NOW - age)
    return an_account(leverage_caps={BTC: cap}, **changes)


BANDED = a_market(multiplier_up=D("1.05"), multiplier_down=D("0.95"))
UNBANDED = {"market": a_market()}
LOST = {SUBSCRIPTION: DailyResult(NOW.date(), D(-500))}
LOST_LESS = {SUBSCRIPTION: DailyResult(NOW.date(), D("-499.99"))}
LOST_YESTERDAY = {SUBSCRIPTION: DailyResult(YESTERDAY, D(-5_000))}
HELD_ETH = a_position(market=ETH, quantity=D(40), opened_quantity=D(40))
TIGHT = {"leverage": D(1), "capital": D(5_000), "max_positions": 3}
CASES = (
    Case(
        reason=Reason.MARKET_NOT_ALLOWED, settings={"allowed_markets": (ETH,)}, within={"settings": {"allowed_markets": (BTC,)}}
    ),
    Case(
        reason=Reason.SIDE_NOT_ALLOWED,
        settings={"allowed_sides": AllowedSides.SHORT},
        within={"settings": {"allowed_sides": AllowedSides.LONG}},
    ),
    Case(
        reason=Reason.POSITION_ALREADY_OPEN,
        account=with_positions(a_position()),
        settings={"max_positions": 5},
        within={"account": with_positions(a_position(market=ETH))},
    ),
    Case(
        reason=Reason.MARKET_IN_USE,
        account=with_positions(a_position(subscription_id=OTHER)),
        within={"account": with_positions(a_position(subscription_id=OTHER, market=ETH))},
    ),
    Case(
        reason=Reason.MARKET_IN_USE,
        account=with_positions(a_position(subscription_id=OTHER, side=PositionSide.SHORT)),
        within={"account": with_positions(a_position(subscription_id=OTHER, market=ETH, side=PositionSide.SHORT))},
    ),
    Case(
        reason=Reason.MARKET_IN_USE,
        account=with_intents(coming(market=BTC, subscription_id=OTHER)),
        within={"account": with_intents(coming(market=ETH, subscription_id=OTHER))},
    ),
    Case(
        reason=Reason.MAX_POSITIONS,
        account=with_positions(a_position(market=ETH)),
        value=D(2),
        bound=D(1),
        within={"settings": {"max_positions": 2}},
    ),
    Case(
        reason=Reason.MAX_POSITIONS,
        account=with_intents(coming()),
        value=D(2),
        bound=D(1),
        within={"account": with_intents(coming(subscription_id=OTHER))},
    ),
    Case(
        reason=Reason.MAX_DAILY_LOSS,
        account=an_account(daily_results=LOST),
        value=D(500),
        bound=D(500),
        within={"account": an_account(daily_results=LOST_LESS)},
    ),
    Case(
        reason=Reason.MAX_DAILY_LOSS,
        account=an_account(daily_results=LOST),
        value=D(500),
        bound=D(500),
        within={"account": an_account(daily_results=LOST_YESTERDAY)},
    ),
    Case(reason=Reason.STOP_MISSING, settings={"sizing": risk()}, within={"signal": {"stop_loss": D(90)}}),
    Case(
        reason=Reason.STOP_ON_WRONG_SIDE,
        signal={"stop_loss": D("100.1")},
        value=D("100.1"),
        bound=D(100),
        within={"signal": {"stop_loss": D("99.9")}},
    ),
    Case(
        reason=Reason.STOP_ON_WRONG_SIDE,
        signal={"action": Action.SHORT, "stop_loss": D("99.9")},
        value=D("99.9"),
        bound=D(100),
        within={"signal": {"action": Action.SHORT, "stop_loss": D("100.1")}},
    ),
    Case(
        reason=Reason.STOP_ON_WRONG_SIDE,
        signal={"atr": D(60)},
        settings={"stop_atr_multiplier": D(2)},
        value=D(-20),
        bound=D(100),
        within={"signal": {"atr": D(10)}},
    ),
    Case(
        reason=Reason.TARGET_ON_WRONG_SIDE,
        signal={"take_profits": (TakeProfit(D(100)),)},
        value=D(100),
        bound=D(100),
        within={"signal": {"take_profits": (TakeProfit(D("100.1")),)}},
    ),
    Case(
        reason=Reason.QUANTITY_TOO_SMALL,
        settings={"sizing": quantity("0.0009")},
        value=D(0),
        bound=D("0.001"),
        within={"settings": {"sizing": quantity("0.05")}},
    ),
    Case(
        reason=Reason.QUANTITY_TOO_LARGE,
        settings={"sizing": quantity("5000.001"), "leverage": D(125)},
        value=D("5000.001"),
        bound=D(5000),  # five orders of the most that the market takes
        within={"settings": {"sizing": quantity("5000"), "leverage": D(125)}},
    ),
    Case(
        reason=Reason.NOTIONAL_TOO_SMALL,
        settings={"sizing": quantity("0.049")},
        value=D("4.9"),
        bound=D(5),
        within={"settings": {"sizing": quantity("0.05")}},
    ),
    Case(
        reason=Reason.MAX_ORDER_NOTIONAL,
        settings={"max_order_notional": D("999.9")},
        value=D(1000),
        bound=D("999.9"),
        within={"settings": {"max_order_notional": D(1000)}},
    ),
    Case(
        reason=Reason.MAX_LEVERAGE,
        account=with_positions(HELD_ETH),
        settings={**TIGHT, "sizing": quantity("10.001")},
        value=D("1.00002"),
        bound=D(1),
        within={"settings": {**TIGHT, "sizing": quantity("10")}},
    ),
    Case(
        reason=Reason.MAX_LEVERAGE,
        account=with_intents(coming(quantity=D(41))),
        settings=TIGHT,
        value=D("1.02"),
        bound=D(1),
        within={"account": with_intents(coming(quantity=D(40)))},
    ),
    Case(
        reason=Reason.MAX_LEVERAGE,  # half filled: the held part counts, and the part still to come
        account=with_positions(
            a_position(market=ETH, quantity=D(20), opened_quantity=D(20)),
            intents={"x": coming(quantity=D(41), filled_quantity=D(20), state=IntentState.OPEN)},
        ),
        settings=TIGHT,
        value=D("1.02"),
        bound=D(1),
        within={"settings": {**TIGHT, "leverage": D(2)}},
    ),
    Case(
        reason=Reason.TOO_MANY_OPEN_ORDERS,
        account=with_intents(*many_stops(MAX_OPEN_INTENTS - 5)),
        value=D(MAX_OPEN_INTENTS + 1),
        bound=D(MAX_OPEN_INTENTS),
        within={"account": with_intents(*many_stops(MAX_OPEN_INTENTS - 6))},
    ),
    Case(
        reason=Reason.OUTSIDE_PRICE_BAND,
        market=BANDED,
        signal=resting("105.1"),
        value=D("105.1"),
        bound=D(105),
        within={"signal": resting("105")},
    ),
    Case(
        reason=Reason.OUTSIDE_PRICE_BAND,
        market=BANDED,
        signal=resting("94.9", action=Action.SHORT, stop_loss=D(110)),
        value=D("94.9"),
        bound=D(95),
        within={"signal": resting("95", action=Action.SHORT, stop_loss=D(110))},
    ),
    Case(
        reason=Reason.OUTSIDE_PRICE_BAND,  # a stop-limit is measured from its trigger
        market=BANDED,
        signal=resting("109.3", "104"),
        value=D("109.3"),
        bound=D("109.2"),
        within={"signal": resting("109.2", "104")},
    ),
    Case(reason=Reason.OUTSIDE_PRICE_BAND, market=BANDED, signal=resting("106"), value=D(106), bound=D(105), within=UNBANDED),
    Case(
        reason=Reason.POSITION_LIMIT,  # an entry of 1,000
        account=capped("999.9"),
        value=D(1000),
        bound=D("999.9"),
        within={"account": capped("1000")},
    ),
    Case(
        reason=Reason.POSITION_LIMIT,
        account=capped("999.9"),
        value=D(1000),
        bound=D("999.9"),
        within={"account": capped("999.9", age=timedelta(days=2, seconds=1))},
    ),
    Case(
        reason=Reason.POSITION_LIMIT,
        account=capped("999.9"),
        value=D(1000),
        bound=D("999.9"),
        within={"account": capped("999.9", leverage=126)},  # of a higher leverage: nothing is known of this one
    ),
    Case(reason=Reason.POSITION_LIMIT, account=capped("1"), value=D(1000), bound=D(1), within={"account": capped(None)}),
    Case(reason=Reason.UNKNOWN_MARKET, market=None, within={"market": a_market()}),
    Case(reason=Reason.MARKET_DELISTED, market=a_market(delists_at=NOW), within={"market": a_market()}),
    Case(reason=Reason.REFERENCE_PRICE_MISSING, signal={"price": None}, within={"signal": {"price": D(100)}}),
    Case(reason=Reason.ACCOUNT_DISABLED, account=an_account(status=AccountStatus.DISABLED), within={"account": an_account()}),
)
DENYING = {
    Reason.ACCOUNT_DISABLED,
    Reason.UNKNOWN_MARKET,
    Reason.MARKET_DELISTED,
    Reason.MARKET_NOT_ALLOWED,
    Reason.SIDE_NOT_ALLOWED,
    Reason.REFERENCE_PRICE_MISSING,
    Reason.STOP_MISSING,
    Reason.STOP_ON_WRONG_SIDE,
    Reason.TARGET_ON_WRONG_SIDE,
    Reason.POSITION_ALREADY_OPEN,
    Reason.MARKET_IN_USE,
    Reason.MAX_POSITIONS,
    Reason.MAX_DAILY_LOSS,
    Reason.MAX_LEVERAGE,
    Reason.MAX_ORDER_NOTIONAL,
    Reason.QUANTITY_TOO_SMALL,
    Reason.QUANTITY_TOO_LARGE,
    Reason.NOTIONAL_TOO_SMALL,
    Reason.TOO_MANY_OPEN_ORDERS,
    Reason.OUTSIDE_PRICE_BAND,
    Reason.POSITION_LIMIT,
}


def plan_of(case: Case, **changes: Any) -> Plan:
    values = {"account": case.account, "settings": case.settings, "signal": case.signal, "market": case.market, **changes}
    signal = dict(values["signal"])
    order = a_trade_order(a_signal(signal.pop("action", Action.LONG), **signal), settings=some_settings(**values["settings"]))
    return plan_orders(values["account"], order, values["market"], NOW)


def ids(case: Case) -> str:
    return case.reason.value


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_limit_stops_the_order_and_says_what_it_found(case: Case) -> None:
    plan = plan_of(case)
    assert plan.legs == ()
    (entry,) = plan.decided
    assert (entry.kind, entry.state, entry.reason) == (LegKind.ENTRY, IntentState.DENIED, case.reason)
    assert entry.denial is not None
    assert (entry.denial.value, entry.denial.bound) == (case.value, case.bound)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_same_order_within_the_limit_is_placed(case: Case) -> None:
    within = dict(case.within)
    if "settings" in within:
        within["settings"] = {**case.settings, **within["settings"]}
    plan = plan_of(case, **within)
    assert [leg.kind for leg in plan.legs][:1] == [LegKind.ENTRY], plan.decided


def test_every_reason_that_denies_has_its_case() -> None:
    assert {case.reason for case in CASES} == DENYING


def test_an_exit_passes_every_limit_and_is_capped_to_what_is_held() -> None:
    held = a_position(quantity=D("3.3"))
    account = with_positions(
        held,
        a_position(subscription_id=OTHER, side=PositionSide.SHORT),
        a_position(market=ETH),
        daily_results=LOST,
        intents={i.intent_id: i for i in many_stops(MAX_OPEN_INTENTS - 5)},
        subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED},
    )
    narrow = some_settings(
        capital=D(1),
        leverage=D(1),
        max_order_notional=D(1),
        allowed_markets=(ETH,),
        allowed_sides=AllowedSides.SHORT,
        max_signal_age_seconds=5,
    )
    order = a_trade_order(a_signal(Action.EXIT, price=None), settings=narrow)
    plan = plan_orders(account, order, None, NOW + timedelta(hours=3))
    (leg,) = plan.legs
    assert (leg.kind, leg.quantity, leg.reduce_only, leg.expires_at, plan.decided) == (LegKind.EXIT, D("3.3"), True, None, ())


@pytest.mark.parametrize("signal", [resting("80"), resting("120", action=Action.SHORT, stop_loss=D(130)), {}])
def test_a_limit_on_the_better_side_of_the_mark_and_a_market_order_are_in_no_band(signal: dict[str, Any]) -> None:
    levels = {"stop_loss": D(70), **signal}
    case = Case(reason=Reason.OUTSIDE_PRICE_BAND, market=BANDED, signal=levels)
    plan = plan_of(case)
    assert Reason.OUTSIDE_PRICE_BAND not in [each.reason for each in plan.decided]


def test_a_price_band_stops_no_exit_stop_or_target() -> None:
    tight = a_market(multiplier_up=D(1), multiplier_down=D(1))
    targets = {"take_profits": (TakeProfit(D(150)),), "stop_loss": D(60)}
    plan = plan_of(Case(reason=Reason.OUTSIDE_PRICE_BAND, market=tight, signal=targets))
    assert [leg.kind for leg in plan.legs] == [LegKind.ENTRY, LegKind.STOP_LOSS, LegKind.TAKE_PROFIT]
    leave = a_trade_order(a_signal(Action.EXIT, price=None), settings=some_settings())
    assert [leg.kind for leg in plan_orders(with_positions(a_position()), leave, tight, NOW).legs] == [LegKind.EXIT]


def test_a_leverage_cap_stops_no_exit_and_counts_no_position_that_a_reversal_closes() -> None:
    held = a_position(quantity=D(40), opened_quantity=D(40))
    account = capped("1000", positions={held.key: held})
    leave = plan_orders(account, a_trade_order(a_signal(Action.EXIT, price=None), settings=some_settings()), a_market(), NOW)
    turned = plan_orders(account, a_trade_order(a_signal(Action.SHORT), settings=some_settings()), a_market(), NOW)
    assert [leg.kind for leg in leave.legs] == [LegKind.EXIT]
    assert [leg.kind for leg in turned.legs] == [LegKind.EXIT, LegKind.ENTRY]


def test_a_reversal_does_not_count_what_it_closes() -> None:
    account = with_positions(a_position(quantity=D(40), opened_quantity=D(40)))
    order = a_trade_order(a_signal(Action.SHORT), settings=some_settings(leverage=D(1), capital=D(4_000), max_positions=1))
    plan = plan_orders(account, order, a_market(), NOW)
    assert [(leg.kind, leg.quantity) for leg in plan.legs] == [(LegKind.EXIT, D(40)), (LegKind.ENTRY, D(10))]
