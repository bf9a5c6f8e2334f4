"""Changes of an account survive another writer, and give up after a few."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from candlecast.services.orders.changes import COMMIT_ATTEMPTS, Changes
from tests.support.builders import NOW, SUBSCRIPTION, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore

D = Decimal
ENTRY = an_intent()
PAUSED = {SUBSCRIPTION: SubscriptionStatus.PAUSED}
FILLED = VenueOrder(
    client_order_id="c", venue_order_id="1", status=VenueOrderStatus.FILLED, filled_quantity=D(10), average_price=D(100)
)


def refuse(account: Account) -> Account:
    return account.fail(ENTRY.intent_id, IntentState.REJECTED, Reason.VENUE_REJECTED, NOW)


def stored(store: FakeAccountStore) -> Account:
    return store.create(an_account(intents={ENTRY.intent_id: ENTRY}))


def test_changes_are_made_again_on_what_somebody_else_has_written() -> None:
    store = FakeAccountStore()
    changes = Changes(stored(store))
    changes.make(refuse, ENTRY.intent_id)
    store.save(replace(changes.account, intents={ENTRY.intent_id: ENTRY}, outbox=(), subscriptions=PAUSED))
    account = changes.commit(store)
    assert (account.subscriptions, account.intents, account.version) == (PAUSED, {}, 3)
    assert [told.version for told in store.database.stream] == [3]


def test_a_change_about_an_intent_that_somebody_else_has_settled_is_void() -> None:
    store = FakeAccountStore()
    account = stored(store)
    changes = Changes(account)
    changes.make(refuse, ENTRY.intent_id)
    store.save(account.apply(ENTRY.intent_id, FILLED, D("0.0004"), NOW))
    assert [p.quantity for p in changes.commit(store).positions.values()] == [D(10)]
    assert [told.event.order.state for told in store.database.stream if told.event.order] == [IntentState.FILLED]


def test_a_storm_of_writers_is_a_conflict_after_a_few_attempts() -> None:
    store = FakeAccountStore()
    changes = Changes(stored(store))
    changes.make(refuse, ENTRY.intent_id)
    original = store.load

    def overtaken(tenant_id: str, account_id: str) -> Account:
        account = original(tenant_id, account_id)
        store.database.accounts[tenant_id, account_id] = replace(account, version=account.version + 1)
        return account

    store.load = overtaken  # type: ignore[method-assign]
    store.database.accounts[changes.account.tenant_id, changes.account.account_id] = replace(changes.account, version=7)
    with pytest.raises(Conflict):
        changes.commit(store)
    assert store.saves == COMMIT_ATTEMPTS
