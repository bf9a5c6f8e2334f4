"""Actions of the reconciler that a person ordered: kill switches, and entries that rest at the venue longer than they may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.kill_switch import Grade, SwitchPlace, SwitchScope
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.services.orders.stop_resting import HANGING
from tests.support.builders import STRATEGY, SUBSCRIPTION, after
from tests.support.fakes.venue import Fault
from tests.support.money_path import KEY, MoneyPath

D = Decimal


def resting() -> MoneyPath:
    """An entry that the venue has filled in part and keeps in its book."""
    path = MoneyPath()
    path.exchange.fills_at_once = False
    path.enter(targets=())
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    path.exchange.fill(KEY, entry.client_order_id, D(4))
    path.exchange.fills_at_once = True
    path.reconcile(3)
    return path


# -- positions ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [SwitchPlace(SwitchScope.PLATFORM, "platform"), SwitchPlace(SwitchScope.STRATEGY, STRATEGY)])
def test_a_switch_that_flattens_closes_every_position_it_is_about(place: SwitchPlace) -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.FLATTEN, place)
    path.reconcile(60)
    assert path.is_flat
    (trade,) = [told.event.trade for told in path.database.stream if told.event.trade]
    assert trade.closed_by.startswith(Reason.FLATTENED)
    assert path.metrics.counts["ForcedExits"] == 1


def test_a_switch_about_another_strategy_closes_nothing() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.FLATTEN, SwitchPlace(SwitchScope.STRATEGY, "another"))
    path.reconcile(60)
    assert path.net == D(10)


@pytest.mark.parametrize("grade", [Grade.PAUSE_ENTRIES, Grade.REDUCE_ONLY, Grade.HALT_ALL])
def test_no_other_grade_closes_a_position(grade: Grade) -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(grade)
    path.reconcile(60)
    assert (path.net, len(path.live_triggers())) == (D(10), 2)


def test_a_switch_that_cannot_be_read_closes_nothing_now_and_is_read_again_at_the_next_look() -> None:
    path = MoneyPath()
    path.enter()
    path.gate.flip(Grade.FLATTEN)
    path.gate.unreadable = 1
    path.reconcile(60)
    assert path.net == D(10)
    path.reconcile(60)
    assert path.is_flat


def test_one_exit_is_enough_while_its_outcome_is_unknown() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.gate.flip(Grade.FLATTEN)
    path.exchange.script(Fault.AMBIGUOUS_EXECUTED)
    path.exchange.hidden_lookups = 2
    for _ in range(3):
        path.reconcile(10)
    assert (path.exchange.count("create_order"), path.net) == (3, D(0))
    path.settle(looks=2)
    assert path.is_flat


def test_an_exit_that_the_venue_refuses_is_an_alert_once_and_goes_on_slowly() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.gate.flip(Grade.FLATTEN)
    path.exchange.script(*[Fault.REJECT] * 50)
    for _ in range(5):
        path.reconcile(60)
    assert (path.exchange.count("create_order"), path.alerts()) == (2 + 5, ["EXIT_NOT_PLACED"])


def test_an_account_that_holds_nothing_costs_no_read_of_switches() -> None:
    path = MoneyPath()
    path.gate.flip(Grade.FLATTEN)
    path.reconcile()
    assert path.gate.reads == 0


# -- entries that rest ---------------------------------------------------------------------------------------------------------


def test_a_resting_entry_that_is_wanted_stays() -> None:
    path = resting()
    path.gate.flip(Grade.PAUSE_ENTRIES)
    path.reconcile(3)
    assert path.states(LegKind.ENTRY) == [IntentState.OPEN]


@pytest.mark.parametrize("grade", [Grade.REDUCE_ONLY, Grade.FLATTEN])
def test_a_switch_that_only_reduces_cancels_a_resting_entry(grade: Grade) -> None:
    path = resting()
    path.gate.flip(grade)
    path.reconcile(3)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.CANCELLED, Reason.KILL_SWITCH)]


def test_what_a_cancelled_entry_had_filled_is_held_under_its_stop() -> None:
    path = resting()
    path.gate.flip(Grade.REDUCE_ONLY)
    path.settle(looks=2, seconds=5)
    assert path.position is not None
    assert (path.position.quantity, path.live_stops()) == (D(4), [(D(4), D(90))])


def test_a_resting_entry_is_cancelled_once_it_has_expired() -> None:
    path = resting()
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    path.change(intents={**path.account.intents, entry.intent_id: replace(entry, expires_at=after(50))})
    path.reconcile(47)
    assert path.states(LegKind.ENTRY) == [IntentState.OPEN]
    path.reconcile(1)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.CANCELLED, Reason.SIGNAL_TOO_OLD)]


def test_a_market_order_that_neither_fills_nor_ends_is_cancelled_and_what_is_left_is_exited_again() -> None:
    path = MoneyPath()
    path.enter(targets=())
    path.clock.advance(5)
    path.exchange.fills_at_once = False
    path.leave()
    path.exchange.fills_at_once = True
    path.reconcile(HANGING.total_seconds())
    assert path.states(LegKind.EXIT) == [IntentState.OPEN]
    path.reconcile(1)
    assert path.states(LegKind.EXIT) == [IntentState.CANCELLED, IntentState.PENDING]
    path.reconcile(5)
    assert path.is_flat


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (SubscriptionStatus.PAUSED, Reason.SUBSCRIPTION_PAUSED),
        (SubscriptionStatus.CANCELLED, Reason.SUBSCRIPTION_CANCELLED),
    ],
)
def test_a_resting_entry_of_a_subscription_that_is_not_active_is_cancelled(status: SubscriptionStatus, reason: Reason) -> None:
    path = resting()
    path.change(subscriptions={SUBSCRIPTION: status})
    path.reconcile(3)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.CANCELLED, reason)]


def test_an_entry_that_fills_while_it_is_cancelled_is_filled_and_not_called_cancelled() -> None:
    path = resting()
    path.change(subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED})
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    original = type(path.venues.exchange).receive

    def fills_first(exchange: object, method: str, *arguments: object) -> object:
        if method == "cancel_order":
            path.exchange.fill(KEY, entry.client_order_id, D(6))
        return original(path.exchange, method, *arguments)  # type: ignore[arg-type]

    path.exchange.receive = fills_first.__get__(path.exchange)  # type: ignore[method-assign]
    path.reconcile(3)
    assert [(i.state, i.reason) for i in path.told(LegKind.ENTRY)] == [(IntentState.FILLED, None)]


def test_an_entry_that_cannot_be_cancelled_is_an_alert_once_and_goes_on_slowly() -> None:
    path = resting()
    path.change(subscriptions={SUBSCRIPTION: SubscriptionStatus.PAUSED})
    path.exchange.fail("cancel_order", RetryLater("RATE_LIMITED", after_seconds=5), times=50)
    for _ in range(6):
        path.reconcile(10)
    assert (path.exchange.count("cancel_order"), path.alerts()) == (3, ["ORDER_NOT_CANCELLED"])
    entry = next(i for i in path.account.intents.values() if i.kind is LegKind.ENTRY)
    assert replace(entry, denial=None) == entry
