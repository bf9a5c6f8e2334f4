"""Accounts while others write, and the state that is left where a change is cut off half-way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.vetting import with_keys
from candlecast.domain.values.errors import Conflict, Fatal, NotFound, RetryLater
from candlecast.ports.venue import Credentials
from candlecast.services.account.change_credentials import ChangeCredentials
from candlecast.services.account.switch_account import SwitchAccount
from candlecast.services.retry_conflict import ATTEMPTS, retry_conflict
from tests.support.builders import ACCOUNT, NOW, TENANT, a_position, an_account
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock, SequentialIdentifiers
from tests.support.fakes.queues import FakeVettingQueue
from tests.support.fakes.vault import FakeVault

KEYS = Credentials("key", "secret")


class ContestedAccounts(FakeAccountStore):
    """The executor writes just before each of the next `times` writes."""

    times = 0

    def save(self, account: Account) -> Account:
        if self.times:
            self.times -= 1
            stored = self.database.accounts[account.tenant_id, account.account_id]
            super().save(replace(stored, positions={a_position().key: a_position()}))
        return super().save(account)


class BrokenVault(FakeVault):
    def delete(self, tenant_id: str, account_id: str) -> None:
        raise RetryLater("VAULT_UNAVAILABLE", after_seconds=1)


def stored(accounts: FakeAccountStore) -> Account:
    return accounts.database.accounts[TENANT, ACCOUNT]


@pytest.fixture
def accounts() -> ContestedAccounts:
    contested = ContestedAccounts()
    contested.create(an_account())
    return contested


def change(accounts: FakeAccountStore, vault: FakeVault) -> ChangeCredentials:
    return ChangeCredentials(accounts, vault, FakeVettingQueue(), FakeClock(), SequentialIdentifiers())


def test_new_keys_are_written_to_the_vault_once_however_often_the_account_is_contested(accounts: ContestedAccounts) -> None:
    vault = FakeVault()
    accounts.times = ATTEMPTS - 1
    changed = change(accounts, vault).put(TENANT, ACCOUNT, KEYS)
    assert changed == stored(accounts)
    assert changed.positions
    assert vault.read(TENANT, ACCOUNT, str(changed.credential_version)) == KEYS
    assert changed.credential_version == SequentialIdentifiers().new()


def test_keys_of_an_unknown_account_never_reach_the_vault(accounts: ContestedAccounts) -> None:
    vault = FakeVault()
    with pytest.raises(NotFound):
        change(accounts, vault).put(TENANT, "unknown-1", KEYS)
    with pytest.raises(Fatal):
        vault.read(TENANT, "unknown-1", SequentialIdentifiers().new())


def test_the_account_stops_using_keys_before_the_vault_deletes_them(accounts: ContestedAccounts) -> None:
    with pytest.raises(RetryLater):
        change(accounts, BrokenVault()).delete(TENANT, ACCOUNT)
    assert (stored(accounts).status, stored(accounts).credential_version) == (AccountStatus.NO_CREDENTIALS, None)


def test_a_repeated_delete_finishes_what_was_cut_off(accounts: ContestedAccounts) -> None:
    vault = FakeVault()
    version = change(accounts, vault).put(TENANT, ACCOUNT, KEYS).credential_version
    removed = replace(with_keys(stored(accounts), None, NOW), status=AccountStatus.NO_CREDENTIALS)
    saved = accounts.save(removed)
    change(accounts, vault).delete(TENANT, ACCOUNT)
    with pytest.raises(Fatal):
        vault.read(TENANT, ACCOUNT, str(version))
    assert stored(accounts).version == saved.version


def test_disabling_wins_after_losing_to_the_executor(accounts: ContestedAccounts) -> None:
    accounts.times = ATTEMPTS - 1
    disabled = SwitchAccount(accounts, FakeClock()).disable(TENANT, ACCOUNT)
    assert (disabled.status, bool(disabled.positions)) == (AccountStatus.DISABLED, True)


def test_the_owners_word_replaces_the_venues_reason(accounts: ContestedAccounts) -> None:
    accounts.save(replace(stored(accounts), status=AccountStatus.DISABLED, disabled_reason="AUTHENTICATION_FAILED"))
    assert SwitchAccount(accounts, FakeClock()).disable(TENANT, ACCOUNT).disabled_reason == "DISABLED_BY_OWNER"


def test_only_a_lost_version_is_tried_again() -> None:
    tries: list[str] = []

    def attempt(code: str) -> None:
        tries.append(code)
        raise Conflict(code)

    for code, expected in (("VERSION_CONFLICT", ATTEMPTS), ("ALREADY_EXISTS", 1)):
        tries.clear()
        with pytest.raises(Conflict, match=code):
            retry_conflict(lambda code=code: attempt(code))  # type: ignore[misc]
        assert len(tries) == expected
