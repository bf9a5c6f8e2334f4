"""Keys that the venue refuses: confirmed by a second look, spared while many are refused at once, and asked for again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.account.suspension import since
from candlecast.domain.account.vetting import with_keys
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import FULL_LOOK_INTERVAL, due_in_turn, due_soon, next_full_look
from candlecast.domain.values.errors import Fatal, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.breaker import REFUSALS_TO_BRAKE
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER, KEYS_REFUSED
from candlecast.ports.venue import Credentials
from tests.support.builders import NOW, VENUE, a_reconcile_request
from tests.support.money_path import MoneyPath

CONFIRM = CONFIRM_REFUSAL_AFTER.total_seconds()
REFUSED = RetryLater(KEYS_REFUSED, "-2015", after_seconds=CONFIRM)
QUESTIONS = ("open_orders", "find_order", "positions", "balance", "trades_since")


class Town(MoneyPath):
    def refuse(self, times: int = 1_000) -> None:
        """Let the venue refuse the keys at every question and order."""
        for method in (*QUESTIONS, "create_order", "cancel_order"):
            self.exchange.fail(method, REFUSED, times)

    def accept(self) -> None:
        self.exchange._errors.clear()

    def look(self, after_seconds: float = 1) -> Account:
        self.clock.advance(after_seconds)
        return self.reconciler(a_reconcile_request(full=True, asked_at=self.clock.now()))


def test_one_refusal_disables_nobody() -> None:
    path = Town(reconciled_at=NOW)
    path.enter()
    path.refuse(times=1)
    account = path.look()
    assert (account.status, since(account, Reason.KEYS_REFUSED)) == (AccountStatus.ACTIVE, path.clock.now())
    assert path.alerts() == []
    path.accept()
    assert path.look(CONFIRM).suspensions == ()
    codes = [each.event.code for each in path.database.stream if each.event.type == "account.changed"]
    assert codes == ["ENTRIES_SUSPENDED", "ENTRIES_RESUMED"]


def test_a_first_refusal_asks_for_the_look_that_confirms_it() -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    account = path.look()
    assert path.queue.sent[-1][1] == CONFIRM
    assert next_full_look(account) <= path.clock.now() + CONFIRM_REFUSAL_AFTER


def test_a_second_look_a_minute_later_disables_the_account() -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    path.look()
    assert path.look(CONFIRM - 1).status is AccountStatus.ACTIVE
    account = path.look(2)
    assert (account.status, account.disabled_reason, account.suspensions) == (AccountStatus.DISABLED, "AUTHENTICATION_FAILED", ())
    assert path.alerts() == ["AUTHENTICATION_FAILED"]
    assert path.metrics.counts["AccountsDisabled"] == 1


def test_nobody_is_disabled_while_many_are_refused_at_once() -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    path.look()
    breaker = path.gate.load_breaker(path.account.venue)
    for number in range(REFUSALS_TO_BRAKE):
        breaker = breaker.keys_refused(f"tenant-{number}", "main", path.clock.now())
    path.checks.watch.learn(path.gate.save_breaker(breaker))
    assert path.look(CONFIRM + 60).status is AccountStatus.ACTIVE
    assert path.look(3_600).status is AccountStatus.ACTIVE
    path.checks.watch.learn(path.gate.save_breaker(replace(path.gate.load_breaker(VENUE), refused={}, braked_at=None)))
    assert path.look(1).status is AccountStatus.DISABLED


def test_keys_that_are_certainly_of_no_use_disable_at_once() -> None:
    path = Town(reconciled_at=NOW)
    path.exchange.fail("balance", Fatal("ACCOUNT_INACTIVE"))
    assert path.look().disabled_reason == "ACCOUNT_INACTIVE"


def refusals(path: Town) -> int:
    return len(path.gate.load_breaker(path.account.venue).refused)


def test_keys_that_had_worked_count_for_the_fleet_until_they_work_again() -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    path.look()
    assert refusals(path) == 1
    path.accept()
    path.look(CONFIRM)
    assert refusals(path) == 0


def test_keys_that_have_never_worked_say_nothing_of_the_fleet() -> None:
    path = Town(reconciled_at=NOW)
    path.accounts.save(with_keys(path.account, "credential-version-1", path.clock.now()))
    path.refuse()
    path.look()
    assert (path.look(CONFIRM).status, refusals(path)) == (AccountStatus.DISABLED, 0)


def test_an_account_that_is_disabled_already_counts_no_more() -> None:
    path = disabled_while_holding()
    path.gate.save_breaker(replace(path.gate.load_breaker(path.account.venue), refused={}))
    path.look(300)
    assert refusals(path) == 0


def test_keys_that_are_put_during_the_look_are_not_disabled_for_the_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    path.look()
    read = path.vault.read

    def put_meanwhile(*keys: str) -> Credentials:
        monkeypatch.undo()
        path.accounts.save(with_keys(path.account, "credential-version-2", path.clock.now()))
        return read(*keys)

    monkeypatch.setattr(path.vault, "read", put_meanwhile)
    account = path.look(CONFIRM)
    assert (account.status, account.credential_version) == (AccountStatus.ACTIVE, "credential-version-2")
    assert path.alerts() == []


def disabled_while_holding() -> Town:
    path = Town(reconciled_at=NOW)
    path.enter()
    path.refuse()
    path.look()
    assert path.look(CONFIRM).status is AccountStatus.DISABLED
    return path


def test_a_disabled_account_that_holds_something_is_still_looked_at_at_the_slow_pace() -> None:
    path = disabled_while_holding()
    now = path.clock.now()
    assert path.account.can_be_looked_at
    soon = due_soon(path.account, now)
    assert soon is not None
    assert timedelta(0) < soon - now <= FULL_LOOK_INTERVAL
    assert due_in_turn(path.account) is None
    version = path.account.version
    path.look(300)  # in vain, and due again five minutes later
    assert (path.account.version, path.account.status) == (version + 1, AccountStatus.DISABLED)
    assert path.alerts() == ["AUTHENTICATION_FAILED"]


def test_an_account_whose_keys_work_again_goes_on_with_its_stops() -> None:
    path = disabled_while_holding()
    path.accept()
    stop = next(i for i in path.account.intents.values() if i.kind is LegKind.STOP_LOSS)
    book = path.exchange.books["key-1"]
    path.exchange.books["key-1"].orders = [pair for pair in book.orders if pair[1].client_order_id != stop.client_order_id]
    assert path.look(300).status is AccountStatus.ACTIVE
    path.settle(looks=4)
    assert (path.net, len(path.live_stops())) == (Decimal(10), 1)
    assert "KEYS_ACCEPTED" in [each.event.code for each in path.database.stream]


def test_an_exit_for_a_disabled_account_waits_for_keys_that_work() -> None:
    path = disabled_while_holding()
    path.leave()
    assert path.states(LegKind.EXIT) == [IntentState.PENDING]
    path.leave()
    assert len(path.account.intents) == 3
    path.accept()
    path.look(300)
    path.settle(looks=3)
    assert path.is_flat


def test_an_exit_waits_on_while_the_venue_takes_the_keys_again_but_has_no_time_to_compare() -> None:
    path = disabled_while_holding()
    path.leave()
    path.accept()
    path.exchange.fail("balance", RetryLater("VENUE_BUSY", "-1003", after_seconds=5))
    assert path.look(300).status is AccountStatus.DISABLED
    assert path.states(LegKind.EXIT) == [IntentState.PENDING]
    path.look(300)
    path.settle(looks=3)
    assert path.is_flat


def test_a_disabled_account_that_holds_nothing_is_left_alone() -> None:
    path = Town(reconciled_at=NOW)
    path.refuse()
    path.look()
    path.look(CONFIRM)
    reads = path.vault.reads
    path.look(300)
    assert (path.account.can_be_looked_at, path.vault.reads) == (False, reads)


@pytest.mark.parametrize("refused_first", [True, False])
def test_its_owners_word_stands(refused_first: bool) -> None:
    path = Town(reconciled_at=NOW)
    path.enter()
    if refused_first:
        path.refuse()
        path.look()
        path.accept()
    path.change(status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    account = path.look(CONFIRM)
    assert (account.status, account.disabled_reason) == (AccountStatus.DISABLED, DISABLED_BY_OWNER)
