"""The unit of work of one account: its changes are kept, so that they can be made again on a newer state of the account.

Executor, reconciler and API write the same account item. The writer that loses the race reads the item again and repeats only
its own changes, so that neither writer overwrites the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from candlecast.domain.account.account import Account
from candlecast.domain.values.errors import Conflict
from candlecast.ports.store import AccountStore

COMMIT_ATTEMPTS = 4  # the executor, the reconciler and the API may write one account at once; each loses at most to the others

Change = Callable[[Account], Account]


@dataclass(slots=True)
class Changes:
    """An account together with the changes made to it since it was read."""

    account: Account
    """The account with all changes so far."""
    pause_seconds: float = 0
    """Seconds for which the venue asks us to leave the account alone."""
    _made: list[tuple[str | None, Change]] = field(default_factory=list)

    def make(self, change: Change, intent_id: str | None = None) -> None:
        """Make a change; a change that is about an intent is void once that intent is no longer open.

        A change that raises is not made, and not repeated either.
        """
        self.account = _made_on(self.account, intent_id, change)
        self._made.append((intent_id, change))

    @property
    def any(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._made)

    def made_on(self, fresh: Account) -> Account:
        """Make the same changes on a newer state of the account."""
        for intent_id, change in self._made:
            fresh = _made_on(fresh, intent_id, change)
        return fresh

    def commit(self, store: AccountStore) -> Account:
        """Write the changes on top of the newest version of the account; raises `Conflict` after `COMMIT_ATTEMPTS`."""
        account = self.account
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                return store.save(account)
            except Conflict:
                if attempt == COMMIT_ATTEMPTS - 1:
                    raise
                account = self.made_on(store.load(account.tenant_id, account.account_id))
        raise AssertionError("unreachable: the last attempt returns or raises")


def of_these_keys(seen: Account, change: Change) -> Change:
    """The change while the account has the keys that were asked with: their refusal says nothing of keys that were put since."""
    return lambda account: change(account) if account.credential_version == seen.credential_version else account


def _made_on(account: Account, intent_id: str | None, change: Change) -> Account:
    return change(account) if intent_id is None or intent_id in account.intents else account
