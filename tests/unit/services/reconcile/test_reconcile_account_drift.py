"""Changes by others at the venue: a close by hand or by liquidation is adopted, other orders are reported and never touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.events import EventType
from candlecast.domain.account.findings import MAX_EXTERNAL_ORDERS
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.position import Trade
from candlecast.domain.reconcile.drift import ClosedBy
from candlecast.domain.reconcile.look_schedule import next_due, next_full_look
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType, Side
from candlecast.domain.venue.reports import VenueOpenOrder
from candlecast.domain.venue.rules import BINANCE_USDM
from tests.support.builders import BTC, ETH, a_reconcile_request, a_signal, an_order_request
from tests.support.fakes.venue import FakeVenue, Fault
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
APART = BINANCE_USDM.lookup_spacing.total_seconds()
LIQUIDATION = "autoclose-1700000000000"


def full_look(path: MoneyPath) -> None:
    """A look at the account's next turn."""
    path.reconcile(max((next_full_look(path.account) - path.clock.now()).total_seconds(), 0))


def two_looks(path: MoneyPath) -> None:
    full_look(path)
    path.reconcile(APART)


def holding(**levels: Any) -> MoneyPath:
    path = MoneyPath()
    path.enter(**levels)
    full_look(path)
    return path


def trades(path: MoneyPath) -> list[Trade]:
    return [told.event.trade for told in path.database.stream if told.event.trade]


def an_open_order(path: MoneyPath, client_order_id: str = "web_1", market: str = BTC) -> None:
    """Somebody places a stop of their own."""
    request = an_order_request(
        client_order_id,
        market=market,
        side=Side.SELL,
        order_type=OrderType.STOP_MARKET,
        quantity=D(1),
        trigger_price=D(80),
    )
    path.exchange.place(KEY, request)


# -- positions: ours was reduced or closed ---------------------------------------------------------------------------------------


def test_a_position_that_was_closed_by_hand_is_closed_for_us_at_the_price_of_the_venues_trades() -> None:
    path = holding()
    path.exchange.prices[BTC] = D(104)
    path.exchange.trade_outside(KEY, BTC, D(-10))
    full_look(path)
    assert (path.position is not None, path.alerts()) == (True, [])  # seen once, which may be a race
    path.reconcile(APART)
    (trade,) = trades(path)
    assert (trade.exit_price, trade.pnl, trade.quantity, trade.closed_by) == (D(104), D(40), D(10), "CLOSED_OUTSIDE")
    assert trade.fees == D("0.4") + D("0.416")
    assert path.alerts() == ["POSITION_CLOSED_OUTSIDE"]
    path.reconcile(APART)
    assert path.is_flat
    assert path.exchange.count("create_order") == 3


@pytest.mark.parametrize(
    ("client_order_id", "closer"),
    [
        (LIQUIDATION, "LIQUIDATED"),
        ("adl_autoclose", "DELEVERAGED"),
        ("settlement_autoclose-1700000000000", "SETTLED"),
        ("delivery_autoclose-1700000000000", "SETTLED"),
    ],
)
def test_the_venues_own_closing_is_told_from_a_persons_hand(client_order_id: str, closer: str) -> None:
    path = holding()
    path.exchange.prices[BTC] = D(60)
    path.exchange.trade_outside(KEY, BTC, D(-10), client_order_id=client_order_id)
    two_looks(path)
    (trade,) = trades(path)
    assert (trade.exit_price, trade.closed_by, path.alerts()) == (D(60), closer, [f"POSITION_{closer}"])


def test_a_position_that_was_reduced_by_hand_shrinks_and_its_stop_with_it() -> None:
    path = holding(targets=())
    path.exchange.trade_outside(KEY, BTC, D(-4))
    two_looks(path)
    path.reconcile(APART)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops(), trades(path)) == (D(6), [(D(6), D(90))], [])
    path.clock.advance(5)
    path.leave()
    (trade,) = trades(path)
    assert (trade.quantity, trade.closed_by, path.net) == (D(10), "EXIT", D(0))


def test_a_position_that_was_turned_by_hand_is_closed_for_us_and_the_other_side_is_told_of() -> None:
    path = holding(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(-13))
    two_looks(path)
    assert (path.position, [trade.closed_by for trade in trades(path)]) == (None, [ClosedBy.CLOSED_OUTSIDE])
    two_looks(path)
    path.reconcile(APART)
    assert (path.net, path.account.holds_foreign(BTC)) == (D(-3), True)
    assert path.alerts() == ["POSITION_CLOSED_OUTSIDE", "POSITION_DRIFT"]


def test_what_closed_it_is_looked_for_among_the_orders_of_others_only() -> None:
    path = holding(stop=None, targets=())
    path.exchange.prices[BTC] = D(102)
    path.exchange.trade_outside(KEY, BTC, D(-4))
    path.clock.advance(1)
    path.exchange.prices[BTC] = D(108)
    path.exchange.trade_outside(KEY, BTC, D(-6))
    two_looks(path)
    (trade,) = trades(path)
    assert trade.exit_price == (4 * D(102) + 6 * D(108)) / 10


def test_what_our_own_orders_closed_afterwards_is_not_taken_for_what_others_closed() -> None:
    path = holding(targets=(TakeProfit(D(110), D("0.3")),))
    path.exchange.prices[BTC] = D(105)
    path.exchange.trade_outside(KEY, BTC, D(-7))
    path.clock.advance(1)
    path.exchange.trade(BTC, D(110))
    two_looks(path)
    (trade,) = trades(path)
    assert trade.exit_price == (7 * D(105) + 3 * D(110)) / 10


def test_what_others_opened_is_not_taken_for_what_closed_our_position() -> None:
    path = holding(stop=None, targets=())
    path.exchange.prices[BTC] = D(103)
    path.exchange.trade_outside(KEY, BTC, D(-6), "web_1")
    path.clock.advance(1)
    path.exchange.prices[BTC] = D(95)
    path.exchange.trade_outside(KEY, BTC, D(2), "web_2")
    two_looks(path)
    assert path.position is not None
    assert (path.position.quantity, path.position.exit_notional) == (D(6), 4 * D(103))


def test_of_two_looks_at_once_only_one_tells_of_what_is_not_ours() -> None:
    path = holding()
    path.exchange.trade_outside(KEY, ETH, D(5))
    full_look(path)
    path.clock.advance(APART)
    original = path.accounts.save

    def other_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.reconciler(a_reconcile_request())
        return original(account)

    path.accounts.save = other_first  # type: ignore[method-assign]
    path.reconcile()
    assert path.alerts() == ["POSITION_DRIFT"]


def test_a_difference_that_the_next_look_does_not_see_again_was_none() -> None:
    path = holding()
    path.exchange.books[KEY].net[BTC] -= 4
    full_look(path)
    path.exchange.books[KEY].net[BTC] += 4
    path.reconcile(APART)
    assert (path.alerts(), dict(path.account.drifts)) == ([], {})


def test_a_stop_that_triggers_between_the_two_looks_is_a_fill_and_no_drift() -> None:
    path = holding(targets=())
    path.exchange.books[KEY].net[BTC] -= 10
    full_look(path)
    path.exchange.books[KEY].net[BTC] += 10
    path.exchange.trade(BTC, D(90))
    path.reconcile(APART)
    (trade,) = trades(path)
    assert (trade.closed_by, path.alerts()) == ("STOP_LOSS", [])


def test_nothing_is_concluded_while_an_order_of_the_market_is_unresolved() -> None:
    path = holding(stop=None, targets=())
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.clock.advance(5)
    path.leave()
    path.exchange.hidden_lookups = 5
    for _ in range(4):
        full_look(path)
    assert (path.alerts(), dict(path.account.drifts)) == ([], {})
    path.exchange.hidden_lookups = 0
    path.settle(looks=2)
    assert [trade.closed_by for trade in trades(path)] == ["EXIT"]


def test_an_exit_that_the_venue_refuses_because_nothing_is_held_leaves_no_position_behind() -> None:
    path = holding(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.clock.advance(1)
    path.leave()
    assert path.states(LegKind.EXIT) == [IntentState.REJECTED, IntentState.PENDING]
    two_looks(path)
    assert (path.is_flat, [trade.closed_by for trade in trades(path)]) == (True, [ClosedBy.CLOSED_OUTSIDE])


def test_an_exit_that_the_venue_refuses_the_reconciler_has_the_account_compared_at_once() -> None:
    path = holding(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.exchange.script(Fault.RETRY_LATER)
    path.leave()
    path.queue.sent.clear()
    path.reconcile(5)
    ((request, delay),) = path.queue.sent
    assert (request.full, delay, path.states(LegKind.EXIT)) == (True, APART, [IntentState.REJECTED, IntentState.PENDING])
    path.clock.advance(delay)
    path.reconciler(request)
    path.reconcile(APART)
    assert path.is_flat


def test_a_naked_position_that_is_none_any_more_is_found_out_and_not_protected_for_ever() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.NONE, Fault.REJECT)
    path.enter(targets=())
    path.exchange.trade_outside(KEY, BTC, D(-10))
    path.exchange.script(*[Fault.REJECT] * 20)
    path.reconcile(1)
    path.reconcile(APART)
    assert (path.is_flat, [trade.closed_by for trade in trades(path)]) == (True, [ClosedBy.CLOSED_OUTSIDE])


def test_of_two_looks_at_once_only_one_adopts() -> None:
    path = holding(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(-4))
    full_look(path)
    path.clock.advance(APART)
    original = path.accounts.save

    def other_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.reconciler(a_reconcile_request())
        return original(account)

    path.accounts.save = other_first  # type: ignore[method-assign]
    path.reconcile()
    assert path.position is not None
    assert (path.position.quantity, path.alerts()) == (D(6), ["POSITION_CLOSED_OUTSIDE"])


def test_an_exit_that_comes_between_makes_the_adoption_void() -> None:
    path = holding(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(-4))
    full_look(path)
    path.clock.advance(APART)
    original = path.accounts.save

    def exit_first(account: Any) -> Any:
        path.accounts.save = original  # type: ignore[method-assign]
        path.leave()
        return original(account)

    path.accounts.save = exit_first  # type: ignore[method-assign]
    path.reconcile()
    path.settle(looks=3)
    assert (path.net, path.is_flat, len(trades(path))) == (D(0), True, 1)


# -- positions: more is held than ours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("market", "quantity"), [(BTC, D(3)), (ETH, D(5)), (ETH, D(-5))])
def test_what_is_not_ours_is_told_of_once_and_never_touched(market: str, quantity: Decimal) -> None:
    path = holding()
    path.exchange.trade_outside(KEY, market, quantity)
    sent = path.exchange.count("create_order")
    for _ in range(4):
        two_looks(path)
    events = [e.event for e in path.database.stream if e.event.code == "POSITION_DRIFT"]
    assert [event.market for event in events] == [market]
    assert (path.exchange.count("create_order"), path.account.holds_foreign(market)) == (sent, True)
    assert path.metrics.counts["PositionDrifts"] == 1
    path.exchange.trade_outside(KEY, market, -quantity)
    full_look(path)
    assert not path.account.holds_foreign(market)


def test_a_position_that_changes_all_the_time_is_not_looked_at_all_the_time() -> None:
    path = holding()
    path.exchange.trade_outside(KEY, ETH, D(1))
    full_look(path)
    for quick in (True, True, False, False):
        path.exchange.trade_outside(KEY, ETH, D(1))
        path.queue.sent.clear()
        path.reconcile(60)
        assert bool(path.queue.sent) is quick


# -- orders of others ------------------------------------------------------------------------------------------------------------


def test_an_order_of_somebody_else_is_shown_told_of_once_and_left_alone() -> None:
    path = holding()
    an_open_order(path)
    for _ in range(3):
        path.reconcile(60)
    (order,) = path.account.external_orders
    told = [e.event for e in path.database.stream if e.event.type is EventType.EXTERNAL_ORDER]
    assert [(e.external_order, e.market) for e in told] == [(order, BTC)]
    assert (order.client_order_id, order.side, order.quantity) == ("web_1", Side.SELL, D(1))
    assert path.exchange.count("cancel_open_order") == 0
    assert D(80) in path.live_triggers()


def test_an_order_of_somebody_else_that_is_gone_is_not_shown_any_more() -> None:
    path = holding()
    an_open_order(path)
    path.reconcile(60)
    path.exchange.fill(KEY, "web_1", D(1))
    path.reconcile(60)
    assert path.account.external_orders == ()


def test_orders_of_others_are_shown_in_bounded_numbers() -> None:
    path = holding()
    for number in range(MAX_EXTERNAL_ORDERS + 3):
        an_open_order(path, f"web_{number}")
    path.reconcile(60)
    assert len(path.account.external_orders) == MAX_EXTERNAL_ORDERS


def test_an_order_in_a_market_where_nothing_is_ours_is_found_within_the_hour() -> None:
    path = holding()
    an_open_order(path, market=ETH)
    for _ in range(13):
        full_look(path)
    assert [order.market for order in path.account.external_orders] == [ETH]


@pytest.mark.parametrize(
    ("venue", "asked"),
    [("paper", [BTC, ETH]), ("unheard-of", [None])],
    ids=["forty times the weight", "everything weighs the same"],
)
def test_open_orders_are_asked_for_where_something_is_ours_unless_all_at_once_weighs_less(
    venue: str, asked: list[str | None]
) -> None:
    path = holding()
    path.execute(bracket(market=ETH, signal_id="in-another-market"))
    path.change(venue=venue)
    assert markets_asked(path) == asked


def markets_asked(path: MoneyPath) -> list[str | None]:
    """Where a look that is no whole one asks for open orders."""
    asked: list[str | None] = []

    class Asking(FakeVenue):
        def open_orders(self, market: str | None = None) -> Sequence[VenueOpenOrder]:
            asked.append(market)
            return super().open_orders(market)

    class Venues:
        def connect(self, *_: Any) -> FakeVenue:
            return Asking(path.exchange, KEY)

    path.reconciler = replace(path.reconciler, venues=Venues())
    path.reconcile(60)
    return asked


def test_an_order_with_an_id_of_ours_that_nothing_explains_is_cancelled_after_a_second_look() -> None:
    path = holding()
    stray = "cc" + "0" * 30
    an_open_order(path, stray)
    path.reconcile(60)
    assert D(80) in path.live_triggers()  # the executor may have placed it a moment ago
    path.reconcile(APART)
    assert D(80) not in path.live_triggers()
    path.reconcile(60)
    assert (path.account.external_orders, path.alerts()) == ((), [])
    assert [e for e in path.database.stream if e.event.type is EventType.EXTERNAL_ORDER] == []


def test_a_stray_that_cannot_be_cancelled_is_an_alert_once_and_goes_on_slowly() -> None:
    path = holding()
    an_open_order(path, "cc" + "0" * 30)
    path.exchange.fail("cancel_open_order", RetryLater("RATE_LIMITED", after_seconds=5), times=100)
    for _ in range(7):
        path.reconcile(60)
    assert (path.exchange.count("cancel_open_order"), path.alerts()) == (3, ["STRAY_ORDER_STAYS"])


def test_a_stop_that_was_given_up_and_turns_up_again_is_not_doubled_for_long() -> None:
    """The venue's answers hid it for two looks, so another one took its place."""
    path = holding(targets=())
    book = path.exchange.books[KEY]
    hidden = book.orders.pop()
    path.reconcile(60)
    path.reconcile(APART)
    assert path.live_stops() == [(D(10), D(90))]
    book.orders.append(hidden)
    path.reconcile(60)
    path.reconcile(60)
    assert path.live_stops() == [(D(10), D(90))]


# -- absence -------------------------------------------------------------------------------------------------------------------


def test_an_order_that_look_ups_do_not_find_but_trades_show_is_adopted_and_not_sent_again() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter(stop=None, targets=())
    path.exchange.hidden_lookups = 100
    path.settle(looks=3)
    assert path.position is not None
    assert (path.exchange.count("create_order"), path.position.quantity, path.position.fees) == (1, D(10), D("0.4"))
    assert path.states(LegKind.ENTRY) == [IntentState.FILLED]


def test_trades_of_others_at_the_same_time_do_not_prove_an_order() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter(stop=None, targets=())
    path.exchange.trade_outside(KEY, BTC, D(10))
    path.reconcile(BINANCE_USDM.settle_window.total_seconds())
    path.reconcile(APART)
    assert path.exchange.count("create_order") == 2


def test_an_absence_that_cannot_be_proven_is_an_alert_and_nothing_is_sent() -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_NOT_EXECUTED)
    path.enter(stop=None, targets=())
    for _ in range(11):
        path.exchange.trade_outside(KEY, BTC, D(1))
    path.settle(looks=6)
    assert (path.exchange.count("create_order"), path.alerts()) == (1, ["ABSENCE_NOT_PROVEN"])
    assert [intent.state for intent in path.account.intents.values()] == [IntentState.UNKNOWN]


# -- the venue has no time -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["balance", "positions"])
def test_what_was_found_is_written_though_the_comparison_has_to_wait(method: str) -> None:
    path = MoneyPath()
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.enter(stop=None, targets=())
    path.exchange.fail(method, RetryLater("WEIGHT_SPENT", after_seconds=30))
    account = path.reconcile(1)
    assert (path.states(LegKind.ENTRY), account.reconciled_at) == ([IntentState.FILLED], None)
    assert next_due(account, path.clock.now()) is not None
    assert path.reconcile(60).reconciled_at == path.clock.now()


def test_a_look_that_somebody_waits_for_is_taken_though_it_is_not_the_accounts_turn() -> None:
    path = MoneyPath()
    path.reconcile()
    path.clock.advance(10)
    path.reconciler(a_reconcile_request(full=True))
    assert path.account.reconciled_at == path.clock.now()
    assert path.exchange.count("balance") == 2


def test_no_entry_is_taken_where_more_is_held_than_ours_and_other_markets_go_on() -> None:
    path = MoneyPath()
    path.exchange.trade_outside(KEY, BTC, D(3))
    two_looks(path)
    for market in (BTC, ETH):
        path.execute(a_signal(Action.LONG, signal_id=market, market=market, issued_at=path.clock.now()))
    assert [(i.market, i.reason) for i in path.told(LegKind.ENTRY)] == [(BTC, Reason.MARKET_IN_USE), (ETH, None)]
    path.exchange.trade_outside(KEY, BTC, D(-3))
    full_look(path)
    path.execute(a_signal(Action.LONG, signal_id="again", issued_at=path.clock.now()))
    assert path.net == D(10)
