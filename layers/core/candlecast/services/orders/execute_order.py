"""Execute one subscriber's share of a signal on their own account, exactly once in effect (decisions 0002 and 0003).

Two reads, two writes. Read the account; write the decision (intents as SUBMITTING: from here an order may exist). Read the gate
at the last moment, send, and write the venue's answers. After any interruption the account's record names every order that may
exist. A repeat of the message finds its legs known and sends nothing.

An exit over an entry that rests takes one write more (decision 0061). The exit is written as a wish, then with its mark for all
that the entry has filled, then with its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil

from candlecast.domain.account.account import Account
from candlecast.domain.decide.plan import UNRESOLVED_WAIT_SECONDS, Plan, plan_orders
from candlecast.domain.limits.limits import Authority
from candlecast.domain.orders.intent import Intent, IntentState
from candlecast.domain.reconcile.look_schedule import next_full_look, next_look
from candlecast.domain.reconcile.protect import release_unsent
from candlecast.domain.reconcile.reconcile import has_left
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.signals.signal import reported_age_seconds
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, Fatal, RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import ReconcileQueue
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialVault
from candlecast.ports.venue import Markets, Venue, Venues
from candlecast.services.orders.changes import Changes, of_these_keys
from candlecast.services.orders.exit_resting import ExitResting
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.pools.reserve_pool import ReservePool

CONFLICT_RETRY_SECONDS = 1.0  # another writer (the API, the reconciler) came between; the message is simply redelivered
DECIDED_RETRY_SECONDS = 1.0  # nothing of the position is undecided any more: a reversal's entry can be decided now
SEND_WITHIN_SECONDS = 6.0  # of its decision, or the reconciler sends it: a message has 9 s, and one request takes up to 3 s
MAX_DELAY_SECONDS = 900  # the most that SQS delays a message; the reconcile clock looks every minute anyway
STATE_STALE = "STATE_STALE"  # why a plan cannot be made: our report of the account is older than its limits allow
METRIC_OF_STATE = {
    IntentState.DENIED: "OrdersDenied",
    IntentState.EXPIRED: "OrdersExpired",
    IntentState.SKIPPED: "SubscriptionsSkipped",
}


@dataclass(frozen=True, slots=True)
class ExecuteOrder:
    """The order executor's use case."""

    accounts: AccountStore
    markets: Markets
    vault: CredentialVault
    venues: Venues
    place: PlaceOrders
    exit_resting: ExitResting
    reserve_pool: ReservePool
    reconcile_queue: ReconcileQueue
    clock: Clock
    metrics: Metrics
    generation: int = 1
    """The table's: an account that was not reconciled in it opens nothing."""

    def __call__(self, order: TradeOrder) -> Account:
        """Decide, reserve, send, confirm; returns the account as written last.

        Raises `RetryLater` if nothing could be decided and the message must be redelivered. After the decision, the record
        carries the order, not the message. Raises `NotFound` for an account that does not exist (a bug or a deleted account: dead
        letters).
        """
        account = self.accounts.load(order.tenant_id, order.account_id)
        now = self.clock.now()
        plan = self._plan(account, order, now)
        if not plan.intents:
            return self._repeated(account, order)
        plan = self.reserve_pool(plan, order, account)
        venue = self._connect(account) if plan.legs or plan.over_resting else None
        member = replace(account, organisation_id=_organisation(account, order))
        try:
            receipt = plan.receipt.text() if plan.receipt is not None else None
            reserved = self.accounts.save(member.decide(plan.intents, now, receipt))
        except Conflict as error:
            raise RetryLater(error.code, "somebody else wrote the account", after_seconds=CONFLICT_RETRY_SECONDS) from error
        for decided in plan.decided:
            self.metrics.count(METRIC_OF_STATE[decided.state])
        if venue is not None and plan.over_resting:
            reserved = self._exit_resting(reserved, venue, plan.waiting[0], order)
        elif venue is not None:
            reserved = self._send(Changes(reserved), venue, plan.legs, order)
        if plan.waiting:
            self._ask_for_reconcile(reserved, order)
        if plan.comes_again:
            raise self._later(reserved, order)
        return reserved

    def _plan(self, account: Account, order: TradeOrder, now: datetime) -> Plan:
        """The plan. Raises `RetryLater`; if the state is stale (STATE_STALE), a look at the account is asked for first."""
        try:
            market = self.markets.find(account.venue, order.signal.market)
            return plan_orders(account, order, market, now, self.generation)
        except RetryLater as error:
            if error.code == STATE_STALE:
                self._ask_for_reconcile(account, order, at_once=True)
            raise

    def _exit_resting(self, wished: Account, venue: Venue, leave: Intent, order: TradeOrder) -> Account:
        """Cancel the entry that rests, write what it has filled with the exit's mark, and send the exit.

        The reconciler goes on from the account as `wished` wherever the end is not known, or the mark not written.
        """
        changes, ends_at = Changes(wished), leave.created_at + timedelta(seconds=SEND_WITHIN_SECONDS)
        try:
            self.exit_resting(changes, venue, leave.intent_id)
        except Fatal as error:
            disable = partial(Account.disable, reason=error.code, now=self.clock.now())
            changes.make(of_these_keys(changes.account, disable))
            self.metrics.count("AccountsDisabled")
            return changes.commit(self.accounts)
        if self.clock.now() > ends_at:
            return wished
        try:
            marked = self.accounts.save(changes.account)
        except Conflict:  # another writer has come between, and may have marked the exit as well: this mark does not count
            return wished
        leg = marked.intents.get(leave.intent_id)
        if leg is None or leg.state is not IntentState.SUBMITTING:
            return marked
        return self._send(Changes(marked), venue, (leg,), order)

    def _later(self, account: Account, order: TradeOrder) -> RetryLater:
        """Why the message is redelivered for its entry, and how soon."""
        undecided = account.undecided(order.subscription_id, order.signal.market)
        pause = UNRESOLVED_WAIT_SECONDS if undecided else DECIDED_RETRY_SECONDS
        return RetryLater(
            "OUTCOME_UNKNOWN", "an entry could not be decided yet", after_seconds=pause, at_most_seconds=UNRESOLVED_WAIT_SECONDS
        )

    def _send(self, changes: Changes, venue: Venue, legs: Sequence[Intent], order: TradeOrder) -> Account:
        self.place(changes, venue, legs)
        self.metrics.milliseconds("SignalToOrderMilliseconds", reported_age_seconds(order.signal, self.clock.now()) * 1000)
        self.place.cancel_orphans(changes, venue)
        changes.make(partial(release_unsent, place=legs[0].position_key))
        stored = changes.commit(self.accounts)
        refused = any(has_left(stored, leg) for leg in legs)
        reduced = any(leg.reduction is not None and leg.intent_id not in stored.intents for leg in legs)
        self._ask_for_reconcile(stored, order, changes.pause_seconds, at_once=refused, soon=reduced)
        return stored

    def _connect(self, account: Account) -> Venue:
        """The venue with this account's keys, read before anything is reserved.

        A key that is gone disables the account; the redelivered message is decided on the disabled account.
        """
        version = account.credential_version
        try:
            if version is None:
                raise Fatal("CREDENTIALS_MISSING", "an active account has no keys")
            keys = self.vault.read(account.tenant_id, account.account_id, version)
        except Fatal as error:
            self.accounts.save(account.disable(error.code, self.clock.now()))
            self.metrics.count("AccountsDisabled")
            raise RetryLater(error.code, "the account was disabled", after_seconds=CONFLICT_RETRY_SECONDS) from error
        return self.venues.connect(account.venue, account.account_id, version, keys)

    def _repeated(self, account: Account, order: TradeOrder) -> Account:
        """A message whose legs are known: nothing to do, and never anything to send; unresolved ones belong to the reconciler."""
        self.metrics.count("OrdersDuplicate")
        self._ask_for_reconcile(account, order)
        return account

    def _ask_for_reconcile(
        self, account: Account, order: TradeOrder, pause_seconds: float = 0, *, at_once: bool = False, soon: bool = False
    ) -> None:
        """An unsettled leg belongs to the reconciler, as soon as a look can say something.

        `at_once` asks for positions too. `soon` asks for a look that makes a stop fit what an exit has left.
        """
        now = self.clock.now()
        look = now if at_once or soon else next_look(account, now)
        if look is None:
            return
        request = ReconcileRequest(
            tenant_id=account.tenant_id,
            account_id=account.account_id,
            correlation_id=order.signal.correlation_id,
            full=at_once,
            asked_at=now,
            awaited=True,
            turn=next_full_look(account) if at_once else None,
        )
        delay = max((look - now).total_seconds(), pause_seconds)
        self.reconcile_queue.send_reconcile([request], delay_seconds=min(MAX_DELAY_SECONDS, ceil(delay)))


def _organisation(account: Account, order: TradeOrder) -> str | None:
    """Where the account belongs, by the order's word unless its sender could not know."""
    known = order.limits is not None and order.limits.authority in (Authority.LIVE, Authority.CACHED)
    return order.organisation_id if known else order.organisation_id or account.organisation_id
