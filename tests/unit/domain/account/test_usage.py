"""An account's memory for its limits: orders under way count in full, ended orders are released."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.account.account import Account, Balance, DailyResult
from candlecast.domain.account.events import EventType
from candlecast.domain.account.usage import MAX_MARKETS, MAX_REJECTS, MAX_TOLD, MINUTE, EquityMarks, MarketUse, Results, Usage
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from tests.support.builders import BTC, ETH, NOW, SUBSCRIPTION, after, an_account, an_intent

D = Decimal
KEY = f"{SUBSCRIPTION}|{BTC}"
TOMORROW = NOW + timedelta(days=1)
ENTRY = an_intent()  # 1,000 of notional
STOP = an_intent(LegKind.STOP_LOSS)


def told(intent: Intent, filled: str, status: VenueOrderStatus = VenueOrderStatus.FILLED, price: str = "100") -> VenueOrder:
    return VenueOrder(
        client_order_id=intent.client_order_id,
        venue_order_id="1",
        status=status,
        filled_quantity=D(filled),
        average_price=D(price) if D(filled) else None,
    )


def reserved(*intents: Intent) -> Account:
    return an_account().decide(intents or (ENTRY,), NOW)


def closed_at(price: str, account: Account | None = None, signal: str = "exit", now: datetime = NOW) -> Account:
    """A position of 10 at 100 is opened and closed at `price`."""
    entry = replace(ENTRY, intent_id=digest(signal, "entry"), created_at=now)
    leaving = an_intent(LegKind.EXIT, signal_id=digest(signal))
    opened = (account or an_account()).decide((entry,), now).apply(entry.intent_id, told(entry, "10"), D(0), now)
    return opened.decide((leaving,), now).apply(leaving.intent_id, told(leaving, "10", price=price), D(0), now)


def day_of(account: Account, now: datetime = NOW) -> tuple[Decimal, Decimal, int]:
    today = account.usage.today(now)
    return today.notional, today.emergency_notional, account.usage.results_of(SUBSCRIPTION, now).entries


# -- reserve, confirm, release ---------------------------------------------------------------------------------------------------


def test_an_entry_under_way_counts_in_full_and_stays_counted_once_it_is_filled() -> None:
    account = reserved(ENTRY, STOP)
    assert day_of(account) == (D(1_000), D(0), 1)
    assert day_of(account.apply(ENTRY.intent_id, told(ENTRY, "10"), D(0), NOW)) == (D(1_000), D(0), 1)


@pytest.mark.parametrize("state", [IntentState.REJECTED, IntentState.EXPIRED, IntentState.CANCELLED])
def test_an_entry_that_ends_without_a_fill_is_released(state: IntentState) -> None:
    assert day_of(reserved().fail(ENTRY.intent_id, state, Reason.VENUE_REJECTED, after(1))) == (D(0), D(0), 0)


def test_of_an_entry_that_was_filled_in_part_the_rest_is_released() -> None:
    account = reserved().apply(ENTRY.intent_id, told(ENTRY, "4", VenueOrderStatus.CANCELLED), D(0), after(1))
    assert day_of(account) == (D(400), D(0), 1)


def test_an_entry_of_yesterday_releases_nothing_of_today() -> None:
    account = reserved().decide((an_intent(signal_id=digest("next"), market=ETH, created_at=TOMORROW),), TOMORROW)
    assert day_of(account.fail(ENTRY.intent_id, IntentState.EXPIRED, Reason.NEVER_PLACED, TOMORROW), TOMORROW) == (
        D(1_000),
        D(0),
        1,
    )


def test_an_unknown_outcome_keeps_its_reservation() -> None:
    assert day_of(reserved().hold(ENTRY.intent_id, IntentState.UNKNOWN, after(1))) == (D(1_000), D(0), 1)


def test_an_emergency_entry_counts_in_the_emergency_too() -> None:
    account = reserved(replace(ENTRY, emergency=True))
    assert day_of(account) == (D(1_000), D(1_000), 1)
    assert day_of(account.fail(ENTRY.intent_id, IntentState.EXPIRED, Reason.NEVER_PLACED, NOW)) == (D(0), D(0), 0)


def test_a_decision_that_sends_nothing_reserves_nothing() -> None:
    assert day_of(reserved(replace(ENTRY, state=IntentState.DENIED, denial=Denial(Reason.MAX_POSITIONS)))) == (D(0), D(0), 0)


# -- results ---------------------------------------------------------------------------------------------------------------------


def test_results_count_for_their_day_week_and_month() -> None:
    result = Results(date(2026, 11, 27)).with_trade(D(-5), datetime.fromisoformat("2026-11-27T12:00:00+00:00"))  # a Friday
    seen = [
        (each.day_pnl, each.week_pnl, each.month_pnl)
        for each in (result, result.on(date(2026, 11, 29)), result.on(date(2026, 11, 30)))
    ]
    assert seen == [(D(-5), D(-5), D(-5)), (D(0), D(-5), D(-5)), (D(0), D(0), D(-5))]
    assert result.on(date(2026, 12, 1)).month_pnl == 0


def test_results_of_the_same_week_of_another_year_count_no_more() -> None:
    result = Results(date(2025, 11, 20), D(1), D(1), D(1)).on(date(2026, 11, 19))
    assert (result.week_pnl, result.month_pnl) == (D(0), D(0))


def test_losses_in_a_row_are_counted_until_a_profit() -> None:
    account = closed_at("99", closed_at("99", signal="first"), signal="second", now=after(5))
    results = account.usage.results_of(SUBSCRIPTION, after(5))
    assert (results.losses, results.lost_at, results.day_pnl) == (2, after(5), D(-20))
    assert closed_at("101", account, signal="third").usage.results_of(SUBSCRIPTION, NOW).losses == 0


def test_a_market_remembers_its_last_trade_and_loss_and_a_day_of_profit() -> None:
    use = closed_at("101", closed_at("99", signal="first"), signal="second", now=after(60)).usage.market(KEY)
    assert (use.entered_at, use.entered_side) == (after(60), PositionSide.LONG)
    assert (use.closed_at, use.lost_at, use.profit, use.profit_since) == (after(60), NOW, D(0), NOW)
    later = use.with_trade(D(-3), NOW + timedelta(days=1, seconds=1))
    assert (later.profit, later.profit_since) == (D(-3), NOW + timedelta(days=1, seconds=1))


def test_what_an_older_item_remembers_of_the_day_still_counts() -> None:
    older = an_account(daily_results={SUBSCRIPTION: DailyResult(NOW.date(), D(-400))})
    read = from_json(Account, to_json(older))
    account = closed_at("90", read)
    assert (account.realised_today(SUBSCRIPTION, NOW), account.realised_today(SUBSCRIPTION, TOMORROW)) == (D(-500), D(0))


# -- equity ----------------------------------------------------------------------------------------------------------------------


def test_equity_leaves_its_marks() -> None:
    account = an_account()
    for equity, at in (("100", NOW), ("130", after(60)), ("120", after(120)), ("90", TOMORROW), ("140", after(60, TOMORROW))):
        account = account.with_balance(Balance(D(equity), D(equity), at))
    assert account.usage.equity == EquityMarks(
        start=D(100), high=D(140), end_of_day_high=D(120), day=TOMORROW.date(), day_start=D(120), last=D(140)
    )


def test_a_day_begins_with_what_the_last_one_ended_with_even_before_the_first_look() -> None:
    marks = an_account().with_balance(Balance(D(100), D(100), NOW)).usage.equity_marks(TOMORROW)
    assert marks is not None
    assert (marks.day_start, marks.day) == (D(100), TOMORROW.date())


# -- rates -----------------------------------------------------------------------------------------------------------------------


def test_every_order_that_leaves_is_counted_resends_included() -> None:
    account = reserved(ENTRY, STOP).hold(ENTRY.intent_id, IntentState.UNKNOWN, after(10))
    account = account.hold(ENTRY.intent_id, IntentState.SUBMITTING, after(40))
    usage = account.usage
    assert (usage.orders_within(MINUTE, after(40)), usage.orders_within(timedelta(seconds=1), after(40))) == (3, 1)
    assert (usage.orders_within(MINUTE, after(60)), usage.today(NOW).orders) == (1, 3)


def test_what_we_cancel_is_counted_and_what_the_venue_cancels_is_not() -> None:
    account = reserved(STOP).fail(STOP.intent_id, IntentState.CANCELLED, Reason.POSITION_CLOSED, after(1))
    assert account.usage.cancels_within(MINUTE, after(2)) == 1
    account = reserved(STOP).fail(STOP.intent_id, IntentState.CANCELLED, Reason.CANCELLED_AT_VENUE, after(1))
    assert account.usage.cancels_within(MINUTE, after(2)) == 0


def test_only_an_entry_that_the_venue_rejects_puts_its_market_into_quarantine() -> None:
    account = reserved(ENTRY, STOP).fail(STOP.intent_id, IntentState.REJECTED, Reason.VENUE_REJECTED, after(1))
    assert account.usage.rejected_at(BTC) is None
    account = account.fail(ENTRY.intent_id, IntentState.REJECTED, Reason.VENUE_REJECTED, after(2))
    assert (account.usage.rejected_at(BTC), account.usage.rejected_at(ETH)) == (after(2), None)


# -- bounds ----------------------------------------------------------------------------------------------------------------------


def test_markets_that_no_longer_fit_make_unknown_ones_stricter() -> None:
    usage = Usage()
    for number in range(MAX_MARKETS + 2):
        usage = usage.closed(f"{SUBSCRIPTION}|M{number}", SUBSCRIPTION, D(-1), after(number))
    assert len(usage.markets) == MAX_MARKETS
    assert usage.market(f"{SUBSCRIPTION}|M0").closed_at == usage.market("never seen").closed_at == after(1)
    assert usage.market(f"{SUBSCRIPTION}|M2").closed_at == after(2)


def test_rejects_that_no_longer_fit_make_unknown_markets_stricter() -> None:
    usage = Usage()
    for number in range(MAX_REJECTS + 1):
        usage = usage.rejected(f"M{number}", after(number))
    assert (len(usage.rejects), usage.rejected_at("M0"), usage.rejected_at("M1")) == (MAX_REJECTS, NOW, after(1))


def test_what_no_limit_looks_back_to_is_dropped() -> None:
    account = closed_at("99")
    old = account.decide((), NOW + timedelta(days=3)).usage
    assert (dict(old.markets), old.orders, old.cancels, old.day) == ({}, (), (), None)
    assert set(old.results) == {SUBSCRIPTION}
    gone = replace(account, subscriptions={}).decide((), NOW + timedelta(days=3)).usage
    assert dict(gone.results) == {}


def test_usage_survives_its_item() -> None:
    usage = closed_at("99").with_balance(Balance(D(5), D(5), NOW)).usage
    assert from_json(Usage, to_json(usage)) == usage
    assert from_json(Usage, "{}") == Usage()


def test_a_market_that_was_merged_twice_is_the_stricter_of_both() -> None:
    one = MarketUse(entered_at=NOW, entered_side=PositionSide.LONG, closed_at=after(5), profit=D(3))
    other = MarketUse(entered_at=after(1), lost_at=after(2), profit=D(-3))
    assert one.merged(other) == MarketUse(entered_at=after(1), closed_at=after(5), lost_at=after(2), profit=D(-3))


# -- breaches --------------------------------------------------------------------------------------------------------------------


def breaches(account: Account) -> list[Any]:
    return [event.order.reason for event in account.outbox if event.type is EventType.LIMITS_BREACHED and event.order]


def denied(number: int, reason: Reason, subscription_id: str = SUBSCRIPTION) -> Intent:
    signal = digest(str(number))
    return an_intent(signal_id=signal, state=IntentState.DENIED, denial=Denial(reason), subscription_id=subscription_id)


def test_a_breach_is_told_once_a_day_for_each_limit_and_subscription() -> None:
    account = an_account()
    for number, reason in enumerate((Reason.MAX_POSITIONS, Reason.MAX_POSITIONS, Reason.MAX_LEVERAGE)):
        account = account.decide((denied(number, reason),), NOW)
    account = account.decide((denied(7, Reason.MAX_POSITIONS, "another-one"),), NOW)
    assert breaches(account) == [Reason.MAX_POSITIONS, Reason.MAX_LEVERAGE, Reason.MAX_POSITIONS]
    assert breaches(replace(account, outbox=()).decide((denied(8, Reason.MAX_POSITIONS),), TOMORROW)) == [Reason.MAX_POSITIONS]


def test_a_denial_that_no_limit_has_made_is_no_breach() -> None:
    assert breaches(an_account().decide((denied(1, Reason.QUANTITY_TOO_SMALL),), NOW)) == []


def test_so_many_breaches_are_told_in_a_day_and_no_more() -> None:
    account = an_account()
    for number in range(MAX_TOLD + 5):
        account = account.decide((denied(number, Reason.MAX_POSITIONS, digest("subscription", str(number))),), NOW)
    assert len(breaches(account)) == MAX_TOLD
