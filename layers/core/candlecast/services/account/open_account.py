"""Open an account: a place for one set of exchange keys, empty until its owner gives them."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.ids import digest
from candlecast.domain.values.text import require_text
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import AccountStore

MAX_ACCOUNTS = 50  # per tenant: a listing reads them all in one query, and each is a secret that costs money every month


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Creates accounts; `venues` are the names of the venues that this deployment trades on."""

    accounts: AccountStore
    clock: Clock
    identifiers: Identifiers
    venues: frozenset[str]

    def __call__(self, tenant_id: str, label: str, venue: str, idempotency_key: str | None = None) -> Account:
        """Create an account without keys; a repeat with the same idempotency key returns the first one as it is now.

        Raises `InvalidValue` (UNKNOWN_VENUE; TEXT_INVALID; IDEMPOTENCY_KEY_REUSED if the key came with other values before),
        `Conflict` (TOO_MANY_ACCOUNTS). Two requests at the limit may both pass it: it bounds a listing, not money.
        """
        if venue not in self.venues:
            raise InvalidValue(f"venue must be one of {', '.join(sorted(self.venues))}", code="UNKNOWN_VENUE")
        account = Account(
            tenant_id=tenant_id,
            account_id=digest("account", tenant_id, idempotency_key) if idempotency_key else self.identifiers.new(),
            venue=venue,
            label=require_text("a label", label),
            status=AccountStatus.NO_CREDENTIALS,
            created_at=self.clock.now(),
        )
        owned = self.accounts.list_accounts(tenant_id)
        if len(owned) >= MAX_ACCOUNTS and all(known.account_id != account.account_id for known in owned):
            raise Conflict("TOO_MANY_ACCOUNTS", f"at most {MAX_ACCOUNTS} accounts")
        try:
            return self.accounts.create(account)
        except Conflict as error:
            if error.code != "ALREADY_EXISTS":
                raise
            return self._first(account)

    def _first(self, repeated: Account) -> Account:
        first = self.accounts.load(repeated.tenant_id, repeated.account_id)
        if (first.label, first.venue) != (repeated.label, repeated.venue):
            raise InvalidValue("the key was used for another account", code="IDEMPOTENCY_KEY_REUSED")
        return first
