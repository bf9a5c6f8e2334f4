"""Find the accounts that are due for a look at their venue and ask for one each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import batched, islice

from candlecast.domain.ids import digest
from candlecast.domain.messages import ReconcileRequest
from candlecast.ports.clock import Metrics
from candlecast.ports.queue import ReconcileQueue
from candlecast.ports.store import AccountStore

MAX_ACCOUNTS_PER_RUN = 5_000  # what one invocation queues well within its time-out; the rest is due a minute later
BATCH = 100


@dataclass(frozen=True, slots=True)
class RequestReconciles:
    """The reconcile clock's use case."""

    accounts: AccountStore
    queue: ReconcileQueue
    metrics: Metrics

    def __call__(self, scheduled_at: datetime) -> int:
        """Ask for every account that is due at `scheduled_at`, up to a bound; returns how many."""
        due = islice(self.accounts.due_for_reconcile(scheduled_at), MAX_ACCOUNTS_PER_RUN)
        asked = 0
        for batch in batched(due, BATCH, strict=False):
            self.queue.send_reconcile(
                [
                    ReconcileRequest(
                        tenant_id=tenant_id,
                        account_id=account_id,
                        correlation_id=digest("reconcile", account_id, scheduled_at.isoformat()),
                    )
                    for tenant_id, account_id in batch
                ]
            )
            asked += len(batch)
        self.metrics.count("ReconcilesRequested", asked)
        return asked
