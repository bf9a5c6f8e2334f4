"""Find the accounts that are due for a look at their venue within the next minute and ask for one each, at its own moment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched, islice
from math import ceil

from candlecast.domain.reconcile.look_schedule import OPEN_ORDER_INTERVAL, slot_after
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.ids import digest
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import ReconcileQueue
from candlecast.ports.store import AccountStore, DueAccount

MAX_ACCOUNTS_PER_RUN = 5_000  # what one invocation queues well within its time-out; the rest is due a minute later
BATCH = 100
FIRING_INTERVAL = timedelta(minutes=1)
CLOCK_SKEW = timedelta(seconds=5)  # between the scheduler and us; a time further ahead was chosen by somebody


@dataclass(frozen=True, slots=True)
class RequestReconciles:
    """The reconcile clock's use case."""

    accounts: AccountStore
    queue: ReconcileQueue
    clock: Clock
    metrics: Metrics

    def __call__(self, scheduled_at: datetime) -> int:
        """Ask for every account that is due before the next firing, up to a bound; returns how many.

        Each message is delayed to when its account is due. An account that has been due since before the last firing is routine,
        or could not be repaired, and gets its turn within the minute. Where the open-order look and the turn of an account are
        both due, only the look counts. A `scheduled_at` ahead of the clock asks at once for all that is due by then: an operator
        wants it so.
        """
        at_once = scheduled_at > self.clock.now() + CLOCK_SKEW
        until = scheduled_at if at_once else scheduled_at + FIRING_INTERVAL
        by_delay = defaultdict(list)
        found = list(islice(self.accounts.due_for_reconcile(until), MAX_ACCOUNTS_PER_RUN))
        soon = {(due.tenant_id, due.account_id) for due in found if not due.in_turn}
        for due in (due for due in found if not due.in_turn or (due.tenant_id, due.account_id) not in soon):
            by_delay[0 if at_once else _delay_seconds(due, scheduled_at)].append(due)
        for delay in sorted(by_delay):
            for batch in batched(by_delay[delay], BATCH, strict=False):
                self.queue.send_reconcile([_request(due, scheduled_at) for due in batch], delay_seconds=delay)
        asked = sum(map(len, by_delay.values()))
        self.metrics.count("ReconcilesRequested", asked)
        return asked


def _delay_seconds(due: DueAccount, scheduled_at: datetime) -> int:
    if due.due_at > scheduled_at:
        return ceil((due.due_at - scheduled_at).total_seconds())
    if scheduled_at - due.due_at < FIRING_INTERVAL:
        return 0
    return ceil((slot_after(due.account_id, scheduled_at, OPEN_ORDER_INTERVAL) - scheduled_at).total_seconds())


def _request(due: DueAccount, scheduled_at: datetime) -> ReconcileRequest:
    return ReconcileRequest(
        tenant_id=due.tenant_id,
        account_id=due.account_id,
        correlation_id=digest("reconcile", due.account_id, scheduled_at.isoformat()),
    )
