"""Every limit of the catalogue, shown to stop one order and to let the same pass just within it; and every reason, provoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.account.account import Account, Balance
from candlecast.domain.account.findings import ExternalOrder
from candlecast.domain.account.usage import DayUse, EquityMarks, MarketUse, Results, Usage
from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.decide.risk.evaluate import CHECKS
from candlecast.domain.limits.catalogue import CATALOGUE, Enforced
from candlecast.domain.limits.limits import NAMES, Authority, EffectiveLimits, Limits, Scope, tighten
from candlecast.domain.limits.trading_window import Blackout, TradingWindow
from candlecast.domain.market.quote import Quote
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import MarginMode, PositionSide, Side
from candlecast.domain.venue.reports import MarketSettings
from tests.support.builders import (
    BTC,
    ETH,
    NOW,
    SUBSCRIPTION,
    a_market,
    a_position,
    a_signal,
    a_trade_order,
    after,
    an_account,
    an_intent,
)
from tests.support.builders import settings as some_settings

D = Decimal
OTHER = "subscription-2"
KEY = f"{SUBSCRIPTION}|{BTC}"
TODAY = NOW.date()
HOUR = timedelta(hours=1)
STOP = {"stop_loss": D(90)}
TARGETS = {**STOP, "take_profits": (TakeProfit(D(120)),)}
QUOTE = Quote(D("99.9"), D("100.1"), D(100), NOW, D("0.0001"))


def holding(*positions: Any, **changes: Any) -> Account:
    return an_account(positions={p.key: p for p in positions}, **changes)


def coming(*intents: Intent, **changes: Any) -> Account:
    return an_account(intents={i.intent_id: i for i in intents}, **changes)


def remembering(**usage: Any) -> Account:
    return an_account(usage=Usage(**usage))


def realised(**results: Any) -> Account:
    values: dict[str, Any] = {name: D(value) if "pnl" in name else value for name, value in results.items()}
    return remembering(results={SUBSCRIPTION: Results(TODAY, **values)})


def in_market(**use: Any) -> Account:
    return remembering(markets={KEY: MarketUse(**use)})


def valued(
    equity: str, start: str = "10000", high: str = "10000", end_of_day: str = "10000", day_start: str = "10000"
) -> Account:
    marks = EquityMarks(D(start), D(high), D(end_of_day), TODAY, D(day_start), D(equity))
    return an_account(balance=Balance(D(equity), D(equity), NOW), usage=Usage(equity=marks))


def sent(*bursts: tuple[float, int]) -> Account:
    return remembering(orders=tuple((int(after(seconds).timestamp() * 1000), count) for seconds, count in bursts))


def an_order_of_somebody(side: Side) -> ExternalOrder:
    return ExternalOrder(client_order_id="x", venue_order_id="1", market=BTC, side=side, quantity=D(1), seen_at=NOW)


ETH_10 = a_position(subscription_id=OTHER, market=ETH, strategy_id="strategy-2")  # 1,000 of notional
ETH_SAME = a_position(market=ETH)
ETH_COMING = an_intent(signal_id=digest("before"), market=ETH, subscription_id=OTHER)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A limit, an order that it stops, and a change that lets the order pass: another value of the limit, another account ..."""

    limit: str
    stops: Any
    allows: Any = None
    more: Mapping[str, Any] = field(default_factory=dict)
    account: Account = field(default_factory=an_account)
    signal: Mapping[str, Any] = field(default_factory=dict)
    order: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    instead: Mapping[str, Any] = field(default_factory=dict)
    value: str | None = None

    @property
    def reason(self) -> Reason:
        return CATALOGUE[self.limit].reason

    def plan(self, bound: Any, **changes: Any) -> Plan:
        values = {"account": self.account, "signal": self.signal, "order": self.order, **changes}
        signal = dict(values["signal"])
        limits = Limits(**{**self.more, self.limit: bound})
        wanted = some_settings(**{"max_positions": 9, **self.settings}, limits=limits)
        order = a_trade_order(a_signal(signal.pop("action", Action.LONG), **signal), settings=wanted, **values["order"])
        return plan_orders(values["account"], order, a_market(), NOW)


FROM_TEN = TradingWindow((4,), time(10), time(11))  # NOW is a Friday at noon
FROM_TWELVE = TradingWindow((4,), time(12), time(12, 1))
CASES = (
    Case(limit="reduce_only", stops=True, allows=False),
    Case(limit="allowed_venues", stops=("binanceusdm",), allows=("paper",)),
    Case(limit="allowed_markets", stops=(ETH,), allows=(BTC,)),
    Case(limit="allowed_markets", stops=(), allows=(BTC,)),
    Case(limit="denied_markets", stops=(BTC,), allows=(ETH,)),
    Case(limit="allowed_sides", stops=(PositionSide.SHORT,), allows=(PositionSide.LONG,)),
    Case(limit="trading_windows", stops=(FROM_TEN,), allows=(FROM_TWELVE,)),
    Case(
        limit="trading_windows",  # of the day before, across midnight
        stops=(TradingWindow((4,), time(13), time(12)),),
        allows=(TradingWindow((3,), time(13), time(12, 1)),),
    ),
    Case(limit="blackouts", stops=(Blackout(NOW, after(1)),), allows=(Blackout(after(-1), NOW),)),
    Case(
        limit="one_position_per_market",
        stops=True,
        account=holding(a_position(subscription_id=OTHER)),
        instead={"account": holding(ETH_10)},
    ),
    Case(limit="max_adds", stops=0, account=holding(a_position()), instead={"account": holding(ETH_SAME)}, value="1"),
    Case(limit="max_positions", stops=1, allows=2, account=holding(ETH_SAME), value="2"),
    Case(limit="max_account_positions", stops=1, allows=2, account=holding(ETH_10), value="2"),
    Case(limit="max_account_positions", stops=1, allows=2, account=coming(ETH_COMING), value="2"),
    Case(limit="max_open_orders", stops=2, allows=3, signal=TARGETS, value="3"),
    Case(
        limit="self_match_prevention",
        stops=True,
        allows=False,
        account=an_account(external_orders=(an_order_of_somebody(Side.SELL),)),
    ),
    Case(
        limit="self_match_prevention",
        stops=True,
        account=an_account(external_orders=(an_order_of_somebody(Side.SELL),)),
        instead={"account": an_account(external_orders=(an_order_of_somebody(Side.BUY),))},
    ),
    Case(
        limit="max_daily_loss_percent",
        stops=D(5),
        allows=D("5.01"),
        account=realised(day_pnl="-500"),
        settings={"max_daily_loss_percent": D(50)},
        value="500",
    ),
    Case(
        limit="max_daily_loss",
        stops=D(500),
        allows=D("500.01"),
        account=realised(day_pnl="-500"),
        settings={"max_daily_loss_percent": D(50)},
        value="500",
    ),
    Case(limit="max_weekly_loss_percent", stops=D(7), allows=D("7.01"), account=realised(week_pnl="-700"), value="700"),
    Case(limit="max_monthly_loss_percent", stops=D(9), allows=D("9.01"), account=realised(month_pnl="-900"), value="900"),
    Case(limit="max_account_daily_loss_percent", stops=D(4), allows=D("4.1"), account=valued("9600"), value="4"),
    Case(
        limit="max_account_daily_loss_percent", stops=D(4), account=an_account(balance=None), instead={"account": valued("9601")}
    ),
    Case(limit="max_drawdown_percent", stops=D(10), allows=D("10.1"), account=valued("9000", day_start="9000"), value="10"),
    Case(
        limit="max_trailing_drawdown_percent",
        stops=D(10),
        allows=D("10.1"),
        account=valued("9000", high="10000", start="8000"),
        value="10",
    ),
    Case(
        limit="max_end_of_day_drawdown_percent", stops=D(10), allows=D("10.1"), account=valued("9000", high="20000"), value="10"
    ),
    Case(limit="min_equity", stops=D("9000.01"), allows=D(9000), account=valued("9000"), value="9000"),
    Case(limit="min_equity", stops=D(1), account=an_account(balance=None), instead={"account": an_account()}),
    Case(limit="daily_profit_lock_percent", stops=D(3), allows=D("3.01"), account=realised(day_pnl="300"), value="300"),
    Case(limit="max_consecutive_losses", stops=3, allows=4, account=realised(losses=3, lost_at=after(-60)), value="3"),
    Case(
        limit="max_consecutive_losses",
        stops=3,
        more={"consecutive_loss_pause_hours": D(2)},
        account=realised(losses=3, lost_at=NOW - 2 * HOUR + timedelta(seconds=1)),
        instead={"account": realised(losses=3, lost_at=NOW - 2 * HOUR)},
        value="3",
    ),
    Case(
        limit="min_market_profit_percent",
        stops=D("-0.5"),
        allows=D(-1),
        account=in_market(closed_at=after(-60), profit=D(-100), profit_since=after(-60)),
        value="-1",
    ),
    Case(
        limit="min_market_profit_percent",
        stops=D(0),
        more={"low_profit_ban_hours": D(2)},
        account=in_market(closed_at=NOW - 2 * HOUR + timedelta(seconds=1), profit=D(-100), profit_since=NOW - 3 * HOUR),
        instead={"account": in_market(closed_at=NOW - 2 * HOUR, profit=D(-100), profit_since=NOW - 3 * HOUR)},
        value="-1",
    ),
    Case(limit="cooldown_after_trade_seconds", stops=61, allows=60, account=in_market(closed_at=after(-60)), value="60"),
    Case(limit="cooldown_after_loss_seconds", stops=61, allows=60, account=in_market(lost_at=after(-60)), value="60"),
    Case(
        limit="cooldown_after_trade_seconds",  # what did not fit any more counts for every market that is not known
        stops=61,
        allows=60,
        account=remembering(other_markets=MarketUse(closed_at=after(-60))),
        value="60",
    ),
    Case(
        limit="quarantine_after_reject_minutes", stops=6, allows=5, account=remembering(rejects={BTC: after(-300)}), value="300"
    ),
    Case(limit="quarantine_after_reject_minutes", stops=6, allows=5, account=remembering(other_rejects=after(-300)), value="300"),
    Case(
        limit="duplicate_window_seconds",
        stops=61,
        allows=60,
        account=in_market(entered_at=after(-60), entered_side=PositionSide.LONG),
        value="60",
    ),
    Case(
        limit="duplicate_window_seconds",
        stops=61,
        account=in_market(entered_at=after(-60), entered_side=PositionSide.LONG),
        instead={"account": in_market(entered_at=after(-60), entered_side=PositionSide.SHORT)},
        value="60",
    ),
    Case(limit="max_orders_per_second", stops=4, allows=5, account=sent((-5, 9), (-0.9, 2)), signal=TARGETS, value="5"),
    Case(
        limit="max_orders_per_minute",
        stops=12,
        allows=13,
        account=sent((-61, 9), (-59, 9), (-0.9, 1)),
        signal=TARGETS,
        value="13",
    ),
    Case(
        limit="max_orders_per_day",
        stops=12,
        allows=13,
        account=remembering(day=DayUse(TODAY, orders=10)),
        signal=TARGETS,
        value="13",
    ),
    Case(limit="max_trades_per_day", stops=2, allows=3, account=realised(entries=2), value="3"),
    Case(
        limit="max_daily_notional",
        stops=D("9999.9"),
        allows=D(10_000),
        account=remembering(day=DayUse(TODAY, notional=D(9_000))),
        value="10000",
    ),
    Case(
        limit="max_cancels_per_minute",
        stops=2,
        allows=3,
        account=remembering(cancels=((int(after(-59).timestamp() * 1000), 2),)),
        value="2",
    ),
    Case(limit="min_confidence", stops=D("0.71"), allows=D("0.7"), signal={"confidence": D("0.7")}, value="0.7"),
    Case(limit="min_confidence", stops=D("0.1"), instead={"signal": {"confidence": D("0.1")}}),
    Case(limit="stop_required", stops=True, allows=False),
    Case(limit="max_stop_distance_percent", stops=D("9.9"), allows=D(10), signal=STOP, value="10"),
    Case(limit="max_stop_distance_percent", stops=D(50), instead={"signal": STOP}),
    Case(limit="min_stop_distance_percent", stops=D("10.1"), allows=D(10), signal=STOP, value="10"),
    Case(limit="min_reward_to_risk", stops=D("2.1"), allows=D(2), signal=TARGETS, value="2"),
    Case(limit="min_reward_to_risk", stops=D(1), signal=STOP, instead={"signal": TARGETS}),
    Case(limit="max_risk_per_trade_percent", stops=D("0.99"), allows=D(1), signal=STOP, value="100"),
    Case(limit="max_risk_per_trade_percent", stops=D(50), instead={"signal": STOP}),
    Case(limit="max_order_quantity", stops=D("9.999"), allows=D(10), value="10"),
    Case(limit="max_order_notional", stops=D("999.9"), allows=D(1000), value="1000"),
    Case(limit="min_order_notional", stops=D("1000.1"), allows=D(1000), value="1000"),
    Case(limit="approval_above_notional", stops=D("999.9"), allows=D(1000), value="1000"),
    Case(limit="max_quote_age_seconds", stops=4, allows=5, order={"quote": replace(QUOTE, as_of=after(-5))}, value="5"),
    Case(
        limit="max_price_deviation_percent",
        stops=D("0.9"),
        allows=D(1),
        order={"quote": Quote(D(99), D(101), D(100), NOW)},
        signal={"price": D(101)},
        value="1",
    ),
    Case(
        limit="max_price_deviation_percent",  # however old the verdict is
        stops=D("0.9"),
        allows=D(1),
        order={"quote": Quote(D(99), D(101), D(100), after(-600))},
        signal={"price": D(101)},
        value="1",
    ),
    Case(
        limit="max_resting_distance_percent",
        stops=D("4.9"),
        allows=D(5),
        signal={"entry": EntryOrder(type=EntryType.LIMIT, price=D(95))},
        value="5",
    ),
    Case(
        limit="max_resting_distance_percent",  # of price and trigger, the one that is further away
        stops=D("4.9"),
        allows=D(5),
        signal={"entry": EntryOrder(type=EntryType.STOP_LIMIT, trigger_price=D(104), price=D(105))},
        value="5",
    ),
    Case(limit="max_slippage_bps", stops=D(9), allows=D(10), order={"quote": QUOTE}, value="10"),
    Case(limit="max_slippage_bps", stops=D(9), allows=D(10), order={"quote": QUOTE}, signal={"action": Action.SHORT}, value="10"),
    Case(
        limit="max_slippage_bps",
        stops=D(99),
        order={"quote": replace(QUOTE, as_of=after(-61))},
        instead={"order": {"quote": QUOTE}},
    ),
    Case(limit="max_spread_bps", stops=D(19), allows=D(20), order={"quote": QUOTE}, value="20"),
    Case(
        limit="max_spread_bps",
        stops=D(99),
        order={"quote": replace(QUOTE, as_of=after(-61))},
        instead={"order": {"quote": QUOTE}},
    ),
    Case(limit="max_funding_rate_percent", stops=D("0.009"), allows=D("0.01"), order={"quote": QUOTE}, value="0.01"),
    Case(
        limit="max_funding_rate_percent",
        stops=D("0.009"),
        order={"quote": QUOTE},
        instead={"signal": {"action": Action.SHORT}},
        value="0.01",
    ),
    Case(
        limit="max_funding_rate_percent",
        stops=D(1),
        order={"quote": replace(QUOTE, funding_rate=None)},
        instead={"order": {"quote": QUOTE}},
    ),
    Case(limit="min_liquidation_distance_percent", stops=D("9.1"), allows=D(9)),
    Case(limit="min_liquidation_distance_percent", stops=D(9), allows=D("8.9"), signal={"action": Action.SHORT}),
    Case(limit="max_position_notional", stops=D("999.9"), allows=D(1000), account=holding(ETH_10), value="1000"),
    Case(limit="max_gross_exposure", stops=D("1999.9"), allows=D(2000), account=holding(ETH_10), value="2000"),
    Case(limit="max_gross_exposure", stops=D("1999.9"), allows=D(2000), account=coming(ETH_COMING), value="2000"),
    Case(
        limit="max_net_exposure",
        stops=D("1999.9"),
        account=holding(ETH_10),
        instead={"signal": {"action": Action.SHORT}},
        value="2000",
    ),
    Case(limit="max_leverage", stops=D("0.19"), allows=D("0.2"), account=holding(ETH_SAME), value="0.2"),
    Case(limit="max_account_leverage", stops=D("0.19"), allows=D("0.2"), account=holding(ETH_10), value="0.2"),
    Case(limit="max_account_leverage", stops=D(100), account=an_account(balance=None), instead={"account": an_account()}),
    Case(limit="max_concentration_percent", stops=D("9.9"), allows=D(10), account=holding(ETH_10), value="10"),
    Case(
        limit="max_correlated_exposure_percent",
        stops=D("19.9"),
        allows=D(20),
        more={"correlated_markets": ((ETH, BTC), ("SOL/USDT:USDT",))},
        account=holding(ETH_10),
        value="20",
    ),
    Case(limit="max_correlated_exposure_percent", stops=D("9.9"), allows=D(10), account=holding(ETH_10), value="10"),
    Case(
        limit="max_strategy_allocation_percent",
        stops=D("19.9"),
        allows=D(20),
        account=holding(a_position(subscription_id=OTHER, market=ETH)),
        value="20",
    ),
    Case(limit="max_strategy_allocation_percent", stops=D("9.9"), allows=D(10), account=holding(ETH_10), value="10"),
    Case(
        limit="max_portfolio_heat_percent",
        stops=D("1.9"),
        allows=D(2),
        account=holding(replace(ETH_10, stop_price=D(90))),
        signal=STOP,
        value="2",
    ),
    Case(
        limit="max_portfolio_heat_percent", stops=D(99), account=holding(ETH_10), signal=STOP, instead={"account": an_account()}
    ),
    Case(
        limit="max_margin_usage_percent",
        stops=D("2.9"),
        allows=D(3),
        account=holding(ETH_10, market_settings={ETH: MarketSettings(D(5), MarginMode.CROSS)}),
        value="3",
    ),
    Case(limit="max_margin_usage_percent", stops=D("10.9"), allows=D(11), account=holding(ETH_10), value="11"),
)


def name_of(case: Case) -> str:
    return case.limit


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_limit_stops_the_order_and_says_what_it_found(case: Case) -> None:
    plan = case.plan(case.stops)
    assert plan.legs == ()
    (entry,) = plan.decided
    assert (entry.kind, entry.state, entry.reason) == (LegKind.ENTRY, IntentState.DENIED, case.reason)
    assert entry.denial is not None
    if case.value is not None:
        assert entry.denial.value == D(case.value)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_the_same_order_just_within_the_limit_is_placed(case: Case) -> None:
    plan = case.plan(case.stops if case.allows is None else case.allows, **case.instead)
    assert [leg.kind for leg in plan.legs][:1] == [LegKind.ENTRY], plan.decided


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_limit_that_is_not_set_stops_nothing(case: Case) -> None:
    unlimited = replace(case, settings={"max_positions": 9, "max_daily_loss_percent": D(100)})
    plan = unlimited.plan(None)
    assert case.limit in ("max_adds", "one_position_per_market") or plan.legs, plan.decided


# -- state, authority and actions of the reconciler ------------------------------------------------------------------------------


def plan_under(limits: Limits, account: Account, seconds: float = 0, authority: Authority = Authority.LIVE) -> Plan:
    above = tighten(((Scope.PLATFORM, limits),), authority=authority)
    return plan_orders(account, a_trade_order(limits=above), a_market(), after(seconds))


def reason_of(plan: Plan) -> Reason | None:
    assert plan.legs == ()
    return plan.decided[0].reason


@pytest.mark.parametrize("looked_at", [None, after(-601)])
def test_a_stale_state_asks_for_a_look_while_the_entry_stays_fresh_and_denies_then(looked_at: Any) -> None:
    account, limits = an_account(reconciled_at=looked_at), Limits(max_state_age_seconds=600)
    with pytest.raises(RetryLater) as later:
        plan_under(limits, account, seconds=117)
    assert (later.value.code, later.value.after_seconds) == ("STATE_STALE", 3)
    assert reason_of(plan_under(limits, account, seconds=117.1)) is Reason.STATE_STALE
    assert plan_under(limits, an_account(reconciled_at=after(-500)), seconds=100).legs


def test_a_reversal_exits_at_once_even_if_the_state_is_too_old_to_enter() -> None:
    held = a_position(signal_issued_at=after(-60), signal_id=digest("before"))
    order = a_trade_order(a_signal(Action.SHORT), limits=tighten(((Scope.PLATFORM, Limits(max_state_age_seconds=600)),)))
    plan = plan_orders(holding(held), order, a_market(), NOW)
    assert ([leg.kind for leg in plan.legs], plan.comes_again, plan.receipt) == ([LegKind.EXIT], True, None)


def test_no_entry_is_older_than_the_strictest_level_allows() -> None:
    limits = Limits(max_signal_age_seconds=30)
    assert reason_of(plan_under(limits, an_account(), seconds=30.1)) is Reason.SIGNAL_TOO_OLD
    plan = plan_under(limits, an_account(), seconds=30)
    assert plan.legs[0].expires_at == after(30)


def test_emergency_limits_stop_a_large_order_and_a_large_day() -> None:
    def spent(notional: str) -> Account:
        return remembering(day=DayUse(TODAY, emergency_notional=D(notional)))

    def plan(account: Account, capital: str = "10000", notional: str = "1000") -> Plan:
        wanted = some_settings(capital=D(capital), sizing=replace(some_settings().sizing, value=D(notional)))
        order = a_trade_order(settings=wanted, limits=EffectiveLimits(authority=Authority.EMERGENCY))
        return plan_orders(account, order, a_market(), NOW)

    assert reason_of(plan(an_account(), notional="2000.1")) is Reason.EMERGENCY_LIMIT
    assert plan(an_account(), notional="2000").legs[0].emergency
    assert reason_of(plan(spent("9000.1"))) is Reason.EMERGENCY_LIMIT
    assert plan(spent("9000")).legs


def test_without_any_word_on_the_limits_for_too_long_nothing_is_entered_and_everything_is_closed() -> None:
    assert reason_of(plan_under(Limits(), an_account(), authority=Authority.LOST)) is Reason.LIMITS_UNAVAILABLE
    assert plan_under(Limits(), an_account(), authority=Authority.CACHED).legs
    order = a_trade_order(a_signal(Action.EXIT), limits=EffectiveLimits(authority=Authority.LOST))
    held = a_position(signal_issued_at=after(-60))
    assert [leg.kind for leg in plan_orders(holding(held), order, a_market(), NOW).legs] == [LegKind.EXIT]


def test_every_level_counts_and_the_receipt_says_whose_limit_it_was() -> None:
    account = an_account(limits=Limits(max_order_notional=D(500)))
    above = tighten(((Scope.PLATFORM, Limits(max_order_notional=D(800))), (Scope.USER, Limits(max_spread_bps=D(1)))))
    order = a_trade_order(limits=above, settings=some_settings(max_order_notional=D(900)))
    plan = plan_orders(account, order, a_market(), NOW)
    assert reason_of(plan) is Reason.MAX_ORDER_NOTIONAL
    assert plan.receipt is not None
    found = {each.limit: (each.origin, each.passed) for each in plan.receipt.evaluations}
    assert found["max_order_notional"] == (Scope.ACCOUNT, False)
    assert found["max_spread_bps"] == (Scope.USER, False)
    assert found["max_leverage"] == (Scope.SUBSCRIPTION, True)


def test_limits_on_what_is_held_travel_with_the_entry() -> None:
    limits = Limits(max_holding_hours=D(4), max_unrealised_loss_percent=D(3))
    wanted = some_settings(limits=limits)
    (entry,) = plan_orders(an_account(), a_trade_order(settings=wanted), a_market(), NOW).legs
    assert entry.limits_to_close is not None
    assert (entry.limits_to_close.max_holding_hours, entry.limits_to_close.max_unrealised_loss_percent) == (D(4), D(3))


# -- nothing is left out ---------------------------------------------------------------------------------------------------------


def test_every_limit_has_a_field_a_check_and_a_case() -> None:
    assert list(CATALOGUE) == list(NAMES)
    checked = {name for name, spec in CATALOGUE.items() if spec.enforced is Enforced.ENTRY and spec.part_of is None}
    assert set(CHECKS) == checked
    assert len(checked) >= 50
    elsewhere = {"max_state_age_seconds", "max_signal_age_seconds"}  # above: they wait, or expire, before they deny
    assert {case.limit for case in CASES} == checked - elsewhere


HERE = "tests/unit/domain/decide/risk/test_risk_limits.py"
RISK = "tests/unit/domain/decide/risk/test_risk.py"
PLAN = "tests/unit/domain/decide/test_plan.py"
SIZING = "tests/unit/domain/orders/test_sizing.py"
ELSEWHERE: Mapping[str, tuple[Reason, ...]] = {
    HERE: (Reason.STATE_STALE, Reason.SIGNAL_TOO_OLD, Reason.EMERGENCY_LIMIT, Reason.LIMITS_UNAVAILABLE),
    RISK: (
        Reason.ACCOUNT_DISABLED,
        Reason.UNKNOWN_MARKET,
        Reason.MARKET_DELISTED,
        Reason.REFERENCE_PRICE_MISSING,
        Reason.STOP_MISSING,
        Reason.STOP_ON_WRONG_SIDE,
        Reason.TARGET_ON_WRONG_SIDE,
        Reason.POSITION_ALREADY_OPEN,
        Reason.QUANTITY_TOO_SMALL,
        Reason.QUANTITY_TOO_LARGE,
        Reason.NOTIONAL_TOO_SMALL,
        Reason.TOO_MANY_OPEN_ORDERS,
    ),
    PLAN: (
        Reason.NO_CREDENTIALS,
        Reason.SUBSCRIPTION_PAUSED,
        Reason.SUBSCRIPTION_CANCELLED,
        Reason.VENUE_MISMATCH,
        Reason.NOTHING_HELD,
        Reason.POSITION_IS_NEWER,
        Reason.SIGNAL_SUPERSEDED,
        Reason.ENTRY_RESTS,
        Reason.OUTCOME_UNKNOWN,
    ),
    SIZING: (Reason.SIZING_INPUT_MISSING, Reason.NO_EDGE),
    "tests/unit/domain/limits/test_lock.py": (Reason.LIMITS_LOCKED,),
    "tests/unit/services/orders/test_cancel_order.py": (Reason.CANCELLED_BY_OWNER,),
    "tests/unit/services/signals/test_fan_out.py": (Reason.NO_ACCOUNT,),
    "tests/unit/domain/signals/test_verdict.py": (
        Reason.TRIGGER_ON_WRONG_SIDE,
        Reason.QUOTE_MISSING,
        Reason.STOP_IMPLAUSIBLE,
        Reason.TARGET_IMPLAUSIBLE,
        Reason.ATR_IMPLAUSIBLE,
    ),
    "tests/unit/services/orders/test_execute_order.py": (
        Reason.OPPOSITE_POSITION_HELD,
        Reason.INSUFFICIENT_FUNDS,
        Reason.AUTHENTICATION_FAILED,
    ),
    "tests/unit/services/orders/test_redriven_orders.py": (Reason.DEAD_LETTERED,),
    "tests/unit/services/orders/test_execute_order_gate.py": (
        Reason.KILL_SWITCH,
        Reason.DEPLOYMENT_PAUSE,
        Reason.VENUE_BREAKER_OPEN,
    ),
    "tests/unit/services/reconcile/test_reconcile_account.py": (Reason.NEVER_PLACED, Reason.CANCELLED_AT_VENUE),
    "tests/unit/services/reconcile/test_reconcile_account_drift.py": (
        Reason.LIQUIDATED,
        Reason.DELEVERAGED,
        Reason.SETTLED,
        Reason.CLOSED_OUTSIDE,
    ),
    "tests/unit/services/reconcile/test_reconcile_account_stops.py": (Reason.REPLACED, Reason.WOULD_TRIGGER),
    "tests/unit/domain/account/test_account.py": (Reason.VENUE_REJECTED,),
    "verification/simulation/test_simulation.py": (Reason.POSITION_CLOSED,),
    "tests/unit/services/reconcile/test_reconcile_account_switches.py": (Reason.FLATTENED,),
    "tests/unit/services/reconcile/test_reconcile_account_limits.py": (Reason.HOLDING_TIME_OVER, Reason.UNREALISED_LOSS),
    "tests/unit/services/pools/test_reserve_pool.py": (Reason.POOL_EXHAUSTED,),
    "tests/unit/services/orders/test_resting_entries.py": (Reason.ENTRY_NOT_FILLED,),
    "tests/unit/services/orders/test_refusals.py": (
        Reason.KEYS_REFUSED,
        Reason.POSITION_LIMIT,
        Reason.OUTSIDE_PRICE_BAND,
        Reason.MARKET_CLOSED,
    ),
    "tests/unit/services/reconcile/test_recover_account.py": (Reason.TABLE_RESTORED,),
    "tests/unit/domain/account/test_vetting.py": (
        Reason.KEYS_NOT_VETTED,
        Reason.KEY_MAY_WITHDRAW,
        Reason.KEY_MAY_TRANSFER,
        Reason.KEY_CANNOT_TRADE,
    ),
    "tests/unit/domain/account/test_suspension.py": (
        Reason.VENUE_REDUCE_ONLY,
        Reason.VENUE_FORBIDS_ORDERS,
        Reason.VENUE_RESTRICTS_PERSON,
    ),
    "tests/unit/domain/orders/test_bracket.py": (Reason.ORDER_TYPE_NOT_SUPPORTED,),
}
ROOT = Path(__file__).parents[5]


def test_every_reason_is_provoked_by_a_test() -> None:
    """Here by its case, or in the file that is named."""
    provoked = {case.reason for case in CASES}
    for path, reasons in ELSEWHERE.items():
        text = (ROOT / path).read_text()
        missing = [reason for reason in reasons if f"Reason.{reason.name}" not in text and f'"{reason.value}"' not in text]
        assert not missing, path
        provoked |= set(reasons)
    assert set(Reason) - provoked == set()
