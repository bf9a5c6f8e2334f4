"""Send reserved order legs to a venue and take over what it says: the heart of the order protocol (decision 0003).

The caller has written the intents as SUBMITTING before the call (the write-ahead mark). Every end of the call, a crash included,
therefore leaves a record from which the reconciler finds the outcome. Each leg is sent at most once per visit, and behind the
gate. Executor and reconciler alike send nothing that a kill switch or the venue's breaker stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.suspension import suspend, suspended_by
from candlecast.domain.orders.bracket import in_parts
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.reconcile.adopt import tell_once
from candlecast.domain.reconcile.protect import scale_targets, watch
from candlecast.domain.reconcile.reconcile import may_send, waits_for
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import OrderType
from candlecast.domain.venue.refusals import FOR_NOW, KEYS_REFUSED, SUSPENDED_FOR
from candlecast.domain.venue.reports import VenueOrder
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Markets, Venue
from candlecast.services.orders.changes import Change, Changes, of_these_keys
from candlecast.services.venue.check_gate import CheckGate, GateVisit


@dataclass(frozen=True, slots=True)
class PlaceOrders:
    """Sends legs in order: an exit before its entry, an entry before its stop and targets, each only if the one before stands."""

    markets: Markets
    gate: CheckGate
    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, legs: Iterable[Intent]) -> None:
        """Send `legs` (all SUBMITTING in `changes.account`) and record each outcome in `changes`.

        One read of the gate, and one request per leg, plus those for leverage and margin mode where an entry needs them changed.
        A leg that was certainly not executed, or whose turn has not come, is left PENDING for the reconciler.
        """
        legs = tuple(legs)
        gate = self.gate.visit(changes.account, legs)
        for leg in legs:
            if leg.intent_id not in changes.account.intents:
                continue  # ended with the leg that it depended on
            leg = changes.account.intents[leg.intent_id]  # sized anew if its entry was filled in part
            instead = _change_instead(changes.account, leg, self.clock.now()) or self._stopped(changes.account, leg, gate)
            if self.is_unwanted(changes.account, leg):
                instead = instead or _failed(leg, IntentState.DENIED, Reason.MARKET_DELISTED, self.clock.now())
            if instead is not None:
                changes.make(instead, leg.intent_id)
            else:
                self._send(changes, venue, self._capped(changes.account, leg), gate)

    def is_unwanted(self, account: Account, leg: Intent) -> bool:
        """Whether a leg is an entry in a market that its venue ends; exits, stops and targets go to the last."""
        market = self.markets.find(account.venue, leg.market) if leg.kind is LegKind.ENTRY else None
        return market is not None and not market.takes_entries

    def take_over(self, changes: Changes, intent: Intent, order: VenueOrder) -> None:
        """Record what the venue says of an intent's order; where it tells no fee, the taker's rate estimates one."""
        key, now = intent.intent_id, self.clock.now()
        market = self.markets.find(changes.account.venue, intent.market)
        fee_rate = changes.account.taker_fee(market) if market is not None else ZERO
        changes.make(lambda a: _as_sent(a, intent).apply(key, order, fee_rate, now), key)
        if intent.kind is LegKind.ENTRY and market is not None and key not in changes.account.intents:
            changes.make(partial(scale_targets, entry=intent, filled=order.filled_quantity, market=market))
        self._watch(changes)

    def _watch(self, changes: Changes) -> None:
        """Note which positions are without their stop now, and measure for how long those were that are not any more."""
        before, now = changes.account.naked_since, self.clock.now()
        if watch(changes.account, now) is changes.account:
            return
        changes.make(partial(watch, now=now))
        for key in before.keys() - changes.account.naked_since.keys():
            self.metrics.seconds("NakedPositionSeconds", (now - before[key]).total_seconds())

    def cancel_orphans(self, changes: Changes, venue: Venue) -> None:
        """Cancel stops and targets whose position is closed; one that cannot be cancelled now stays an orphan and is due."""
        for orphan in changes.account.orphans():
            key, now = orphan.intent_id, self.clock.now()
            try:
                venue.cancel_order(orphan)
            except (Ambiguous, RetryLater, Reject, Fatal):
                self.metrics.count("VenueErrors")
                continue
            changes.make(
                partial(Account.fail, intent_id=key, state=IntentState.CANCELLED, reason=Reason.POSITION_CLOSED, now=now), key
            )

    def _stopped(self, account: Account, leg: Intent, gate: GateVisit) -> Change | None:
        """The state of a leg that the gate does not let pass."""
        stop, now = gate.stops(account, leg), self.clock.now()
        if stop is None:
            return None
        if stop.reason is None:
            return _under(leg, partial(Account.defer, intent_id=leg.intent_id, until=stop.until, now=now))
        self.metrics.count("OrdersDenied")
        return _failed(leg, IntentState.DENIED, stop.reason, now)

    def _send(self, changes: Changes, venue: Venue, leg: Intent, gate: GateVisit) -> None:
        key, now = leg.intent_id, self.clock.now
        try:
            asked = self._settle_market(changes, venue, leg)
            instead = self._stopped(changes.account, leg, gate) if asked else None  # that may have taken its time
            if instead is None and not may_send(leg, now(), rules_of(changes.account.venue)):
                instead = _held(leg, now())
            if instead is not None:
                changes.make(instead, key)
                return
            order = venue.create_order(leg.request(changes.account.position_mode, rules_of(changes.account.venue)))
        except Reject as error:
            self._rejected(changes, leg, error)
        except RetryLater as error:
            asked_seconds = error.after_seconds
            if error.code == KEYS_REFUSED:
                changes.make(of_these_keys(changes.account, partial(suspend, cause=Reason.KEYS_REFUSED, now=now())))
            changes.pause_seconds = max(changes.pause_seconds, asked_seconds)
            changes.make(_under(leg, lambda a: a.postpone(key, now(), asked_seconds)), key)
            self.metrics.count("VenueErrors")
        except Ambiguous:
            changes.make(_under(leg, lambda a: a.hold(key, IntentState.UNKNOWN, now())), key)
            self.metrics.count("OrdersAmbiguous")
        except Fatal as error:
            disable = partial(Account.disable, reason=error.code, now=now())
            changes.make(lambda a: a.fail(key, IntentState.REJECTED, Reason.AUTHENTICATION_FAILED, now()), key)
            changes.make(of_these_keys(changes.account, disable))
            self.metrics.count("OrdersRejected")
            self.metrics.count("AccountsDisabled")
        else:
            self.take_over(changes, leg, order)
            self.metrics.count("OrdersAccepted")

    def _capped(self, account: Account, leg: Intent) -> Intent:
        """The leg, a reduce-only one capped to the held quantity (an entry may have been filled in part).

        An exit may be marked for more than the market takes. Then one part is sent, and the rest follows the part.
        """
        position, left = account.position(leg.subscription_id, leg.market), account.left_for(leg)
        if not leg.reduce_only or position is None or left is None:
            return leg
        capped = replace(leg, quantity=min(leg.quantity, left))
        if leg.kind is LegKind.EXIT:
            return in_parts(capped, self.markets.find(account.venue, leg.market))[0]
        if leg.kind is not LegKind.STOP_LOSS or position.stop_price is None:
            return capped
        return replace(capped, trigger_price=position.stop_price)  # it may have been moved since the leg was decided

    def _rejected(self, changes: Changes, leg: Intent, error: Reject) -> None:
        """The end of a leg that the venue has refused, unless the leg only reduces and the refusal ends by itself."""
        key, now = leg.intent_id, self.clock.now()
        reason, message = _reason(error.code), error.message
        self._mode_was_wrong(changes, error)
        if reason in SUSPENDED_FOR:
            changes.make(partial(suspend, cause=reason, now=now, until=now + SUSPENDED_FOR[reason]))
        if leg.kind is LegKind.TAKE_PROFIT and reason is Reason.WOULD_TRIGGER and leg.order_type.is_conditional:
            changes.make(_under(leg, partial(_at_market, target=leg, now=now)), key)
        elif leg.kind is not LegKind.ENTRY and reason in FOR_NOW:
            changes.make(_under(leg, partial(Account.postpone, intent_id=key, now=now)), key)
            self.metrics.count("VenueErrors")
        else:
            changes.make(lambda a: a.fail(key, IntentState.REJECTED, reason, now, message), key)
            self.metrics.count("OrdersRejected")

    def _settle_market(self, changes: Changes, venue: Venue, leg: Intent) -> bool:
        """Have the leverage and margin mode in force that an entry needs; whether the venue had to be asked for it."""
        settings, market, account = leg.market_settings, leg.market, changes.account
        if settings is None:
            return False
        asked = False
        try:
            if account.mode_at_venue is not account.position_mode:
                asked, mode = True, account.position_mode
                venue.set_position_mode(mode)
                changes.make(partial(Account.with_mode_at_venue, mode=mode))
            if account.market_settings.get(market) != settings:
                asked = True
                venue.set_market_settings(market, settings.leverage, settings.margin_mode)
                changes.make(lambda a: a.with_market_settings(market, settings))
        except Ambiguous as error:  # setting it again is harmless, so this is no unknown order
            raise RetryLater(error.code, "leverage or position mode could not be set", after_seconds=1) from error
        return asked

    def _mode_was_wrong(self, changes: Changes, error: Reject) -> None:
        """Take the venue's word that positions are kept another way than we thought, so that the next entry sets it first.

        Where it refuses to change the mode, a person has to: something else is held or open there.
        """
        account, now = changes.account, self.clock.now()
        if error.code == "POSITION_MODE_MISMATCH" and account.mode_at_venue is not None:
            changes.make(partial(Account.with_mode_at_venue, mode=None))
        elif account.mode_at_venue is not account.position_mode:
            changes.make(partial(tell_once, what="position_mode", code="POSITION_MODE_NOT_SET", now=now))


def _change_instead(account: Account, leg: Intent, now: datetime) -> Change | None:
    """The state of a leg that must not be sent now; None if it may be."""
    if leg.kind.is_protective:
        return _protective_change(account, leg, now)
    if leg.kind is LegKind.EXIT and waits_for(account, leg) is not None:
        return _held(leg, now)
    if account.status is not AccountStatus.ACTIVE:  # the venue has just refused its keys
        return _failed(leg, IntentState.DENIED, Reason.ACCOUNT_DISABLED, now)
    return _entry_change(account, leg, now) if leg.kind is LegKind.ENTRY else None


def _entry_change(account: Account, leg: Intent, now: datetime) -> Change | None:
    if waits_for(account, leg) is not None:  # its exit comes first
        return _held(leg, now)
    held = account.position(leg.subscription_id, leg.market)
    if held is not None and leg.bracket_of != held.entry_intent_id:  # its exit was refused
        return _failed(leg, IntentState.DENIED, Reason.OPPOSITE_POSITION_HELD, now)
    if leg.is_add and held is None:
        return _failed(leg, IntentState.EXPIRED, Reason.NEVER_PLACED, now)
    if leg.expires_at is not None and now > leg.expires_at:
        return _failed(leg, IntentState.EXPIRED, Reason.SIGNAL_TOO_OLD, now)
    suspended = suspended_by(account, now)
    return None if suspended is None else _failed(leg, IntentState.DENIED, suspended, now)


def _protective_change(account: Account, leg: Intent, now: datetime) -> Change | None:
    if waits_for(account, leg) is not None:
        return _held(leg, now)
    position = account.position(leg.subscription_id, leg.market)
    if position is None or position.entry_intent_id != leg.bracket_of or account.left_for(leg) == 0:
        if leg.last_lookup_at is not None:  # the venue was asked for the leg, so the leg was reported
            return _failed(leg, IntentState.EXPIRED, Reason.NEVER_PLACED, now)
        return partial(Account.release, intent_id=leg.intent_id)
    return None if account.status is AccountStatus.ACTIVE else _held(leg, now)


def _at_market(account: Account, target: Intent, now: datetime) -> Account:
    """Close the share of a target that the market has reached already: the target would have done so at once.

    The venue has no order of it, so the next look sends the same leg as an order at market. The account says so first: a lost
    order is looked for by its kind.
    """
    held = account.hold(target.intent_id, IntentState.PENDING, now)
    waiting = held.intents[target.intent_id]
    if waiting.state is not IntentState.PENDING:
        return held
    at_market = replace(waiting, order_type=OrderType.MARKET, trigger_price=None, price=None, retry_at=None)
    return replace(held, intents={**held.intents, target.intent_id: at_market})


def _held(leg: Intent, now: datetime) -> Change:
    return _under(leg, partial(Account.hold, intent_id=leg.intent_id, state=IntentState.PENDING, now=now))


def _under(leg: Intent, change: Change) -> Change:
    """The change while the mark that the leg was sent under stands; void once somebody has marked the leg anew."""

    def made(account: Account) -> Account:
        return change(account) if account.intents[leg.intent_id].submitted_at == leg.submitted_at else account

    return made


def _failed(leg: Intent, state: IntentState, reason: Reason, now: datetime) -> Change:
    return partial(Account.fail, intent_id=leg.intent_id, state=state, reason=reason, now=now)


def _as_sent(account: Account, sent: Intent) -> Account:
    """The account with the quantity and the trigger that were really sent."""
    known = account.intents[sent.intent_id]
    if (known.quantity, known.trigger_price) == (sent.quantity, sent.trigger_price):
        return account
    told = replace(known, quantity=sent.quantity, trigger_price=sent.trigger_price)
    return replace(account, intents={**account.intents, sent.intent_id: told})


def _reason(code: str) -> Reason:
    return Reason(code) if code in Reason.__members__ else Reason.VENUE_REJECTED
