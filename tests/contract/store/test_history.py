"""History: never backwards, final for ever, counted once, and each tenant's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.strategies.days import DaySums
from candlecast.domain.strategies.record import MAX_TENANT_TRADES, RecordSums, counted_return, window_of
from candlecast.domain.strategies.statistics import Statistics
from candlecast.domain.values.errors import InvalidValue, NotFound
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import PositionSide
from candlecast.ports.filters import OrderFilter, TradeFilter, Window
from candlecast.ports.store import LastPrice
from tests.contract.store.conftest import Stores
from tests.support.builders import (
    ACCOUNT,
    BTC,
    ETH,
    NOW,
    STRATEGY,
    SUBSCRIPTION,
    TENANT,
    VENUE,
    a_position,
    a_trade,
    after,
    an_intent,
)

ANY = OrderFilter()
FINAL = [state for state in IntentState if state.is_terminal]


def numbered(number: float, **changes: Any) -> Intent:
    return an_intent(intent_id=f"intent-{number}", created_at=after(number), **changes)


def listed(stores: Stores, where: OrderFilter = ANY, tenant: str = TENANT) -> list[str]:
    return [intent.intent_id for intent in stores.history.list_orders(tenant, where).items]


def test_an_order_is_read_as_it_was_written(stores: Stores) -> None:
    stores.history.put_order(an_intent(), 3)
    assert stores.history.get_order(TENANT, an_intent().intent_id) == an_intent()


def test_an_older_version_never_overwrites_a_newer_one(stores: Stores) -> None:
    stores.history.put_order(an_intent(state=IntentState.OPEN), 3)
    stores.history.put_order(an_intent(state=IntentState.SUBMITTING), 2)
    assert stores.history.get_order(TENANT, an_intent().intent_id).state is IntentState.OPEN


def test_the_later_of_two_events_of_one_version_counts(stores: Stores) -> None:
    stores.history.put_order(an_intent(state=IntentState.SUBMITTING), 2)
    stores.history.put_order(an_intent(state=IntentState.OPEN), 2)
    assert stores.history.get_order(TENANT, an_intent().intent_id).state is IntentState.OPEN


@pytest.mark.parametrize("state", FINAL)
def test_nothing_overwrites_a_final_state(stores: Stores, state: IntentState) -> None:
    stores.history.put_order(an_intent(state=state), 3)
    stores.history.put_order(an_intent(state=IntentState.OPEN), 4)
    assert stores.history.get_order(TENANT, an_intent().intent_id).state is state


def test_a_repeated_skip_leaves_one_order(stores: Stores) -> None:
    skipped = [numbered(number, state=IntentState.SKIPPED) for number in range(30)]
    stores.history.put_skipped(skipped)
    stores.history.put_skipped(skipped)
    assert len(stores.history.list_orders(TENANT, ANY, limit=100).items) == 30


def test_what_an_account_decides_counts_more_than_an_earlier_skip(stores: Stores) -> None:
    stores.history.put_skipped([an_intent(state=IntentState.SKIPPED)])
    stores.history.put_order(an_intent(state=IntentState.FILLED), 3)
    assert stores.history.get_order(TENANT, an_intent().intent_id).state is IntentState.FILLED


def test_a_dead_letter_is_replaced_by_its_repeat_and_by_what_an_account_decides(stores: Stores) -> None:
    dead = an_intent(state=IntentState.DENIED)
    stores.history.put_dead(dead)
    stores.history.put_dead(replace(dead, denial=Denial(Reason.STATE_STALE)))
    assert stores.history.get_order(TENANT, dead.intent_id).reason is Reason.STATE_STALE
    stores.history.put_order(an_intent(state=IntentState.SUBMITTING), 1)
    stores.history.put_dead(dead)
    assert stores.history.get_order(TENANT, dead.intent_id).state is IntentState.SUBMITTING


@pytest.mark.parametrize("state", FINAL)
def test_a_dead_letter_never_replaces_what_an_account_has_decided(stores: Stores, state: IntentState) -> None:
    stores.history.put_order(an_intent(state=state), 3)
    stores.history.put_dead(an_intent(state=IntentState.DENIED))
    assert stores.history.get_order(TENANT, an_intent().intent_id).state is state


def test_orders_are_listed_newest_first_page_by_page(stores: Stores) -> None:
    for number in range(5):
        stores.history.put_order(numbered(number), 1)
    first = stores.history.list_orders(TENANT, ANY, limit=3)
    second = stores.history.list_orders(TENANT, ANY, first.cursor, limit=3)
    found = [intent.intent_id for intent in (*first.items, *second.items)]
    assert found == [f"intent-{number}" for number in (4, 3, 2, 1, 0)]
    assert second.cursor is None


def test_a_full_last_page_has_no_cursor(stores: Stores) -> None:
    for number in range(2):
        stores.history.put_order(numbered(number), 1)
    assert stores.history.list_orders(TENANT, ANY, limit=2).cursor is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (OrderFilter(subscription_id="subscription-2"), ["intent-1"]),
        (OrderFilter(account_id="account-2"), ["intent-2"]),
        (OrderFilter(strategy_id="strategy-2"), ["intent-1"]),
        (OrderFilter(signal_id="signal-2"), ["intent-2"]),
        (OrderFilter(market=ETH), ["intent-2", "intent-1"]),
        (OrderFilter(market=ETH, strategy_id="strategy-2"), ["intent-1"]),
        (OrderFilter(kind="STOP_LOSS"), ["intent-1"]),
        (OrderFilter(reason="STATE_STALE"), ["intent-1"]),
        (OrderFilter(state="FILLED"), ["intent-3", "intent-2"]),
        (OrderFilter(is_filled=True), ["intent-3"]),
        (OrderFilter(is_filled=False), ["intent-2", "intent-1"]),
        (OrderFilter(is_of_signal=True), ["intent-3", "intent-2"]),
        (OrderFilter(account_id="account-2", state="OPEN"), []),
    ],
)
def test_a_filter_narrows_the_listing(stores: Stores, where: OrderFilter, expected: list[str]) -> None:
    first = numbered(1, kind=LegKind.STOP_LOSS, subscription_id="subscription-2", strategy_id="strategy-2", market=ETH)
    stores.history.put_order(replace(first, denial=Denial(Reason.STATE_STALE)), 1)
    second = numbered(2, account_id="account-2", signal_id="signal-2", market=ETH, state=IntentState.FILLED)
    stores.history.put_order(second, 1)
    stores.history.put_order(numbered(3, state=IntentState.FILLED, filled_quantity=Decimal(1)), 1)
    assert listed(stores, where) == expected


WINDOWS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [4, 3, 2, 1, 0]),
    ({"since": after(2)}, [4, 3, 2]),
    ({"until": after(2)}, [1, 0]),
    ({"since": after(1), "until": after(3)}, [2, 1]),
    ({"since": after(1), "until": after(1.000001)}, [1]),
    ({"since": after(2.000001)}, [4, 3]),
    ({"until": NOW}, []),
    ({"ascending": True}, [0, 1, 2, 3, 4]),
    ({"since": after(1), "until": after(4), "ascending": True}, [1, 2, 3]),
]


@pytest.mark.parametrize(("span", "expected"), WINDOWS)
def test_a_window_holds_its_beginning_and_not_its_end(stores: Stores, span: dict[str, Any], expected: list[int]) -> None:
    for number in range(5):
        stores.history.put_order(numbered(number), 1)
        stores.history.put_trade(a_trade(f"trade-{number}", closed_at=after(number)), 1)
    window = Window(**span)
    assert listed(stores, OrderFilter(window=window)) == [f"intent-{number}" for number in expected]
    trades = stores.history.list_trades(TENANT, TradeFilter(window=window)).items
    assert [trade.trade_id for trade in trades] == [f"trade-{number}" for number in expected]


@pytest.mark.parametrize("ascending", [False, True])
def test_a_window_goes_on_page_by_page_in_both_directions(stores: Stores, *, ascending: bool) -> None:
    for number in range(6):
        stores.history.put_order(numbered(number), 1)
    where = OrderFilter(window=Window(since=after(1), until=after(5), ascending=ascending))
    first = stores.history.list_orders(TENANT, where, limit=3)
    second = stores.history.list_orders(TENANT, where, first.cursor, limit=3)
    found = [intent.intent_id for intent in (*first.items, *second.items)]
    assert found == [f"intent-{number}" for number in ((1, 2, 3, 4) if ascending else (4, 3, 2, 1))]
    assert second.cursor is None


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (TradeFilter(subscription_id="subscription-2"), ["trade-1"]),
        (TradeFilter(account_id="account-2"), ["trade-2"]),
        (TradeFilter(strategy_id="strategy-2"), ["trade-1"]),
        (TradeFilter(market=ETH), ["trade-2"]),
        (TradeFilter(side="SHORT"), ["trade-2", "trade-1"]),
        (TradeFilter(side="SHORT", market=BTC), ["trade-1"]),
    ],
)
def test_a_filter_narrows_the_listing_of_trades(stores: Stores, where: TradeFilter, expected: list[str]) -> None:
    trades = [
        a_trade(
            "trade-1", closed_at=after(1), subscription_id="subscription-2", strategy_id="strategy-2", side=PositionSide.SHORT
        ),
        a_trade("trade-2", closed_at=after(2), account_id="account-2", market=ETH, side=PositionSide.SHORT),
        a_trade("trade-3", closed_at=after(3)),
    ]
    for trade in trades:
        stores.history.put_trade(trade, 1)
    assert [trade.trade_id for trade in stores.history.list_trades(TENANT, where).items] == expected


def test_a_filtered_listing_goes_on_where_its_page_ended(stores: Stores) -> None:
    for number in range(9):
        stores.history.put_order(numbered(number, account_id=f"account-{number % 3}"), 1)
    where = OrderFilter(account_id="account-1")
    first = stores.history.list_orders(TENANT, where, limit=2)
    second = stores.history.list_orders(TENANT, where, first.cursor, limit=2)
    assert [intent.intent_id for intent in (*first.items, *second.items)] == ["intent-7", "intent-4", "intent-1"]


def test_nothing_of_another_tenant_is_found(stores: Stores) -> None:
    stores.history.put_order(an_intent(), 1)
    stores.history.put_position(a_position(), 1, NOW)
    stores.history.put_trade(a_trade(), 1)
    with pytest.raises(NotFound):
        stores.history.get_order("tenant-2", an_intent().intent_id)
    assert listed(stores, tenant="tenant-2") == []
    assert list(stores.history.list_positions("tenant-2")) == []
    assert list(stores.history.list_trades("tenant-2", TradeFilter()).items) == []
    assert stores.subscriptions.subscription_statistics("tenant-2", SUBSCRIPTION) == Statistics()


def test_a_cursor_of_one_tenant_is_refused_for_another(stores: Stores) -> None:
    for tenant in (TENANT, "tenant-2"):
        for number in range(2):
            stores.history.put_order(numbered(number, tenant_id=tenant), 1)
            stores.history.put_trade(a_trade(f"trade-{number}", tenant_id=tenant), 1)
    orders = stores.history.list_orders("tenant-2", ANY, limit=1).cursor
    trades = stores.history.list_trades("tenant-2", TradeFilter(), limit=1).cursor
    assert orders is not None
    for cursor in (orders, trades):
        with pytest.raises(InvalidValue) as refused:
            stores.history.list_orders(TENANT, ANY, cursor)
        assert refused.value.code == "CURSOR_INVALID"


def test_positions_follow_their_account_and_a_closed_one_is_gone(stores: Stores) -> None:
    stores.history.put_position(a_position(), 2, NOW)
    stores.history.put_position(a_position(market=ETH), 3, NOW)
    stores.history.put_position(a_position(quantity=Decimal(4)), 4, NOW)
    assert list(stores.history.list_positions(TENANT)) == [a_position(quantity=Decimal(4)), a_position(market=ETH)]
    stores.history.put_position(a_position(quantity=Decimal(0)), 5, NOW)
    assert list(stores.history.list_positions(TENANT)) == [a_position(market=ETH)]


def test_a_late_repeat_does_not_bring_a_closed_position_back(stores: Stores) -> None:
    stores.history.put_position(a_position(), 2, NOW)
    stores.history.put_position(a_position(quantity=Decimal(0)), 3, NOW)
    stores.history.put_position(a_position(), 2, NOW)
    assert list(stores.history.list_positions(TENANT)) == []
    stores.history.put_position(a_position(signal_id="signal-2"), 4, NOW)
    assert list(stores.history.list_positions(TENANT)) == [a_position(signal_id="signal-2")]


def test_a_trade_is_counted_once_however_often_it_is_delivered(stores: Stores) -> None:
    for _ in range(3):
        stores.history.put_trade(a_trade(), 1)
    once = Statistics.of(a_trade().pnl, a_trade().fees)
    assert stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION) == once
    record = stores.strategies.strategy_record(STRATEGY, VENUE)
    assert (record.tenants, record.trades, record.weight, record.returns) == (1, 1, 1, Decimal("0.09916"))
    assert list(stores.history.list_trades(TENANT, TradeFilter()).items) == [a_trade()]


def test_a_corrected_trade_takes_the_place_of_the_earlier_one_in_every_sum(stores: Stores) -> None:
    closed = a_trade()
    corrected = replace(closed, fees=closed.fees + Decimal("0.5"), funding=Decimal("-200"))
    for _ in range(2):
        stores.history.put_trade(a_trade("other"), 3)
        stores.history.put_trade(closed, 4)
        stores.history.put_trade(corrected, 6)
        stores.history.put_trade(closed, 4)  # a late repeat
    other, own = a_trade("other"), stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION)
    assert own == Statistics.of(other.pnl, other.fees) + Statistics.of(corrected.pnl, corrected.fees, corrected.funding)
    assert (own.trades, own.wins, own.losses, own.net_pnl) == (2, 1, 1, other.net_pnl + corrected.net_pnl)
    record = stores.strategies.strategy_record(STRATEGY, VENUE)
    both = [counted_return(each.net_pnl, each.capital) or Decimal(0) for each in (other, corrected)]
    assert (record.trades, record.wins, record.returns) == (2, Decimal(1), sum(both, Decimal(0)))
    assert {trade.trade_id: trade for trade in stores.history.list_trades(TENANT, TradeFilter()).items}[
        closed.trade_id
    ] == corrected


def test_a_correction_in_the_write_of_the_close_counts(stores: Stores) -> None:
    corrected = replace(a_trade(), funding=Decimal(1))
    for _ in range(2):  # the stream repeats a record as a whole
        stores.history.put_trade(a_trade(), 4)
        stores.history.put_trade(corrected, 4)
    assert stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION).funding == 1
    assert list(stores.history.list_trades(TENANT, TradeFilter()).items) == [corrected]


def test_trades_of_all_accounts_add_up_to_the_strategy_without_losing_a_digit(stores: Stores) -> None:
    trades = [
        a_trade(f"trade-{number}", account_id=f"account-{number}", pnl=Decimal("-0.1234567890123456"), fees=Decimal("0.1"))
        for number in range(20)
    ]
    for trade in trades:
        stores.history.put_trade(trade, 1)
    total = stores.strategies.strategy_record(STRATEGY, VENUE)
    assert (total.trades, total.tenants, total.wins) == (20, 1, Decimal(0))
    assert total.returns == -total.losses == 20 * Decimal("-0.000223456789")
    own = stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION)
    assert (own.pnl, own.fees) == (Decimal("-2.4691357802469120"), Decimal("2.0"))


def test_a_record_counts_trades_of_its_own_venue_only(stores: Stores) -> None:
    stores.history.put_trade(a_trade("live", venue="binanceusdm", capital=Decimal(500)), 1)
    stores.history.put_trade(a_trade("paper"), 1)
    stores.history.put_trade(a_trade("unknown", venue=None), 1)
    stores.history.put_trade(a_trade("older", capital=None), 1)
    records = [stores.strategies.strategy_record(STRATEGY, venue) for venue in (VENUE, "binanceusdm")]
    assert [(record.trades, record.returns) for record in records] == [(1, Decimal("0.09916")), (1, Decimal("0.19832"))]
    assert stores.strategies.strategy_statistics(STRATEGY) == Statistics()
    assert stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION).trades == 4


def test_a_tenants_weight_in_a_record_is_bounded(stores: Stores) -> None:
    for number in range(MAX_TENANT_TRADES + 3):
        stores.history.put_trade(a_trade(f"trade-{number}"), 1)
    stores.history.put_trade(a_trade("other", tenant_id="tenant-2", pnl=Decimal("-99.16")), 1)
    record = stores.strategies.strategy_record(STRATEGY, VENUE)
    assert (record.tenants, record.trades, record.weight) == (2, MAX_TENANT_TRADES + 4, MAX_TENANT_TRADES + 1)
    assert record.returns == MAX_TENANT_TRADES * Decimal("0.09916") - Decimal("0.1")


def test_a_record_leaves_the_newest_windows_out(stores: Stores) -> None:
    for number in range(3):
        stores.history.put_trade(a_trade(f"trade-{number}", closed_at=after(3_600 * number)), 1)
    until = [window_of(after(3_600 * number)) for number in range(4)]
    assert [stores.strategies.strategy_record(STRATEGY, VENUE, each).trades for each in until] == [0, 1, 2, 3]
    assert stores.strategies.strategy_record(STRATEGY, VENUE, until[0]) == RecordSums()


def test_trades_are_listed_newest_first_and_by_subscription(stores: Stores) -> None:
    for number in range(4):
        stores.history.put_trade(
            a_trade(f"trade-{number}", closed_at=after(number), subscription_id=f"subscription-{number % 2}"), 1
        )
    everything = stores.history.list_trades(TENANT, TradeFilter())
    assert [trade.trade_id for trade in everything.items] == ["trade-3", "trade-2", "trade-1", "trade-0"]
    own = stores.history.list_trades(TENANT, TradeFilter(subscription_id="subscription-1"), limit=1)
    rest = stores.history.list_trades(TENANT, TradeFilter(subscription_id="subscription-1"), own.cursor, limit=1)
    assert [trade.trade_id for trade in (*own.items, *rest.items)] == ["trade-3", "trade-1"]
    assert rest.cursor is None


def test_the_newest_close_of_a_market_is_kept(stores: Stores) -> None:
    newest = LastPrice(Decimal("61234.123456789"), NOW)
    stores.prices.put_price(VENUE, BTC, newest)
    stores.prices.put_price(VENUE, BTC, LastPrice(Decimal(1), after(-60)))
    stores.prices.put_price("binanceusdm", ETH, LastPrice(Decimal(2), NOW))
    assert stores.prices.get_prices(VENUE, [BTC, ETH, BTC]) == {BTC: newest}
    assert stores.prices.get_prices(VENUE, []) == {}


def test_a_protective_leg_keeps_everything_it_has(stores: Stores) -> None:
    leg = replace(an_intent(LegKind.TAKE_PROFIT, leg="TAKE_PROFIT_1"), average_price=Decimal("0.00001234"), lookups=2)
    stores.history.put_order(leg, 1)
    assert stores.history.get_order(TENANT, leg.intent_id) == leg


# -- by day ------------------------------------------------------------------------------------------------------------------

A_DAY = 86_400
TODAY, TOMORROW = NOW.date(), after(A_DAY).date()


def daily(stores: Stores, account: str = ACCOUNT, subscription: str | None = None) -> Mapping[date, Statistics]:
    return stores.history.daily_statistics(TENANT, account, TODAY, after(3 * A_DAY).date(), subscription).days


def test_trades_are_counted_by_the_day_of_their_close_for_subscription_and_account(stores: Stores) -> None:
    trades = [
        a_trade("first"),
        a_trade("second", fees=Decimal("0.123456789")),
        a_trade("neighbour", subscription_id="subscription-2", pnl=Decimal(-3)),
        a_trade("tomorrow", closed_at=after(A_DAY)),
        a_trade("elsewhere", account_id="account-2"),
        a_trade("foreign", tenant_id="tenant-2"),
    ]
    for _ in range(2):  # the stream repeats
        for trade in trades:
            stores.history.put_trade(trade, 1)
    first, second, neighbour, tomorrow, elsewhere, _ = (Statistics.of(trade.pnl, trade.fees) for trade in trades)
    assert daily(stores, subscription=SUBSCRIPTION) == {TODAY: first + second, TOMORROW: tomorrow}
    assert daily(stores) == {TODAY: first + second + neighbour, TOMORROW: tomorrow}
    assert daily(stores, "account-2") == {TODAY: elsewhere}
    assert daily(stores, "account-2", "subscription-2") == {}


def test_days_outside_of_those_asked_for_are_left_out_and_the_others_come_in_order(stores: Stores) -> None:
    for number in (3, 0, 2, 1):
        stores.history.put_trade(a_trade(f"trade-{number}", closed_at=after(number * A_DAY)), 1)
    read = stores.history.daily_statistics(TENANT, ACCOUNT, after(A_DAY).date(), after(2 * A_DAY).date())
    assert list(read.days) == [after(A_DAY).date(), after(2 * A_DAY).date()]
    assert read.next_day is None
    days = stores.strategies.strategy_days(STRATEGY, VENUE, after(A_DAY).date(), after(2 * A_DAY).date())
    assert list(days) == [after(A_DAY).date(), after(2 * A_DAY).date()]


def test_a_correction_is_counted_in_the_day_of_the_close(stores: Stores) -> None:
    closed = a_trade()
    corrected = replace(closed, fees=closed.fees + Decimal("0.5"), funding=Decimal("-200"))
    for _ in range(2):
        stores.history.put_trade(closed, 4)
        stores.history.put_trade(corrected, 6)
        stores.history.put_trade(closed, 4)  # a late repeat
    assert daily(stores) == {TODAY: Statistics.of(corrected.pnl, corrected.fees, corrected.funding)}
    days = stores.strategies.strategy_days(STRATEGY, VENUE, TODAY, TODAY)
    assert days == {TODAY: DaySums(tenants=1, trades=1, returns=Decimal("-0.10134"))}


def test_each_tenant_counts_alike_in_a_strategys_day_on_its_venue(stores: Stores) -> None:
    for number in range(3):
        own = a_trade(f"trade-{number}", subscription_id=f"subscription-{number}", account_id=f"account-{number}")
        stores.history.put_trade(own, 1)
    stores.history.put_trade(a_trade("other", tenant_id="tenant-2", pnl=Decimal("-99.16")), 1)
    stores.history.put_trade(a_trade("live", venue="binanceusdm"), 1)
    stores.history.put_trade(a_trade("older", capital=None), 1)
    days = stores.strategies.strategy_days(STRATEGY, VENUE, TODAY, TODAY)
    assert days == {TODAY: DaySums(tenants=2, trades=4, returns=Decimal("-0.00084"))}


def test_lost_trades_are_counted_in_no_day_again(stores: Stores) -> None:
    stores.history.put_trade(a_trade(), 4)
    before = (daily(stores), stores.strategies.strategy_days(STRATEGY, VENUE, TODAY, TODAY))
    stores.lose_trades(TENANT)
    stores.rebuilt.put_trade(a_trade(), 4)
    assert (daily(stores), stores.strategies.strategy_days(STRATEGY, VENUE, TODAY, TODAY)) == before


def test_an_answer_by_day_ends_with_a_whole_day_and_names_the_next_one(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("candlecast.adapters.dynamodb.history", "tests.support.fakes.history"):
        monkeypatch.setattr(f"{module}.MAX_DAY_ROWS", 4)
    for number in range(6):
        day, subscription = divmod(number, 2)
        stores.history.put_trade(
            a_trade(f"trade-{number}", closed_at=after(day * A_DAY), subscription_id=f"subscription-{subscription}"), 1
        )
    first = stores.history.daily_statistics(TENANT, ACCOUNT, TODAY, after(9 * A_DAY).date())
    assert (list(first.days), first.next_day) == ([TODAY, TOMORROW], after(2 * A_DAY).date())
    assert first.next_day is not None
    rest = stores.history.daily_statistics(TENANT, ACCOUNT, first.next_day, after(9 * A_DAY).date())
    assert (list(rest.days), rest.next_day) == ([after(2 * A_DAY).date()], None)
    assert [sums.trades for sums in (*first.days.values(), *rest.days.values())] == [2, 2, 2]


# -- a rebuild ---------------------------------------------------------------------------------------------------------------


def test_a_lost_trade_that_is_counted_is_stored_again_and_counted_no_more(stores: Stores) -> None:
    closed = a_trade()
    corrected = replace(closed, fees=closed.fees + Decimal("0.5"))
    for trade, version in ((closed, 4), (corrected, 6), (a_trade("other"), 7)):
        stores.history.put_trade(trade, version)
    before = sums(stores)
    stores.lose_trades(TENANT)
    assert list(stores.history.list_trades(TENANT, TradeFilter()).items) == []
    for _ in range(2):
        for trade, version in ((closed, 4), (corrected, 6), (a_trade("other"), 7)):
            stores.rebuilt.put_trade(trade, version)
    assert sums(stores) == before
    assert {trade.trade_id: trade for trade in stores.history.list_trades(TENANT, TradeFilter()).items} == {
        closed.trade_id: corrected,
        "other": a_trade("other"),
    }


def test_a_rebuild_that_ends_before_a_correction_leaves_the_corrected_trade(stores: Stores) -> None:
    closed = a_trade()
    corrected = replace(closed, fees=closed.fees + Decimal("0.5"))
    stores.history.put_trade(closed, 4)
    stores.history.put_trade(corrected, 6)
    before = sums(stores)
    stores.rebuilt.put_trade(closed, 4)
    assert list(stores.history.list_trades(TENANT, TradeFilter()).items) == [corrected]
    assert sums(stores) == before


def test_a_trade_that_its_sums_do_not_know_is_stored_and_counted_by_a_rebuild(stores: Stores) -> None:
    """As after a restore: trade and sums are those of an earlier moment, and the archive knows more."""
    stores.history.put_trade(a_trade(), 4)
    lost = a_trade("lost", fees=Decimal("0.3"))
    for _ in range(2):
        stores.rebuilt.put_trade(a_trade(), 4)
        stores.rebuilt.put_trade(lost, 5)
    assert stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION).trades == 2
    assert stores.strategies.strategy_record(STRATEGY, VENUE).trades == 2
    stores.history.put_trade(lost, 5)  # the stream brings it after all
    assert stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION).trades == 2


def test_a_letter_that_brings_an_earlier_trade_late_counts_it_and_hides_no_later_one_from_a_rebuild(stores: Stores) -> None:
    stores.history.put_trade(a_trade("later"), 9)
    stores.history.put_trade(a_trade("earlier"), 5)
    before = sums(stores)
    assert before[0].trades == 2
    stores.lose_trades(TENANT)
    stores.rebuilt.put_trade(a_trade("earlier"), 5)
    stores.rebuilt.put_trade(a_trade("later"), 9)
    assert sums(stores) == before


def sums(stores: Stores) -> tuple[Statistics, RecordSums]:
    return (
        stores.subscriptions.subscription_statistics(TENANT, SUBSCRIPTION),
        stores.strategies.strategy_record(STRATEGY, VENUE),
    )


# -- orders of lost minutes --------------------------------------------------------------------------------------------------


def test_an_accounts_orders_without_an_end_are_found_by_when_they_were_made(stores: Stores) -> None:
    for number in range(5):
        stores.history.put_order(numbered(number, state=IntentState.OPEN), 3)
    stores.history.put_order(numbered(6, state=IntentState.FILLED), 3)
    stores.history.put_order(numbered(2.5, account_id="another", state=IntentState.OPEN), 3)
    stores.history.put_order(numbered(2.6, tenant_id="another", state=IntentState.OPEN), 3)
    found = stores.lost_orders.orders_without_end(TENANT, an_intent().account_id, after(1), after(9), 50)
    assert [it.intent_id for it in found] == ["intent-4", "intent-3", "intent-2", "intent-1"]
    bounded = stores.lost_orders.orders_without_end(TENANT, an_intent().account_id, after(1), after(4), 2)
    assert [it.intent_id for it in bounded] == ["intent-3", "intent-2"]


def test_an_order_that_has_ended_since_is_found_no_more(stores: Stores) -> None:
    stores.history.put_order(numbered(1, state=IntentState.OPEN), 3)
    stores.history.put_order(numbered(1, state=IntentState.EXPIRED), 10**9 + 1)
    assert list(stores.lost_orders.orders_without_end(TENANT, an_intent().account_id, after(0), after(9), 50)) == []
