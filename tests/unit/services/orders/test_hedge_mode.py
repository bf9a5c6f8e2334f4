"""Long and short side by side: two subscriptions of one account in one market, each closing only its own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.account.findings import Drift
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import place_of
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import InvalidValue, Reject
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide, Side
from candlecast.domain.venue.reports import OrderRequest, VenueOrderStatus
from tests.support.builders import BTC, SUBSCRIPTION, a_position, a_signal, an_account, an_intent, settings
from tests.support.money_path import KEY, MoneyPath, bracket

D = Decimal
OTHER = "subscription-2"
BOTH = {SUBSCRIPTION: SubscriptionStatus.ACTIVE, OTHER: SubscriptionStatus.ACTIVE}
HEDGE = PositionMode.HEDGE


def hedging(**changes: Any) -> MoneyPath:
    return MoneyPath(subscriptions=BOTH, position_mode=HEDGE, **changes)


def enter(path: MoneyPath, action: Action, subscription_id: str = SUBSCRIPTION, **changes: Any) -> Account:
    stop = "90" if action is Action.LONG else "110"
    signal = bracket(action, stop=stop, issued_at=path.clock.now(), **{"targets": (), **changes})
    return path.execute(signal, subscription_id=subscription_id, settings=settings(max_positions=2))


def sides(path: MoneyPath) -> dict[str, Decimal]:
    return {place.partition("|")[2]: net for place, net in path.exchange.books[KEY].net.items() if net}


def both_sides() -> MoneyPath:
    path = hedging()
    enter(path, Action.LONG)
    path.clock.advance(1)
    enter(path, Action.SHORT, OTHER)
    return path


def test_the_venue_is_told_of_the_mode_before_the_first_entry_and_never_again() -> None:
    path = hedging()
    enter(path, Action.LONG)
    path.clock.advance(1)
    enter(path, Action.SHORT, OTHER)
    methods = [request.method for request in path.exchange.requests]
    assert (methods[0], methods.count("set_position_mode")) == ("set_position_mode", 1)
    assert path.account.mode_at_venue is HEDGE


def test_in_one_way_mode_nobody_is_told_anything() -> None:
    path = MoneyPath()
    path.enter()
    assert path.exchange.count("set_position_mode") == 0


def test_both_sides_are_held_in_one_market_and_each_has_its_stop() -> None:
    path = both_sides()
    assert sides(path) == {"LONG": D(10), "SHORT": D(-10)}
    assert sorted(path.live_stops()) == [(D(10), D(90)), (D(10), D(110))]
    orders = [request for request, _ in path.exchange.books[KEY].orders]
    assert {(r.side, r.position_side.value if r.position_side else None) for r in orders} == {
        (Side.BUY, "LONG"),
        (Side.SELL, "LONG"),
        (Side.SELL, "SHORT"),
        (Side.BUY, "SHORT"),
    }


def test_in_one_way_mode_the_other_side_of_a_market_is_in_use() -> None:
    path = MoneyPath(subscriptions=BOTH)
    enter(path, Action.LONG)
    path.clock.advance(1)
    enter(path, Action.SHORT, OTHER)
    assert path.told(LegKind.ENTRY)[-1].reason is Reason.MARKET_IN_USE


def test_in_hedge_mode_the_same_side_of_a_market_is_in_use() -> None:
    path = hedging()
    enter(path, Action.LONG)
    path.clock.advance(1)
    enter(path, Action.LONG, OTHER)
    assert path.told(LegKind.ENTRY)[-1].reason is Reason.MARKET_IN_USE


def test_an_exit_closes_its_own_side_only() -> None:
    path = both_sides()
    path.clock.advance(5)
    path.execute(a_signal(Action.EXIT, issued_at=path.clock.now()))
    path.settle(looks=2)
    assert sides(path) == {"SHORT": D(-10)}
    assert path.live_stops() == [(D(10), D(110))]


def test_one_sides_stop_leaves_the_other_alone() -> None:
    path = both_sides()
    path.exchange.trade(BTC, D(90))
    path.settle(looks=2, seconds=60)
    assert sides(path) == {"SHORT": D(-10)}
    assert (list(path.account.positions), path.alerts()) == ([f"{OTHER}|{BTC}"], [])


def test_both_sides_are_compared_with_the_venue_apart() -> None:
    path = both_sides()
    for _ in range(3):
        path.reconcile(300)
    assert (path.alerts(), dict(path.account.drifts)) == ([], {})
    assert len(path.account.positions) == 2


def test_a_side_that_was_closed_by_hand_is_adopted_and_the_other_stays() -> None:
    path = both_sides()
    path.exchange.prices[BTC] = D(105)
    closing = an_intent(LegKind.EXIT, leg="web", quantity=D(10))
    path.exchange.place(KEY, replace(request_of(closing), client_order_id="web_1"))
    for _ in range(4):
        path.reconcile(300)
    assert (sides(path), path.alerts()) == ({"SHORT": D(-10)}, ["POSITION_CLOSED_OUTSIDE"])
    (trade,) = [e.event.trade for e in path.database.stream if e.event.trade]
    assert (trade.exit_price, trade.quantity, trade.subscription_id) == (D(105), D(10), SUBSCRIPTION)


def test_what_somebody_adds_to_both_sides_alike_is_told_of_though_nothing_of_it_is_left_net() -> None:
    path = both_sides()
    for number, side in enumerate(PositionSide):
        added = an_intent(leg="web", quantity=D(5), position_side=side)
        path.exchange.place(KEY, replace(request_of(added), client_order_id=f"web_{number}"))
    for _ in range(3):
        path.reconcile(300)
    differences = {place: drift.difference for place, drift in path.account.drifts.items()}
    assert differences == {place_of(BTC, PositionSide.LONG): D(5), place_of(BTC, PositionSide.SHORT): D(-5)}
    assert (path.alerts(), path.account.holds_foreign(BTC)) == (["POSITION_DRIFT"] * 2, True)


def test_a_difference_that_was_noted_before_the_mode_was_changed_is_forgotten_once_the_sides_agree() -> None:
    path = both_sides()
    path.change(drifts={BTC: Drift(difference=D(5), seen_at=path.clock.now())})
    path.reconcile(300)
    assert (dict(path.account.drifts), path.alerts()) == ({}, [])


def request_of(intent: Intent) -> OrderRequest:
    return intent.request(HEDGE)


def test_a_stop_is_cut_down_after_a_target_because_the_venue_refuses_one_that_is_too_large() -> None:
    path = hedging()
    enter(path, Action.LONG, targets=(TakeProfit(D(110), D("0.5")), TakeProfit(D(120), D("0.5"))))
    path.exchange.trade(BTC, D(110))
    path.reconcile(60)
    assert path.live_stops() == [(D(5), D(90))]
    path.exchange.trade(BTC, D(90))
    path.settle(looks=2, seconds=60)
    assert path.is_flat


def test_a_venue_that_keeps_positions_another_way_says_so_once_and_is_told_before_the_next_entry() -> None:
    path = MoneyPath()
    path.exchange.books[KEY].mode = HEDGE  # somebody has set it by hand
    path.enter()
    assert path.states(LegKind.ENTRY) == [IntentState.REJECTED]
    assert path.account.mode_at_venue is None
    path.clock.advance(60)
    enter(path, Action.LONG)
    assert (path.net, path.exchange.count("set_position_mode")) == (D(10), 1)


def test_where_the_venue_refuses_the_mode_the_entry_is_rejected_and_a_person_is_told_once() -> None:
    path = hedging()
    path.exchange.fail("set_position_mode", Reject("VENUE_REJECTED", "-4068 there is a position"), times=2)
    for _ in range(2):
        enter(path, Action.LONG)
        path.clock.advance(60)
    assert path.states(LegKind.ENTRY) == [IntentState.REJECTED, IntentState.REJECTED]
    assert (path.alerts(), path.exchange.count("create_order")) == (["POSITION_MODE_NOT_SET"], 0)
    enter(path, Action.LONG)
    assert sides(path) == {"LONG": D(10)}


def test_the_mode_changes_only_while_nothing_is_held_or_open() -> None:
    flat = an_account()
    assert flat.with_position_mode(HEDGE).position_mode is HEDGE
    position = a_position()
    busy = (an_account(positions={position.key: position}), an_account(intents={"a": an_intent()}))
    for account in busy:
        assert account.with_position_mode(PositionMode.ONE_WAY) == account
        with pytest.raises(InvalidValue, match="ACCOUNT_NOT_FLAT"):
            account.with_position_mode(HEDGE)


def test_a_trailing_stop_of_the_venues_own_is_by_side_too() -> None:
    path = hedging()
    path.execute(bracket(targets=()), settings=settings(trailing_stop_percent=D(5)))
    orders = [r for r, o in path.exchange.books[KEY].orders if o.status is VenueOrderStatus.OPEN]
    assert {r.order_type for r in orders} == {OrderType.STOP_MARKET, OrderType.TRAILING_STOP}
    path.exchange.trade(BTC, D(100))
    path.exchange.trade(BTC, D(95))
    path.settle(looks=2, seconds=60)
    assert path.is_flat
