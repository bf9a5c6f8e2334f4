"""The key vetting: it asks the venue, writes what the rights mean, asks for the first look, and disables nobody."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.account.suspension import suspended_by
from candlecast.domain.account.vetting import shown_status, with_keys
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.reconcile.look_schedule import VETTING_INTERVAL, VETTING_RETRY, due_in_turn, next_full_look, next_vetting
from candlecast.domain.signals.messages import VettingRequest
from candlecast.domain.values.errors import DomainError, Fatal, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.key_rights import GOOD_RIGHTS
from candlecast.domain.venue.refusals import KEYS_REFUSED
from candlecast.ports.venue import Credentials
from candlecast.services.account.vet_keys import VetKeys
from tests.support.builders import ACCOUNT, NOW, TENANT, a_reconcile_request, after
from tests.support.money_path import KEY, MoneyPath, bracket


class Town(MoneyPath):
    """An account whose keys are new, with its vetting beside executor and reconciler."""

    def __init__(self, *, new: bool = True, **account: Any) -> None:
        super().__init__(**account)
        self.vetting = VetKeys(self.accounts, self.vault, self.venues, self.queue, self.clock, self.metrics)
        if new:
            self.accounts.save(with_keys(self.account, "credential-version-1", NOW))

    def vet(self, seconds: float = 1) -> Account:
        self.clock.advance(seconds)
        return self.vetting(self.request())

    def request(self) -> VettingRequest:
        return VettingRequest(tenant_id=TENANT, account_id=ACCOUNT, correlation_id="vetting", asked_at=self.clock.now())

    def look(self, seconds: float = 1) -> Account:
        self.clock.advance(seconds)
        return self.reconciler(a_reconcile_request(full=True, asked_at=self.clock.now()))

    def give(self, **rights: bool) -> None:
        self.exchange.rights[KEY] = replace(GOOD_RIGHTS, **rights)

    @property
    def codes(self) -> list[tuple[str | None, Reason | None]]:
        stream = [each.event for each in self.database.stream]
        return [(event.code, event.cause) for event in stream if event.type == "account.changed"]


def test_new_keys_trade_after_a_vetting_and_a_look() -> None:
    path = Town()
    assert path.enter().intents == {}
    assert path.told(LegKind.ENTRY)[0].reason is Reason.KEYS_NOT_VETTED
    waiting = path.vet()
    assert (shown_status(waiting), path.exchange.count("key_rights")) == (AccountStatus.VERIFYING, 1)
    asked, delay = path.queue.sent[-1]
    assert (asked.full, asked.awaited, asked.turn, delay) == (True, True, next_full_look(waiting), 0)
    path.clock.advance(1)
    assert shown_status(path.reconciler(asked)) is AccountStatus.ACTIVE
    account = path.execute(bracket(issued_at=path.clock.now()))
    assert len(account.positions) == 1


def test_a_key_that_may_withdraw_is_refused_and_never_trades() -> None:
    path = Town()
    path.give(withdraws=True)
    refused = path.vet()
    assert suspended_by(refused, path.clock.now()) is Reason.KEY_MAY_WITHDRAW
    assert path.queue.sent == [], "no look is worth its weight"
    path.look()
    path.execute(bracket(issued_at=path.clock.now()))
    assert [(o.state, o.reason) for o in path.told(LegKind.ENTRY)] == [(IntentState.DENIED, Reason.KEY_MAY_WITHDRAW)]
    assert (path.exchange.count("create_order"), path.metrics.counts["KeyRightsRefused"]) == (0, 1)


def test_a_right_that_is_gained_suspends_entries_and_exits_go_on() -> None:
    path = Town(new=False, reconciled_at=NOW)
    path.enter()
    path.give(transfers=True)
    path.vet()
    assert path.codes[-1] == ("ENTRIES_SUSPENDED", Reason.KEY_MAY_TRANSFER)
    assert len(path.look().positions) == 1
    assert len(path.live_stops()) == 1
    path.leave()
    path.settle()
    assert path.is_flat
    path.give()
    mended = path.vet(60)
    assert (mended.suspensions, path.codes[-1]) == ((), ("ENTRIES_RESUMED", Reason.KEY_MAY_TRANSFER))
    path.execute(bracket(issued_at=path.clock.now()))
    assert len(path.account.positions) == 1


def test_positions_of_an_account_with_new_keys_are_looked_after_while_they_are_vetted() -> None:
    path = Town(new=False, reconciled_at=NOW)
    path.enter()
    path.accounts.save(with_keys(path.account, "credential-version-1", path.clock.now()))
    path.look()
    assert len(path.live_stops()) == 1
    path.leave()
    path.settle()
    assert path.is_flat


@pytest.mark.parametrize(
    "error",
    [
        RetryLater("VENUE_UNAVAILABLE", after_seconds=5),
        RetryLater("RATE_LIMITED", after_seconds=5),
        RetryLater("WEIGHT_SPENT", after_seconds=5),
        Reject("VENUE_REJECTED", "no such path"),
    ],
    ids=lambda error: error.code,
)
def test_a_vetting_without_an_answer_is_retried_and_decides_nothing(error: DomainError) -> None:
    for new in (True, False):
        path = Town(new=new)
        before = path.account
        path.exchange.fail("key_rights", error)
        with pytest.raises(RetryLater):
            path.vet()
        assert path.account == before
        assert path.vet().vetted_at == path.clock.now()


@pytest.mark.parametrize("error", [RetryLater(KEYS_REFUSED, after_seconds=60), Fatal("KEY_UNUSABLE")], ids=lambda e: e.code)
def test_refused_keys_are_left_to_a_look(error: DomainError) -> None:
    path = Town()
    path.exchange.fail("key_rights", error)
    before = path.account
    path.vet()
    assert path.account == before
    assert [(request.full, request.awaited) for request, _ in path.queue.sent] == [(True, True)]


def test_a_repeat_asks_nothing_once_all_is_done_and_finishes_what_a_crash_left() -> None:
    path = Town()
    path.queue.fail_next()
    with pytest.raises(RetryLater):
        path.vet()  # written, and the look was never asked for
    request = path.request()
    path.vetting(request)
    assert len(path.queue.sent) == 1
    path.look()
    asked = path.exchange.count("key_rights")
    path.vetting(request)
    assert path.exchange.count("key_rights") == asked


def test_other_keys_meanwhile_make_the_answer_worthless() -> None:
    path = Town()
    path.vault.write(TENANT, ACCOUNT, Credentials("key-2", "secret-2"), "credential-version-2")
    connect = path.venues.connect

    def replaced(*names: Any) -> Any:
        path.accounts.save(with_keys(path.account, "credential-version-2", path.clock.now()))
        path.venues.connect = connect  # type: ignore[method-assign]
        return connect(*names)

    path.venues.connect = replaced  # type: ignore[method-assign, assignment]
    account = path.vet()
    assert (account.vetted_at, shown_status(account)) == (None, AccountStatus.VERIFYING)


def test_a_lost_race_is_decided_again() -> None:
    path = Town()
    path.give(withdraws=True)
    load, times = path.accounts.load, [0]

    def raced(tenant_id: str, account_id: str) -> Account:
        account = load(tenant_id, account_id)
        times[0] += 1
        if times[0] == 2:
            path.accounts.save(replace(account, label="renamed"))
        return account

    path.accounts.load = raced  # type: ignore[method-assign]
    account = path.vet()
    assert (account.label, suspended_by(account, NOW)) == ("renamed", Reason.KEY_MAY_WITHDRAW)


def test_an_account_without_keys_or_with_refused_ones_is_not_vetted() -> None:
    for changes in (
        {"credential_version": None, "status": AccountStatus.NO_CREDENTIALS},
        {"status": AccountStatus.DISABLED, "disabled_reason": "AUTHENTICATION_FAILED"},
    ):
        path = Town(new=False, **changes)
        path.vet()
        assert path.exchange.requests == []
    path = Town(new=False, status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    assert path.vet().vetted_at == path.clock.now(), "its owner may enable it at any time"


# -- when it is asked for ------------------------------------------------------------------------------------------------


def test_an_account_from_before_is_asked_about_within_a_day() -> None:
    path = Town(new=False, reconciled_at=NOW)
    due = next_vetting(path.account)
    assert timedelta(0) < due - NOW <= VETTING_INTERVAL
    path.look((due - NOW).total_seconds() - 1)
    assert path.vettings.sent == []
    path.look(2)
    assert [request.account_id for request in path.vettings.sent] == [ACCOUNT]
    path.look(60)
    assert len(path.vettings.sent) == 1


def test_a_vetted_account_is_asked_about_once_a_day() -> None:
    path = Town(new=False, reconciled_at=NOW, vetted_at=NOW)
    sent = []
    for _ in range(3 * 24 * 4):
        path.look(900)
        sent += path.vettings.sent
        for request in path.vettings.sent:
            path.vetting(request)
        path.vettings.sent.clear()
    assert len(sent) == 3 or (len(sent) == 2 and next_vetting(path.account) - path.clock.now() < VETTING_INTERVAL)
    gaps = [later.asked_at - earlier.asked_at for earlier, later in itertools.pairwise(sent)]
    assert all(abs(gap - VETTING_INTERVAL) <= timedelta(minutes=15) for gap in gaps)


def test_a_vetting_that_is_not_done_is_asked_for_every_hour() -> None:
    path = Town(new=False, reconciled_at=NOW, vetted_at=after(-2 * 86_400))
    for _ in range(30 * 12):
        path.look(300)
    assert 4 <= len(path.vettings.sent) <= 31
    gaps = {b.asked_at - a.asked_at for a, b in zip(path.vettings.sent, path.vettings.sent[1:], strict=False)}
    assert gaps == {VETTING_RETRY}


def test_a_queue_that_takes_nothing_costs_no_look() -> None:
    path = Town(reconciled_at=NOW)
    path.vettings.fail_next()
    assert path.look(3_600).reconciled_at == path.clock.now()
    path.look(3_600)
    assert len(path.vettings.sent) == 1


def test_an_account_that_nobody_trades_on_has_its_turn_when_its_keys_are_due() -> None:
    path = Town(new=False, reconciled_at=NOW, subscriptions={})
    assert due_in_turn(path.account) == next_vetting(path.account)
    disabled = replace(path.account, status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
    assert due_in_turn(disabled) is None


def test_accounts_are_spread_over_the_day() -> None:
    account = Town(new=False, reconciled_at=NOW, vetted_at=NOW).account
    due = [next_vetting(replace(account, account_id=f"account-{number}")) - NOW for number in range(2_000)]
    hours = [int(each / timedelta(hours=1)) for each in due]
    assert set(hours) == set(range(12, 36))
    assert max(hours.count(hour) for hour in set(hours)) < 2 * 2_000 / 24
