"""Ask a venue what the keys of one account may do, and let its entries go only with the right rights (decision 0079)."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account
from candlecast.domain.account.vetting import awaits_look, is_vetted_since, vetted
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.signals.messages import ReconcileRequest, VettingRequest
from candlecast.domain.values.errors import Fatal, Reject, RetryLater
from candlecast.domain.venue.key_rights import KeyRights
from candlecast.domain.venue.refusals import KEYS_REFUSED
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import Looks
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialVault
from candlecast.ports.venue import Venues
from candlecast.services.retry_conflict import retry_conflict

NOT_TOLD_SECONDS = 60.0  # after an answer that is a refusal of the question; somebody has to read its dead letter
MAX_PAUSE_SECONDS = 900.0  # ten receives then span an hour and a half; meanwhile the reconciler asks anew each hour


class _Refused(Exception):
    """The venue refuses the keys, or they cannot sign: a look decides what that means."""


@dataclass(frozen=True, slots=True)
class VetKeys:
    """The key vetting's use case. It never disables an account, and sends no order."""

    accounts: AccountStore
    vault: CredentialVault
    venues: Venues
    looks: Looks
    clock: Clock
    metrics: Metrics

    def __call__(self, request: VettingRequest) -> Account:
        """Vet once; a repeat asks again unless the keys have been vetted since.

        Entries of new keys go only after a full look, for which this asks. Refused keys are for the look to confirm. Raises
        `RetryLater` if the venue or the store does not answer: nothing is decided then.
        """
        account = self.accounts.load(request.tenant_id, request.account_id)
        version = account.credential_version
        if version is None or not account.can_be_looked_at or is_vetted_since(account, request.asked_at):
            return account
        try:
            rights = self._ask(account, version)
        except _Refused:
            self._look(account, request)
            return account
        stored = self._take_over(request, version, rights)
        if awaits_look(stored):
            self._look(stored, request)
        return stored

    def _ask(self, account: Account, version: str) -> KeyRights | None:
        try:
            keys = self.vault.read(account.tenant_id, account.account_id, version)
            return self.venues.connect(account.venue, account.account_id, version, keys).key_rights()
        except Fatal:
            raise _Refused from None
        except Reject as error:
            wait = NOT_TOLD_SECONDS
            raise RetryLater("RIGHTS_NOT_TOLD", error.code, after_seconds=wait, at_most_seconds=MAX_PAUSE_SECONDS) from None
        except RetryLater as error:
            if error.code == KEYS_REFUSED:
                raise _Refused from None
            raise

    def _take_over(self, request: VettingRequest, version: str, rights: KeyRights | None) -> Account:
        """Write the result, unless the account has other keys by now, which have a vetting of their own."""

        def attempt() -> Account:
            account = self.accounts.load(request.tenant_id, request.account_id)
            if account.credential_version != version:
                return account
            return self.accounts.save(vetted(account, rights, self.clock.now()))

        stored = retry_conflict(attempt)
        self.metrics.count("KeysVetted")
        if rights is not None and rights.refused:
            self.metrics.count("KeyRightsRefused")
        return stored

    def _look(self, account: Account, request: VettingRequest) -> None:
        wanted = ReconcileRequest(
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            correlation_id=request.correlation_id,
            full=True,
            asked_at=self.clock.now(),
            awaited=True,
            turn=next_full_look(account),
        )
        self.looks.send_reconcile([wanted])
