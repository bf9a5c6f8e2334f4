"""Rename an account, or retire an account for good that holds nothing and that nobody trades on."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.vetting import with_keys
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialWriter
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class RenameAccount:
    """Changes the label, which only people read."""

    accounts: AccountStore

    def __call__(self, tenant_id: str, account_id: str, label: str, *, expect: Expectation[Account] = anything) -> Account:
        """Change it; a repeat writes nothing. Raises `NotFound`, `Conflict` (VERSION_CONFLICT), and the errors of `expect`."""

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            expect(account)
            return account if account.label == label else self.accounts.save(replace(account, label=label))

        return retry_conflict(attempt)


@dataclass(frozen=True, slots=True)
class RetireAccount:
    """Ends an account for good; its orders and trades stay."""

    accounts: AccountStore
    vault: CredentialWriter
    clock: Clock
    generation: int
    """The table's: after a restore, what an account with keys holds is known once a look has accounted for it."""

    def __call__(self, tenant_id: str, account_id: str) -> Account:
        """Retire first, then delete the keys; a repeat finishes what was cut off.

        Raises `NotFound`, `Conflict` (ACCOUNT_NOT_FLAT while anything is held or open, or may be; ACCOUNT_IN_USE while a
        subscription trades on it; VERSION_CONFLICT).
        """
        retired = retry_conflict(lambda: self._attempt(tenant_id, account_id))
        self.vault.delete(tenant_id, account_id)
        return retired

    def _attempt(self, tenant_id: str, account_id: str) -> Account:
        account, now = self.accounts.load(tenant_id, account_id), self.clock.now()
        if account.retired_at is not None:
            return account
        if account.credential_version is not None and account.generation < self.generation:
            raise Conflict("ACCOUNT_NOT_FLAT", "the table was restored: a look at the account comes first")
        if account.positions or account.intents:
            raise Conflict("ACCOUNT_NOT_FLAT", "an account is retired only while nothing is held or open")
        if account.subscriptions:
            raise Conflict("ACCOUNT_IN_USE", "cancel the subscriptions of the account first")
        told = Event(type=EventType.ACCOUNT_CHANGED, occurred_at=now, code="RETIRED")
        without = replace(with_keys(account, None, now), status=AccountStatus.NO_CREDENTIALS, disabled_reason=None)
        return self.accounts.save(replace(without, retired_at=now, outbox=(*without.outbox, told)))
