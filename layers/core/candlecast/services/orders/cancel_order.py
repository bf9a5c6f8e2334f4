"""Cancel one entry by its owner's word: the wish is written first, then a look is asked for that acts on it."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.cancellation import ask_to_cancel
from candlecast.domain.orders.intent import Intent
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.clock import Clock
from candlecast.ports.queue import ReconcileQueue
from candlecast.ports.store import AccountStore, History
from candlecast.services.retry_conflict import retry_conflict


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A use case of the API. It sends nothing to the venue: the reconciler cancels, and takes over what was filled until then."""

    accounts: AccountStore
    history: History
    looks: ReconcileQueue
    clock: Clock

    def __call__(self, tenant_id: str, order_id: str, correlation_id: str, *, dry_run: bool = False) -> Intent:
        """Write the wish and ask for a look; returns the order with its wish. A repeat asks for the look again.

        A dry run writes and asks for nothing; the order is returned as it would be. Raises `NotFound`, and `Conflict`:
        ORDER_ENDED, EXIT_UNDER_WAY, PROTECTS_POSITION, NO_CREDENTIALS, VERSION_CONFLICT.
        """
        account_id = self.history.get_order(tenant_id, order_id).account_id
        if not account_id:
            raise Conflict("ORDER_ENDED", "the order has no account: it was never placed")
        if dry_run:
            account = self.accounts.load(tenant_id, account_id)
            return ask_to_cancel(account, order_id, self.clock.now()).intents[order_id]
        asked = retry_conflict(lambda: self._attempt(tenant_id, account_id, order_id))
        request = ReconcileRequest(
            tenant_id=tenant_id,
            account_id=account_id,
            correlation_id=correlation_id,
            asked_at=self.clock.now(),
            awaited=True,
        )
        try:
            self.looks.send_reconcile([request])
        except RetryLater:
            return asked  # the wish makes the account due: the clock asks within the minute
        return asked

    def _attempt(self, tenant_id: str, account_id: str, order_id: str) -> Intent:
        account = self.accounts.load(tenant_id, account_id)
        asked = ask_to_cancel(account, order_id, self.clock.now())
        return (account if asked is account else self.accounts.save(asked)).intents[order_id]
