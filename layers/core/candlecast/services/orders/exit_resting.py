"""Close a position whose entry still rests: cancel the entry, learn its fills, and close them (decision 0061).

The exit was written before, as a wish of the account (PENDING, behind its entry). That wish is the write-ahead mark of the
cancellation. After any interruption the reconciler cancels the entry that an exit waits for, and sends the exit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.reconcile.protect import release_unsent
from candlecast.domain.reconcile.reconcile import Step, next_step
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.stop_resting import StopResting


@dataclass(frozen=True, slots=True)
class ExitResting:
    """A part of the executor; it cancels, and marks the exit for sending."""

    stop_resting: StopResting
    clock: Clock

    def __call__(self, changes: Changes, venue: Venue, exit_id: str) -> None:
        """Cancel the entries that rest before the exit, then mark the exit for its quantity, or end it if nothing is held.

        Two requests an entry: its cancellation, and the question how it ended. Where an end is not known afterwards, the exit
        keeps waiting and the reconciler goes on.
        """
        leave = changes.account.intents[exit_id]
        for entry in changes.account.resting(leave.subscription_id, leave.market):
            self.stop_resting.cancel(changes, venue, entry, Reason.SIGNAL_SUPERSEDED)
        market = self.stop_resting.place.markets.find(changes.account.venue, leave.market)
        changes.make(partial(_decided, exit_id=exit_id, market=market, now=self.clock.now()), exit_id)
        changes.make(partial(release_unsent, place=leave.position_key))


def _decided(account: Account, exit_id: str, market: Market | None, now: datetime) -> Account:
    """The account with the exit marked for sending, or ended because nothing is held; as it is while the exit has to wait."""
    leave: Intent = account.intents[exit_id]
    step = next_step(account, leave, now)
    if step is Step.SEND:
        return account.mark_exit(exit_id, now, market)
    return account.fail(exit_id, IntentState.SKIPPED, Reason.NOTHING_HELD, now) if step is Step.EXPIRE else account
