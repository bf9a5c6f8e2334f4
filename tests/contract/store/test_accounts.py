"""Accounts: one version after another, and events that are written with their change."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account, AccountStatus, DailyResult
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.findings import Drift, ExternalOrder, Mend
from candlecast.domain.account.suspension import Suspension
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import next_due, next_full_look
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.ids import event_id
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import MarginMode, Side
from candlecast.domain.venue.reports import MarketSettings
from candlecast.ports.store import DueAccount
from tests.contract.store.conftest import Stores
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION, TENANT, a_position, after, an_account, an_intent


def an_event(code: str) -> Event:
    return Event(type=EventType.ALERT_CRITICAL, occurred_at=NOW, code=code)


def a_full_account() -> Account:
    """An account in which every field holds something."""
    intent = an_intent(denial=Denial(Reason.MAX_LEVERAGE, Decimal("1.5"), Decimal(1)), average_price=Decimal("100.123456789"))
    return an_account(
        intents={intent.intent_id: intent},
        positions={a_position().key: a_position()},
        settled={"settled-1": after(900)},
        newest_signals={a_position().key: NOW},
        daily_results={SUBSCRIPTION: DailyResult(NOW.date(), Decimal("-12.5"))},
        market_settings={BTC: MarketSettings(Decimal(10), MarginMode.CROSS)},
        reconciled_at=NOW,
        disabled_reason="nothing",
        external_orders=(
            ExternalOrder(
                client_order_id="web_1", venue_order_id="7", market=BTC, side=Side.SELL, quantity=Decimal("0.5"), seen_at=NOW
            ),
        ),
        drifts={BTC: Drift(difference=Decimal("-0.5"), seen_at=NOW, changes=2, reported=True)},
        mends={"stop|position": Mend(attempts=2, last_at=NOW)},
        suspensions=(Suspension(cause=Reason.VENUE_REDUCE_ONLY, since=NOW, until=after(60)),),
    )


def test_an_account_is_read_as_it_was_written(stores: Stores) -> None:
    created = stores.accounts.create(a_full_account())
    assert created == replace(a_full_account(), version=1)
    assert stores.accounts.load(TENANT, ACCOUNT) == created


def test_an_account_is_created_once(stores: Stores) -> None:
    stores.accounts.create(an_account())
    with pytest.raises(Conflict) as conflict:
        stores.accounts.create(an_account(label="other"))
    assert conflict.value.code == "ALREADY_EXISTS"
    assert stores.accounts.load(TENANT, ACCOUNT).label == "main"


def test_a_save_is_the_next_version(stores: Stores) -> None:
    account = stores.accounts.create(an_account())
    saved = stores.accounts.save(replace(account, label="renamed"))
    assert (saved.version, saved.label) == (2, "renamed")
    assert stores.accounts.load(TENANT, ACCOUNT) == saved


def test_the_second_of_two_writers_is_refused_and_changes_nothing(stores: Stores) -> None:
    stores.accounts.create(an_account())
    first, second = stores.accounts.load(TENANT, ACCOUNT), stores.accounts.load(TENANT, ACCOUNT)
    stores.accounts.save(replace(first, label="first"))
    with pytest.raises(Conflict) as conflict:
        stores.accounts.save(replace(second, label="second", outbox=(an_event("LOST"),)))
    assert conflict.value.code == "VERSION_CONFLICT"
    assert stores.accounts.load(TENANT, ACCOUNT).label == "first"
    assert stores.events() == []


def test_an_account_that_does_not_exist_can_be_neither_read_nor_saved(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.accounts.load(TENANT, ACCOUNT)
    with pytest.raises(Conflict):
        stores.accounts.save(an_account())


@pytest.mark.parametrize("account_id", ["", "a#STATE", "x" * 300])
def test_an_id_that_no_account_can_have_is_not_found(stores: Stores, account_id: str) -> None:
    with pytest.raises(NotFound):
        stores.accounts.load(TENANT, account_id)


def test_an_account_is_not_found_for_another_tenant(stores: Stores) -> None:
    stores.accounts.create(an_account())
    with pytest.raises(NotFound):
        stores.accounts.load("tenant-2", ACCOUNT)
    assert list(stores.accounts.list_accounts("tenant-2")) == []


def test_accounts_of_a_tenant_are_listed(stores: Stores) -> None:
    stores.accounts.create(an_account("account-2"))
    stores.accounts.create(an_account("account-1"))
    stores.accounts.create(an_account("account-3", tenant_id="tenant-2"))
    listed = stores.accounts.list_accounts(TENANT)
    assert [account.account_id for account in listed] == ["account-1", "account-2"]


def test_events_leave_with_the_write_that_they_belong_to(stores: Stores) -> None:
    account = stores.accounts.create(replace(an_account(), outbox=(an_event("FIRST"),)))
    account = stores.accounts.save(replace(account, outbox=(an_event("SECOND"), an_event("THIRD"))))
    stores.accounts.save(account)
    events = stores.events()
    assert [(published.event.code, published.version) for published in events] == [("FIRST", 1), ("SECOND", 2), ("THIRD", 2)]
    assert [published.event_id for published in events] == [
        event_id(ACCOUNT, 1, 0),
        event_id(ACCOUNT, 2, 0),
        event_id(ACCOUNT, 2, 1),
    ]
    assert {(published.tenant_id, published.account_id) for published in events} == {(TENANT, ACCOUNT)}


def test_a_loaded_account_has_an_empty_outbox(stores: Stores) -> None:
    stores.accounts.create(replace(an_account(), outbox=(an_event("TOLD"),)))
    assert stores.accounts.load(TENANT, ACCOUNT).outbox == ()


def test_an_account_is_due_while_something_of_it_is_open(stores: Stores) -> None:
    unknown = an_intent(state=IntentState.UNKNOWN)
    account = stores.accounts.create(an_account(intents={unknown.intent_id: unknown}, subscriptions={}))
    assert list(stores.accounts.due_for_reconcile(NOW)) == []
    due_at = next_due(account, NOW)
    assert due_at is not None
    assert list(stores.accounts.due_for_reconcile(after(3600))) == [DueAccount(TENANT, ACCOUNT, due_at)]
    stores.accounts.save(replace(account, intents={}))
    assert list(stores.accounts.due_for_reconcile(after(3600))) == []


def test_an_account_that_is_traded_on_is_due_in_turn_whatever_is_open(stores: Stores) -> None:
    unknown = an_intent(state=IntentState.UNKNOWN)
    quiet = stores.accounts.create(an_account(reconciled_at=NOW))
    (turn,) = stores.accounts.due_for_reconcile(after(3600))
    assert turn == DueAccount(TENANT, ACCOUNT, next_full_look(quiet), in_turn=True)
    busy = stores.accounts.save(replace(quiet, intents={unknown.intent_id: unknown}))
    soon = DueAccount(TENANT, ACCOUNT, after(25))
    assert sorted(stores.accounts.due_for_reconcile(after(3600)), key=lambda due: due.in_turn) == [soon, turn]
    stores.accounts.save(replace(busy, intents={}))
    assert list(stores.accounts.due_for_reconcile(after(3600))) == [turn]


def test_an_account_whose_keys_cannot_be_used_is_never_due(stores: Stores) -> None:
    opened = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
    stores.accounts.create(an_account(status=AccountStatus.DISABLED, intents={opened.intent_id: opened}))
    assert list(stores.accounts.due_for_reconcile(after(3600))) == []


def test_every_due_account_is_found_once_and_the_one_that_waits_longest_first(stores: Stores) -> None:
    stop = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
    held = a_position()
    for number in range(12):
        stores.accounts.create(
            an_account(
                f"account-{number}",
                intents={stop.intent_id: stop},
                positions={held.key: held},
                subscriptions={},
                reconciled_at=after(-(number * 7 % 12)),
            )
        )
    due = list(stores.accounts.due_for_reconcile(after(3600)))
    assert sorted(account.account_id for account in due) == sorted(f"account-{number}" for number in range(12))
    assert [account.due_at for account in due] == [after(60 - seconds) for seconds in range(11, -1, -1)]
