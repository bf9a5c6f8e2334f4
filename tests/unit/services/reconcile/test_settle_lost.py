"""Orders of lost minutes end in history as they have ended at the venue, and nothing else of the account changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.end_lost import FORGOTTEN_AFTER, ended_lost
from candlecast.domain.reconcile.restoration import KNOWN_FOR, QUIET, Restoration
from candlecast.domain.values.errors import Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.services.orders import settle_orders
from candlecast.services.reconcile.recover_account import RecoverAccount
from candlecast.services.reconcile.settle_lost import MAX_ORDERS_ASKED, SettleLost
from tests.support.builders import ACCOUNT, BTC, ETH, TENANT, a_reconcile_request, an_intent
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.restorations import FakeLostOrders, FakeRestorations
from tests.support.money_path import KEY, MoneyPath

D = Decimal


class After:
    """A table that was restored to before a trade; its account is accounted for, and history has the trade's orders."""

    def __init__(self, *, generation: int = 2, left: str | None = "89") -> None:
        self.path, self.version = MoneyPath(), 10**9
        path = self.path
        self.kept, since = path.account, path.clock.now()
        path.clock.advance(1)
        path.enter()
        self.history = FakeHistory(path.database)
        self.project()
        if left is not None:
            path.exchange.trade(BTC, D(left))
        path.clock.advance(60)
        self.restored = Restoration(generation=2, restored_to=since, adopted_at=path.clock.now())
        path.database.restoration = self.restored
        path.database.accounts[TENANT, ACCOUNT] = replace(self.kept, generation=generation)
        marker, orders = FakeRestorations(path.database), FakeLostOrders(path.database)
        path.reconciler = replace(
            path.reconciler,
            recover=RecoverAccount(marker, generation, path.clock, path.metrics),
            settle_lost=SettleLost(marker, orders, path.markets, generation, path.clock, path.metrics),
        )

    def project(self) -> None:
        """The relay's projection of all that was told."""
        for written in self.path.database.stream:
            if written.event.order is not None:
                self.history.put_order(written.event.order, self.version)
        self.path.database.stream.clear()
        self.version += 1

    def look(self, **request: Any) -> Account:
        account = self.path.reconciler(a_reconcile_request(**{"full": True, **request}))
        self.project()
        return account

    def shown(self, kind: LegKind) -> tuple[IntentState, Decimal, Reason | None]:
        (order,) = [order for order, _ in self.path.database.orders.values() if order.kind is kind]
        return order.state, order.filled_quantity, order.denial.reason if order.denial else None


def test_a_stop_that_was_filled_unseen_is_filled_in_history_at_the_venues_price() -> None:
    after = After()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.OPEN, D(0), None)
    after.look()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.FILLED, D(10), None)
    (stop,) = [order for order, _ in after.path.database.orders.values() if order.kind is LegKind.STOP_LOSS]
    (filled,) = [order for order in after.path.venue_orders() if order.client_order_id == stop.client_order_id]
    assert (stop.average_price, stop.venue_order_id) == (filled.average_price, filled.venue_order_id)
    assert stop.fee > 0
    assert after.path.metrics.counts["LostOrdersEnded"] >= 1


def test_nothing_of_the_account_changes_but_what_it_tells() -> None:
    after = After()
    account = after.look()
    assert (account.positions, account.intents, account.settled) == ({}, {}, after.kept.settled)


def test_an_order_that_the_venue_never_had_ends_with_the_restore_as_its_reason() -> None:
    after = After()
    wish = an_intent(LegKind.EXIT, state=IntentState.PENDING, created_at=after.restored.restored_to, quantity=D(10))
    after.history.put_order(wish, 5)
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.EXPIRED, D(0), Reason.TABLE_RESTORED)


def test_an_order_that_is_open_at_the_venue_stays_open() -> None:
    after = After(left=None)
    before = after.shown(LegKind.TAKE_PROFIT)
    after.look()
    assert after.shown(LegKind.TAKE_PROFIT) == before == (IntentState.OPEN, D(0), None)


def test_an_order_that_the_account_follows_is_left_to_it() -> None:
    after = After(left=None)
    followed = an_intent(LegKind.EXIT, state=IntentState.UNKNOWN, created_at=after.restored.restored_to)
    after.path.change(intents={followed.intent_id: followed})
    after.history.put_order(followed, 5)
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.UNKNOWN, D(0), None)


@pytest.mark.parametrize("made", ["before the moment", "after the adoption", "by another account"])
def test_other_orders_are_left_alone(made: str) -> None:
    after = After()
    moment, adopted = after.restored.restored_to, after.restored.adopted_at
    assert adopted is not None
    cases: dict[str, dict[str, Any]] = {
        "before the moment": {"created_at": moment - KNOWN_FOR},
        "after the adoption": {"created_at": adopted + 2 * QUIET},
        "by another account": {"created_at": moment, "account_id": "another"},
    }
    after.history.put_order(an_intent(LegKind.EXIT, state=IntentState.PENDING, **cases[made]), 5)
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.PENDING, D(0), None)


def test_a_day_after_the_adoption_nothing_is_asked_any_more() -> None:
    after = After()
    after.path.clock.advance(KNOWN_FOR.total_seconds() + 1)
    after.look()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.OPEN, D(0), None)


def test_a_table_that_was_never_restored_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    after = After(generation=1)
    monkeypatch.setattr(FakeRestorations, "find", lambda self: pytest.fail("the marker was read"))
    after.look()


def test_one_look_asks_for_a_bounded_number_and_the_next_goes_on() -> None:
    after = After()
    for number in range(MAX_ORDERS_ASKED + 5):
        wish = an_intent(LegKind.EXIT, signal_id=f"s{number}", state=IntentState.PENDING, created_at=after.restored.restored_to)
        after.history.put_order(wish, 5)
    before = after.path.exchange.count("find_order")
    after.look()
    assert after.path.exchange.count("find_order") - before == MAX_ORDERS_ASKED
    after.path.clock.advance(60)
    after.look()
    states = {order.state for order, _ in after.path.database.orders.values() if order.kind is LegKind.EXIT}
    assert states == {IntentState.EXPIRED}


def test_a_venue_that_does_not_answer_spoils_no_look() -> None:
    after = After()
    began = after.path.clock.now()
    after.path.exchange.fail("find_order", RetryLater("VENUE_UNAVAILABLE", "silent", after_seconds=1))
    assert after.look().reconciled_at == began
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.OPEN, D(0), None)
    after.path.clock.advance(60)
    after.look()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.FILLED, D(10), None)


def test_a_lookup_that_misses_ends_no_order_that_has_stood_in_the_book() -> None:
    after = After()
    after.path.exchange.hidden_lookups = 2
    after.look()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.OPEN, D(0), None)
    after.path.clock.advance(60)
    after.look()
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.FILLED, D(10), None)


def test_an_order_that_stood_in_the_book_ends_once_its_venue_forgets_such_orders() -> None:
    stood = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
    soon, late = (stood.created_at + FORGOTTEN_AFTER + timedelta(seconds=it) for it in (0, 1))
    assert ended_lost(stood, None, D(0), soon) is None
    ended = ended_lost(stood, None, D(0), late)
    assert ended is not None
    assert (ended.state, ended.reason) == (IntentState.EXPIRED, Reason.TABLE_RESTORED)


def test_an_order_that_traded_is_filled_though_no_lookup_finds_it() -> None:
    after = After(left=None)
    now = after.path.clock.now()
    left = an_intent(LegKind.EXIT, state=IntentState.UNKNOWN, issued_at=now, created_at=now, submitted_at=now)
    after.path.exchange.place(KEY, left.request())
    after.history.put_order(left, 5)
    after.path.exchange.hidden_lookups = 3
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.FILLED, D(10), None)


def test_an_order_of_more_trades_than_a_look_can_attribute_stays_as_it_is() -> None:
    after = After()
    now = after.path.clock.now()
    wish = an_intent(LegKind.EXIT, state=IntentState.UNKNOWN, issued_at=now, created_at=now, submitted_at=now)
    after.history.put_order(wish, 5)
    for number in range(settle_orders.MAX_ORDERS_ASKED + 1):
        after.path.exchange.trade_outside(KEY, BTC, D(-1), f"web_{number}")
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.UNKNOWN, D(0), None)
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.FILLED, D(10), None)


def test_an_order_in_a_market_that_the_venue_refuses_keeps_no_other_from_its_end() -> None:
    after = After()
    wish = an_intent(LegKind.EXIT, market=ETH, state=IntentState.PENDING, created_at=after.path.clock.now())
    after.history.put_order(wish, 5)
    after.path.exchange.failing[ETH] = Reject("UNKNOWN_MARKET")
    after.look()
    assert after.shown(LegKind.EXIT) == (IntentState.PENDING, D(0), None)
    assert after.shown(LegKind.STOP_LOSS) == (IntentState.FILLED, D(10), None)
    assert after.path.metrics.counts["VenueErrors"] == 1
