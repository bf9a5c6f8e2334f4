"""Limit an account for all subscriptions that trade on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.account.account import Account
from candlecast.domain.limits.limits import Limits
from candlecast.domain.limits.lock import require_unlocked, unlocked
from candlecast.domain.values.copying import replace
from candlecast.ports.clock import Clock
from candlecast.ports.store import AccountStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class LimitAccount:
    """The limits are in the account's own item, so they are in force at its very next order."""

    accounts: AccountStore
    clock: Clock

    def __call__(self, tenant_id: str, account_id: str, limits: Limits, *, expect: Expectation[Account] = anything) -> Account:
        """Replace the account's limits.

        Raises `NotFound`, `Conflict` (LIMITS_LOCKED; VERSION_CONFLICT), `InvalidValue` (LOCK_TOO_LONG and others), and
        the errors of `expect`.
        """

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            expect(account)
            now = self.clock.now()
            require_unlocked(account.limits, limits, account.limits_set_at, now)
            return self.accounts.save(replace(account, limits=limits.require_settable(), limits_set_at=now))

        return retry_conflict(attempt)

    def lift_lock(self, tenant_id: str, account_id: str, until: datetime) -> Account:
        """Take the lock until `until` away. `services/people/lift_lock.py` asks who may.

        Raises `NotFound`, `Conflict` (APPROVAL_OUTDATED for another lock; VERSION_CONFLICT).
        """

        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            return self.accounts.save(replace(account, limits=unlocked(account.limits, until), limits_set_at=self.clock.now()))

        return retry_conflict(attempt)
