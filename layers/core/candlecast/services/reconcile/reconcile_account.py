"""Compare one account with its venue and put right what differs: the owner of every unknown outcome (decision 0003).

An order whose answer was lost is looked up by its client id. If found, the order is adopted. If proven absent, the order is sent
again while it is still wanted, or ends as expired. Open stops and targets are followed to their end, and orphans are
cancelled. A position without its stop is protected, or closed if the market is beyond the stop (invariant 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from math import ceil

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.kill_switch import KillSwitch
from candlecast.domain.account.suspension import resume, resume_ended, since, suspend
from candlecast.domain.account.switch_scope import places_of
from candlecast.domain.account.vetting import looked_at
from candlecast.domain.market.market import Market
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.reconcile.look_lease import is_pointless, was_served
from candlecast.domain.reconcile.look_schedule import (
    OPEN_ORDER_INTERVAL,
    expires_before_next_look,
    is_idle,
    next_answer,
    next_full_look,
    next_vetting,
    slot_after,
)
from candlecast.domain.reconcile.reconcile import Step, has_left, next_step
from candlecast.domain.reconcile.restoration import Restoration, is_restoring
from candlecast.domain.signals.messages import ReconcileRequest, VettingRequest
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, Fatal, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.refusals import CONFIRM_REFUSAL_AFTER, KEYS_REFUSED
from candlecast.domain.venue.rules import rules_of
from candlecast.domain.venue.weight_budget import MINUTE, minute_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.queue import Looks, VettingQueue
from candlecast.ports.store import AccountStore
from candlecast.ports.vault import CredentialVault
from candlecast.ports.venue import Venue, Venues
from candlecast.services.orders.changes import Change, Changes, of_these_keys
from candlecast.services.orders.failures import Failures
from candlecast.services.orders.follow_orders import FollowOrders
from candlecast.services.orders.place_orders import PlaceOrders
from candlecast.services.orders.settle_orders import SettleOrders, ended_if_still
from candlecast.services.orders.stop_resting import StopResting
from candlecast.services.reconcile.book_charges import BookCharges
from candlecast.services.reconcile.close_positions import ClosePositions
from candlecast.services.reconcile.compare_positions import ComparePositions
from candlecast.services.reconcile.end_markets import EndMarkets
from candlecast.services.reconcile.protect_positions import ProtectPositions
from candlecast.services.reconcile.recover_account import RecoverAccount
from candlecast.services.reconcile.settle_lost import SettleLost
from candlecast.services.venue.check_gate import CheckGate

CONFLICT_RETRY_SECONDS = 1.0  # another writer came between; the look is simply taken again
NO_ROOM = frozenset({"WEIGHT_SPENT", "ADDRESS_BLOCKED"})  # refusals of our own budget: the venue was not asked
AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"  # why the account is disabled once the refusal of its keys is confirmed
MAX_DELAY_SECONDS = 900  # the most that SQS delays a message; the reconcile clock looks every minute anyway


@dataclass(frozen=True, slots=True)
class Seen:
    """Findings of a look that change nothing by themselves."""

    unproven: frozenset[str]
    """Ids of the intents whose absence at the venue could not be proven."""
    switches: tuple[KillSwitch, ...]
    """Kill switches that concern a position or a resting entry; empty while they cannot be read."""
    marks: Mapping[str, Decimal]
    """Market to mark price in quote units; empty if the venue was not asked."""


@dataclass(frozen=True, slots=True)
class ReconcileAccount:
    """The reconciler's use case: it looks by the parts that ask, then acts by the parts that choose and send."""

    accounts: AccountStore
    vault: CredentialVault
    venues: Venues
    awaited_venues: Venues
    """The same venues for looks that an order waits for, which have a share of the weight budget of their own."""
    gate: CheckGate
    settle: SettleOrders
    follow: FollowOrders
    compare: ComparePositions
    end_markets: EndMarkets
    book: BookCharges
    stop_resting: StopResting
    protect: ProtectPositions
    close: ClosePositions
    recover: RecoverAccount
    settle_lost: SettleLost
    place: PlaceOrders
    queue: Looks
    vettings: VettingQueue
    clock: Clock
    metrics: Metrics

    def __call__(self, request: ReconcileRequest) -> Account:
        """Reconcile once. Raises `RetryLater` if the venue or the store does not answer; nothing is half done then."""
        account = self.accounts.load(request.tenant_id, request.account_id)
        if account.credential_version is None or not account.can_be_looked_at:
            return account
        began = self.clock.now()
        request = replace(request, full=request.full and not was_served(account, request))
        restored = self.recover.pending(account)
        is_turn = request.full or began >= next_full_look(account)
        served = (is_idle(account) and not is_turn) or is_pointless(account, request, began)
        if restored is None and served:
            self.metrics.count("LooksPointless")
            if request.awaited:
                self.queue.end(request)
            return account  # somebody has looked since this was asked for
        try:
            stored = self._reconcile(account, account.credential_version, request, restored)
        except RetryLater as error:
            if error.code not in NO_ROOM:
                raise
            self._put_off(account, request, error.after_seconds)
            return account
        vets_again = restored is not None and not is_restoring(account)
        if _has_answered(account, stored) and (vets_again or next_vetting(account) <= began):
            self._ask_for_vetting(request)
        if is_turn and (stored.reconciled_at is None or stored.reconciled_at < began) and not _was_refused(stored):
            self._put_off(stored, request)
        elif request.awaited:
            self.queue.end(request)
        return stored

    def _reconcile(
        self, account: Account, version: str, request: ReconcileRequest, restored: Restoration | None = None
    ) -> Account:
        """Look and act."""
        changes = Changes(account)
        if restored is not None:
            self.recover.begin(changes)
        try:
            keys = self.vault.read(account.tenant_id, account.account_id, version)
            venues = self.awaited_venues if request.awaited else self.venues
            venue = venues.connect(account.venue, account.account_id, version, keys)
            seen = self._look(changes, venue, request, restored)
            self.stop_resting(changes, venue, seen.switches)
        except Fatal as error:
            return self._disabled(changes, error.code)
        except RetryLater as error:
            if error.code != KEYS_REFUSED:
                raise
            return self._refused(changes, request)
        if _has_answered(account, changes.account):
            self.gate.watch.keys_accepted(account)
            changes.make(partial(_answered, now=self.clock.now()))
        return self._act(changes, venue, request, seen)

    def _ask_for_vetting(self, request: ReconcileRequest) -> None:
        wanted = VettingRequest(
            tenant_id=request.tenant_id,
            account_id=request.account_id,
            correlation_id=request.correlation_id,
            asked_at=self.clock.now(),
        )
        try:
            self.vettings.send_vetting(wanted)
        except RetryLater:
            return  # the look is done, and a later one asks again

    def _disabled(self, changes: Changes, code: str) -> Account:
        """The account once its keys are certainly of no use; one that waits for keys is due again at the slow pace."""
        if changes.account.status is not AccountStatus.ACTIVE:
            return self.accounts.save(changes.account) if changes.account.waits_for_keys else changes.account
        changes.make(of_these_keys(changes.account, partial(Account.disable, reason=code, now=self.clock.now())))
        self.metrics.count("AccountsDisabled")
        return changes.commit(self.accounts)

    def _refused(self, changes: Changes, request: ReconcileRequest) -> Account:
        """The venue refuses the keys: a first look suspends entries, a later one confirms it and disables the account.

        While many accounts are refused at once, the cause is our address and not their keys, so nobody is disabled.
        """
        now, refused_at = self.clock.now(), since(changes.account, Reason.KEYS_REFUSED)
        if changes.account.status is not AccountStatus.ACTIVE:
            return self._disabled(changes, AUTHENTICATION_FAILED)
        if since(changes.account, Reason.KEYS_NOT_VETTED) is None:  # anybody may put keys that have never worked
            self.gate.watch.keys_refused(changes.account)
        if refused_at is None:
            changes.make(of_these_keys(changes.account, partial(suspend, cause=Reason.KEYS_REFUSED, now=now)))
        elif now - refused_at < CONFIRM_REFUSAL_AFTER or self.gate.watch.spares(changes.account.venue):
            return changes.commit(self.accounts) if changes.any else changes.account
        else:
            changes.make(partial(resume, cause=Reason.KEYS_REFUSED, now=now))
            return self._disabled(changes, AUTHENTICATION_FAILED)
        stored = changes.commit(self.accounts)
        again = replace(request, full=True, asked_at=now, awaited=True, turn=next_full_look(stored))
        self.queue.send_reconcile([again], delay_seconds=ceil(CONFIRM_REFUSAL_AFTER.total_seconds()))
        return stored

    def _look(self, changes: Changes, venue: Venue, request: ReconcileRequest, restored: Restoration | None) -> Seen:
        """Ask the venue everything that a look asks; a failure of one market leaves the others their look."""
        failures = Failures()
        self.settle.look_up(changes, venue, failures)
        everywhere = self.follow(changes, venue, failures)
        unproven = self.settle.prove_absent(changes, venue, failures)
        before = changes.account
        wanted = request.full or _was_refused(before) or restored is not None
        marks = self.compare(changes, venue, failures, wanted=wanted, restored=restored)
        self.end_markets(changes, venue, failures)
        failures.tell(changes, self.clock.now())
        if failures.codes:
            self.metrics.count("VenueErrors", len(failures.codes))
        if _has_answered(before, changes.account):
            self.book(changes, venue)
        if restored is not None:
            agrees = before.positions == changes.account.positions  # one more look must find what was adopted now
            compared = _has_answered(before, changes.account) and agrees and not failures.codes
            self.recover.finish(changes, restored, everywhere=everywhere, compared=compared)
        elif _has_answered(before, changes.account):
            self.settle_lost(changes, venue)
        return Seen(unproven, self._switches(changes.account), marks)

    def _switches(self, account: Account) -> tuple[KillSwitch, ...]:
        """The kill switches that concern a position or a resting entry; none while they cannot be read."""
        concerned = {p.strategy_id for p in account.positions.values()}
        concerned |= {i.strategy_id for i in account.intents.values() if i.kind is LegKind.ENTRY and i.state is IntentState.OPEN}
        if not concerned:
            return ()
        try:
            return self.gate.read(account.venue, places_of(account, concerned), account.account_id).switches
        except RetryLater:
            return ()

    def _act(self, changes: Changes, venue: Venue, request: ReconcileRequest, seen: Seen) -> Account:
        """Write the findings and the legs to send, send the legs, write the outcome."""
        if resume_ended(changes.account, self.clock.now()) is not changes.account:
            changes.make(partial(resume_ended, now=self.clock.now()))
        self.protect.follow(changes, seen.marks)
        self.protect.make_room(changes, venue)
        sent = self._decide(changes, seen)
        if sent:
            changes = self._send(changes.account, venue, sent)
            further = self._further(changes, sent, seen.marks)
            if further:
                changes = self._send(changes.account, venue, further)
                sent = [*sent, *further]
        self.place.cancel_orphans(changes, venue)
        self.protect.cancel_surplus(changes, venue)
        if not changes.any:
            self._await_expiry(changes.account, request)
            return changes.account
        self.metrics.count("ReconcileActions")
        stored = changes.commit(self.accounts)
        doubtful = not request.full and any(has_left(stored, leg) for leg in sent)
        self._come_again(stored, replace(request, full=doubtful), changes.pause_seconds)
        return stored

    def _decide(self, changes: Changes, seen: Seen) -> list[Intent]:
        """Choose the legs to send, marked as SUBMITTING; end the intents that are no longer wanted."""
        chosen: list[str] = []
        now, active = self.clock.now(), changes.account.status is AccountStatus.ACTIVE
        found = changes.account
        for intent in found.unresolved():
            key, step = intent.intent_id, next_step(found, intent, now)
            if key in seen.unproven:
                continue
            if step is Step.SEND:
                changes.make(_marked(intent, self.place.markets.find(found.venue, intent.market), now), key)
                chosen.append(key)
            elif step is Step.EXPIRE:
                changes.make(ended_if_still(intent, *_ending(intent, active=active), now), key)
        if not active:
            return []
        chosen += self.close.choose(changes, seen.switches, seen.marks)
        chosen += self.protect.choose(changes)
        legs = [changes.account.intents[key] for key in chosen if key in changes.account.intents]
        return sorted(legs, key=lambda leg: leg.kind is not LegKind.EXIT)  # what is closed needs no stop any more

    def _further(self, changes: Changes, sent: list[Intent], marks: Mapping[str, Decimal]) -> list[Intent]:
        """The legs that those just sent make necessary, marked for sending.

        A new stop was refused, and the market is beyond it: close at once. A further part of an entry has grown its position: the
        stop must cover the part. An exit of a part has shrunk the position: the stop must fit the rest.
        """
        account, exits = changes.account, list[Intent]()
        for position in _passed(account, marks):
            exits += self.close.leave(account, position, Reason.WOULD_TRIGGER)
        if exits:
            changes.make(partial(Account.decide, decided=exits, now=self.clock.now()))
        changed = any((leg.kind is LegKind.ENTRY and leg.part_of is not None) or leg.reduction is not None for leg in sent)
        stops = self.protect.choose(changes) if changed else []
        return exits + [changes.account.intents[key] for key in stops]

    def _send(self, account: Account, venue: Venue, legs: list[Intent]) -> Changes:
        """Write the legs ahead, then send them."""
        try:
            changes = Changes(self.accounts.save(account))
        except Conflict as error:
            raise RetryLater(error.code, "somebody else wrote the account", after_seconds=CONFLICT_RETRY_SECONDS) from error
        self.place(changes, venue, legs)
        return changes

    def _come_again(self, account: Account, request: ReconcileRequest, pause_seconds: float) -> None:
        """Ask for the next look where waiting for the clock's next minute would leave an order unsettled for longer.

        A repair that has just failed waits for the clock, since asking again at once would never end. Examples: a stop and an
        exit that were refused, an orphan that cannot be cancelled. An exit that ended and left its position held has it compared
        with the venue's.
        """
        now = self.clock.now()
        look = now if request.full else next_answer(account, now)
        if look is not None and account.can_be_looked_at:
            delay = max((look - now).total_seconds(), pause_seconds, rules_of(account.venue).lookup_spacing.total_seconds())
            again = replace(request, asked_at=now, awaited=True, turn=next_full_look(account) if request.full else None)
            self.queue.send_reconcile([again], delay_seconds=min(MAX_DELAY_SECONDS, ceil(delay)))

    def _put_off(self, account: Account, request: ReconcileRequest, pause_seconds: float = 0) -> None:
        """The venue had no room for the look: the request keeps its lease and comes in the next minute.

        A look that an order awaits comes first in that minute. So does a look that was put off before, since an account with a
        late second would never find room. Any other look comes at the account's own second.
        """
        if not account.can_be_looked_at or account.status is not AccountStatus.ACTIVE:
            return
        now = self.clock.now()
        minute = minute_of(now) + MINUTE
        at_once = request.awaited or (request.asked_at is not None and now - request.asked_at >= MINUTE)
        look = minute if at_once else slot_after(account.account_id, minute, OPEN_ORDER_INTERVAL)
        self.metrics.count("LooksPutOff")
        delay = max((look - now).total_seconds(), pause_seconds)
        self.queue.send_reconcile([request], delay_seconds=min(MAX_DELAY_SECONDS, ceil(delay)))

    def _await_expiry(self, account: Account, request: ReconcileRequest) -> None:
        """Come back when an order may rest no longer that the clock's next look would find resting."""
        now = self.clock.now()
        expiry = expires_before_next_look(account, now)
        if expiry is not None:
            delay = max((expiry - now).total_seconds(), rules_of(account.venue).lookup_spacing.total_seconds())
            again = replace(request, full=False, asked_at=now, awaited=True, turn=None)
            self.queue.send_reconcile([again], delay_seconds=ceil(delay))


def _was_refused(account: Account) -> bool:
    """Whether the venue has refused the keys, so that a look must find out what it says now."""
    return account.waits_for_keys or since(account, Reason.KEYS_REFUSED) is not None


def _answered(account: Account, now: datetime) -> Account:
    """The account after the venue has answered a full look with the present keys."""
    accepted = account.accepted(now) if _was_refused(account) else account
    return looked_at(accepted, now)


def _has_answered(before: Account, after: Account) -> bool:
    """Whether this look has compared positions and balance, which takes keys that the venue accepts."""
    return after.reconciled_at is not None and after.reconciled_at != before.reconciled_at


def _passed(account: Account, marks: Mapping[str, Decimal]) -> list[Position]:
    """Positions without a stop, live or on its way, and without an exit on its way, whose market is beyond their stop.

    The venue has just said so by its refusal of the stop, or the mark price does. Any other refusal says nothing of the price.
    An entry that rests is cancelled for the exit.
    """
    if account.status is not AccountStatus.ACTIVE:
        return []
    told = (event.order for event in account.outbox if event.order is not None and event.order.reason is Reason.WOULD_TRIGGER)
    refused = {order.bracket_of for order in told if order.kind is LegKind.STOP_LOSS}
    naked = (p for p in account.naked_positions() if not account.undecided(p.subscription_id, p.market))
    return [p for p in naked if p.entry_intent_id in refused or p.is_beyond_stop(marks.get(p.market))]


def _marked(intent: Intent, market: Market | None, now: datetime) -> Change:
    """The mark under which an intent is sent; an exit is marked for the position, or for its part of it."""
    if intent.kind is LegKind.EXIT:
        return partial(Account.mark_exit, intent_id=intent.intent_id, now=now, market=market)
    return partial(Account.hold, intent_id=intent.intent_id, state=IntentState.SUBMITTING, now=now)


def _ending(intent: Intent, *, active: bool) -> tuple[IntentState, Reason]:
    """State and reason of an intent that is no longer wanted."""
    if not active:
        return IntentState.DENIED, Reason.ACCOUNT_DISABLED
    if intent.cancel_asked_at is not None:
        return IntentState.CANCELLED, Reason.CANCELLED_BY_OWNER
    if intent.kind is LegKind.EXIT and intent.submitted_at is None:
        return IntentState.SKIPPED, Reason.NOTHING_HELD
    return IntentState.EXPIRED, Reason.NEVER_PLACED
