"""Give an account its exchange keys, or take them away. They go into the vault and nowhere else, and never come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import DISABLED_BY_OWNER, Account, AccountStatus
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.account.vetting import with_keys
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.messages import VettingRequest
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import digest
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.queue import VettingQueue
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialWriter
from candlecast.ports.venue import Credentials
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class ChangeCredentials:
    """Writes keys and pins their version in the account, so that the very next order uses them and no older ones."""

    accounts: AccountStore
    vault: CredentialWriter
    vettings: VettingQueue
    clock: Clock
    identifiers: Identifiers

    def put(
        self, tenant_id: str, account_id: str, credentials: Credentials, *, expect: Expectation[Account] = anything
    ) -> Account:
        """Store the keys as a new version, pin it, and ask for its vetting, without which no entry goes.

        An account disabled because of its old keys trades again; one that its owner has disabled stays so. If the account
        cannot be written, the new version lies in the vault unused. Raises `NotFound`, before anything is stored, and `Conflict`,
        and the errors of `expect`.
        Raises `RetryLater` if the vetting cannot be asked for: the reconciler asks within the hour, a repeat of the call at once.
        """
        known = self.accounts.load(tenant_id, account_id)
        expect(known)
        known.require_in_service()
        version = self.vault.write(tenant_id, account_id, credentials, self.identifiers.new())
        stored = self._change(tenant_id, account_id, "CREDENTIALS_SET", lambda account: self._with_keys(account, version), expect)
        wanted = VettingRequest(
            tenant_id=tenant_id,
            account_id=account_id,
            correlation_id=digest("vetting", account_id, version),
            asked_at=self.clock.now(),
        )
        self.vettings.send_vetting(wanted)
        return stored

    def delete(self, tenant_id: str, account_id: str, *, expect: Expectation[Account] = anything) -> Account:
        """Forget the keys: first the account stops using them, then the vault deletes them; a repeat finishes what was cut off.

        Positions stay open at the venue and are the owner's alone from then on. Raises `NotFound`, `Conflict`.
        """
        account = self._change(tenant_id, account_id, "CREDENTIALS_REMOVED", partial(_without_keys, now=self.clock.now()), expect)
        self.vault.delete(tenant_id, account_id)
        return account

    def _with_keys(self, account: Account, version: str) -> Account:
        account.require_in_service()
        changed = with_keys(account, version, self.clock.now())
        if changed.status is AccountStatus.DISABLED and changed.disabled_reason == DISABLED_BY_OWNER:
            return changed
        return replace(changed, status=AccountStatus.ACTIVE, disabled_reason=None)

    def _change(
        self,
        tenant_id: str,
        account_id: str,
        code: str,
        change: Callable[[Account], Account],
        expect: Expectation[Account],
    ) -> Account:
        def attempt() -> Account:
            account = self.accounts.load(tenant_id, account_id)
            expect(account)
            changed = change(account)
            if changed == account:
                return account
            event = Event(type=EventType.ACCOUNT_CHANGED, occurred_at=self.clock.now(), code=code)
            return self.accounts.save(replace(changed, outbox=(*changed.outbox, event)))

        return retry_conflict(attempt)


def _without_keys(account: Account, now: datetime) -> Account:
    """The account without keys. Exits that wait are not wanted any more: later keys must not close what its owner has kept."""
    for intent in list(account.intents.values()):
        if intent.kind is LegKind.EXIT and intent.state is IntentState.PENDING:
            account = account.fail(intent.intent_id, IntentState.DENIED, Reason.NO_CREDENTIALS, now)
    without = with_keys(account, None, now)
    return without if without.status is AccountStatus.DISABLED else replace(without, status=AccountStatus.NO_CREDENTIALS)
