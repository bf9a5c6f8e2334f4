"""Disable and enable an account, by its owner's word."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.values.copying import replace
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class SwitchAccount:
    """Stops an account from trading, and lets it trade again. Nothing resumes by itself."""

    accounts: AccountStore
    clock: Clock

    def disable(self, tenant_id: str, account_id: str) -> Account:
        """Place no further order for the account, exits included; a repeat changes nothing. Raises `NotFound`, `Conflict`."""

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            if account.status is AccountStatus.DISABLED and account.disabled_reason == DISABLED_BY_OWNER:
                return account
            disabled = replace(account, status=AccountStatus.DISABLED, disabled_reason=DISABLED_BY_OWNER)
            return self.accounts.save(self._told(disabled, DISABLED_BY_OWNER))

        return retry_conflict(attempt)

    def enable(self, tenant_id: str, account_id: str) -> Account:
        """Let a disabled account trade with its present keys; any other account stays as it is.

        Raises `NotFound`, `Conflict`.
        """

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            if account.status is not AccountStatus.DISABLED:
                return account
            status = AccountStatus.ACTIVE if account.credential_version else AccountStatus.NO_CREDENTIALS
            return self.accounts.save(self._told(replace(account, status=status, disabled_reason=None), "ENABLED_BY_OWNER"))

        return retry_conflict(attempt)

    def _told(self, account: Account, code: str) -> Account:
        event = Event(type=EventType.ACCOUNT_CHANGED, occurred_at=self.clock.now(), code=code)
        return replace(account, outbox=(*account.outbox, event))
