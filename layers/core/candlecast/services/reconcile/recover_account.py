"""Account for the minutes that a restore of the table has lost, before the account takes entries again (invariant 14)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.reconcile.restoration import Restoration, begin, finish, is_accounted, is_restoring
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.restorations import Restorations
from candlecast.services.orders.changes import Changes


@dataclass(frozen=True, slots=True)
class RecoverAccount:
    """A part of the reconciler: it begins and ends what the other parts do differently after a restore."""

    restorations: Restorations
    generation: int
    """The generation of the table that the functions use."""
    clock: Clock
    metrics: Metrics

    def pending(self, account: Account) -> Restoration | None:
        """The restore that the account is behind; None in the usual case, which reads nothing. Raises `RetryLater`.

        A table without a word of its restore has its accounts wait: nobody can say which minutes are lost.
        """
        if account.generation >= self.generation:
            return None
        found = self.restorations.find()
        if found is not None and found.generation == self.generation:
            return found
        self.metrics.count("RestorationUnknown")
        return Restoration(generation=self.generation, restored_to=account.reconciled_at or account.created_at)

    def begin(self, changes: Changes) -> None:
        """Doubt every open order and the keys, at the first look."""
        if not is_restoring(changes.account):
            changes.make(partial(begin, now=self.clock.now()))

    def finish(self, changes: Changes, restored: Restoration, *, everywhere: bool, compared: bool) -> None:
        """Let entries go if this look has seen all of the venue, and nothing that it has is unexplained.

        `everywhere`: the open orders of all markets were read, and none could open something. `compared`: positions and
        balance were.
        """
        if not (everywhere and compared and restored.is_quiet(self.clock.now()) and is_accounted(changes.account)):
            return
        changes.make(partial(finish, generation=self.generation, now=self.clock.now()))
        self.metrics.count("AccountsRecovered")
