"""The account: the aggregate that decides every order of one set of exchange keys (decision 0002).

One item holds everything a decision needs: open intents, positions, daily results, the status of each subscription, the keys'
version. A change makes a new `Account`; the store writes it only if nobody else has written since it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.account.events import Event, EventType, order_event
from candlecast.domain.account.findings import Drift, ExternalOrder, Mend
from candlecast.domain.account.suspension import MAX_SUSPENSIONS, Suspension, resume, since
from candlecast.domain.account.usage import Usage
from candlecast.domain.limits.catalogue import REASONS_OF_LIMITS
from candlecast.domain.limits.limits import NO_LIMITS, Limits
from candlecast.domain.market.market import Market
from candlecast.domain.orders.charges import ClosedPosition, DueFee
from candlecast.domain.orders.fills import STATE_OF_STATUS, filled_into, own_trade_id, price_of_last, reason_of_end
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.lifecycle import require_transition
from candlecast.domain.orders.position import Position, Trade, market_of, place_of, position_key
from candlecast.domain.orders.retries import ATTEMPTS_BEFORE_ALERT, NOT_PLACED, next_closing, pause_after
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, InvalidValue
from candlecast.domain.values.money import DOLLARS, ZERO, payment
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.values.terms import OrderType, PositionMode, PositionSide
from candlecast.domain.venue.reports import FeeRates, LeverageCap, MarketSettings, VenueOrder
from candlecast.domain.venue.rules import rules_of

MAX_OPEN_INTENTS = 60  # with the other bounds it keeps the item below 32 kB, compressed: every read and write pays per kB
MAX_SETTLED = 256
MAX_REFUSED = MAX_SETTLED - MAX_OPEN_INTENTS  # so much may be taken by refusals: every open order keeps a place for when it ends
MAX_SUBSCRIPTIONS_PER_ACCOUNT = 20
MAX_DUE_FEES = 24  # orders between two turns of five minutes; estimates of older ones stay
MAX_LEVERAGE_CAPS = 8  # markets, those traded last: each is some 60 bytes of every write
MAX_SETTLING = 8  # positions that were closed between two turns: each is some 300 bytes of every write
SAME_TOTAL = Decimal("0.01")  # dollars by which two sums of one answer may differ: the venue rounds each
DISABLED_BY_OWNER = "DISABLED_BY_OWNER"
DISABLED_BY_VENUE = frozenset({"AUTHENTICATION_FAILED", "ACCOUNT_INACTIVE"})  # its owner may put that right at the venue
REMEMBERED_DIGITS = 16  # of an intent's id: among MAX_SETTLED ids no two will ever share 64 bits, and half the bytes are saved
SETTLED_MEMORY = timedelta(seconds=MAX_SIGNAL_AGE_SECONDS + 60)  # after this any repeat of an entry has expired by itself


class AccountStatus(StrEnum):
    """NO_CREDENTIALS until keys are given; DISABLED by its owner or because the venue refused the keys.

    VERIFYING is shown and never stored (`shown_status`): keys that are not vetted, or have wrong rights, take no entries.
    """

    NO_CREDENTIALS = "NO_CREDENTIALS"
    VERIFYING = "VERIFYING"
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@dataclass(frozen=True)
class DailyResult:
    """A subscription's realised profit after fees on one UTC day, in quote units; read from older items, never written."""

    day: date
    realised_pnl: Decimal


@dataclass(frozen=True)
class Balance:
    """Margin balance as the venue told it: totals in the venue's own terms, and each asset in units of its own."""

    equity: Decimal
    """The venue's total: of USDT alone, or of all assets together where they are margin for one another."""
    available: Decimal
    """The part of the total that new positions can use."""
    as_of: datetime
    """When the venue told it (UTC)."""
    assets: Mapping[str, Decimal] = field(default_factory=dict)
    """Asset to its margin balance, without assets that have none; empty in balances from before assets were kept."""

    @property
    def is_shared(self) -> bool:
        """Whether the total is what every position stands on: assets that are margin for one another, or none told apart.

        A venue that keeps assets apart tells USDT alone as its total (Binance, single-asset mode).
        """
        return not self.assets or abs(self.equity - self.assets.get("USDT", ZERO)) > SAME_TOTAL

    @property
    def by_currency(self) -> Mapping[str, Decimal]:
        """The equity by its asset. A total of all assets together is told in dollars, and stands under USDT."""
        return {"USDT": self.equity} if self.is_shared else self.assets

    def of(self, quote: str) -> Decimal:
        """The equity that a market's positions stand on, in its quote asset."""
        return self.equity if self.is_shared else self.assets.get(quote, ZERO)

    @property
    def total(self) -> Decimal:
        """The equity for limits of the whole account: dollars one for one. Other assets that are kept apart do not count."""
        if self.is_shared:
            return self.equity
        return sum((amount for asset, amount in self.assets.items() if asset in DOLLARS), ZERO)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One set of exchange keys of one user, with everything that decides its orders; money in the account's quote currency.

    A change makes a new `Account`; no method changes the value itself. Raises `InvalidValue` (TOO_MANY_OPEN_ORDERS,
    TOO_MANY_SUBSCRIPTIONS, TOO_MANY_SUSPENSIONS).
    """

    tenant_id: str
    """The user who owns the account; a part of the item's key."""
    account_id: str
    """The account among those of its user; a part of the item's key."""
    venue: str
    """Name of the exchange, such as `binanceusdm`; `rules_of` in `domain/venue/rules.py` has the rules."""
    label: str
    """The user's own name for the account, for people."""
    status: AccountStatus
    """Whether orders may be sent; see `AccountStatus`."""
    created_at: datetime
    """Time of creation (UTC)."""
    credential_version: str | None = None
    """Version of the keys in the vault; None while the account has no keys."""
    disabled_reason: str | None = None
    """Why the account is DISABLED: DISABLED_BY_OWNER, or the code of the failure that stopped it. None for any other status."""
    organisation_id: str | None = None
    """The organisation that the last order named, so that its kill switch concerns the account; None without an organisation."""
    version: int = 0
    """Number of writes; a write is refused unless the stored version is the version that was read."""
    subscriptions: Mapping[str, SubscriptionStatus] = field(default_factory=dict)
    """Subscription id to status; at most `MAX_SUBSCRIPTIONS_PER_ACCOUNT`. A missing id takes no entries, like CANCELLED."""
    intents: Mapping[str, Intent] = field(default_factory=dict)
    """Intent id to intent, in the order of writing: open intents only, at most `MAX_OPEN_INTENTS`."""
    positions: Mapping[str, Position] = field(default_factory=dict)
    """Position key (`position_key`) to position; held ones only."""
    settled: Mapping[str, datetime] = field(default_factory=dict)
    """`remembered` id of an ended intent, which a repeat finds, to the time of forgetting; at most `MAX_SETTLED`."""
    newest_signals: Mapping[str, datetime] = field(default_factory=dict)
    """Position key to the issue time of its newest decided signal, so that an entry never follows its own exit."""
    daily_results: Mapping[str, DailyResult] = field(default_factory=dict)
    """Subscription id to a day's result, as items from before `usage` have it; read, never added to."""
    market_settings: Mapping[str, MarketSettings] = field(default_factory=dict)
    """Market to the leverage and margin mode that we have put in force at the venue."""
    balance: Balance | None = None
    """Margin balance as the last full look found it; None before the first full look."""
    reconciled_at: datetime | None = None
    """Time of the last full look, which compares positions and balance (UTC). None before the first; a limit bounds its age."""
    external_orders: tuple[ExternalOrder, ...] = ()
    """Open orders at the venue that no intent of ours explains; at most `findings.MAX_EXTERNAL_ORDERS`."""
    drifts: Mapping[str, Drift] = field(default_factory=dict)
    """Place (`place_of`) to the difference between the venue's position and ours; at most `findings.MAX_DRIFTS`."""
    mends: Mapping[str, Mend] = field(default_factory=dict)
    """Name of a repair, such as `stop|` with a position key, to its attempts in a row; at most `findings.MAX_MENDS`."""
    naked_since: Mapping[str, datetime] = field(default_factory=dict)
    """Position key to the time at which its live stop disappeared; only positions that should have a stop."""
    position_mode: PositionMode = PositionMode.ONE_WAY
    """How the owner wants positions kept; changes only while nothing is held or open."""
    mode_at_venue: PositionMode | None = PositionMode.ONE_WAY
    """How the venue keeps positions as far as we know; None once the venue has contradicted us. An entry sets the mode first."""
    limits: Limits = NO_LIMITS
    """Limits of the account itself, in force at its next order; they only tighten the limits above it."""
    limits_set_at: datetime | None = None
    """When the limits were set (UTC), from which their lock is bounded; None for limits from before locks were bounded."""
    usage: Usage = field(default_factory=Usage)
    """Results, counters and times that limits compare with."""
    due_fees: Mapping[str, DueFee] = field(default_factory=dict)
    """The venue's order id to fills with an estimated fee, oldest first; at most `MAX_DUE_FEES`."""
    settling: Mapping[str, ClosedPosition] = field(default_factory=dict)
    """Trade id to a closed position with charges to read, oldest first; at most `MAX_SETTLING`."""
    funding_until: datetime | None = None
    """Time up to which funding has been read (UTC); None before the first reading."""
    fee_rates: Mapping[str, FeeRates] = field(default_factory=dict)
    """Quote asset to the account's fees as the venue told them last; without rates the catalogue's stand for them."""
    leverage_caps: Mapping[str, LeverageCap] = field(default_factory=dict)
    """Market to the largest position at its leverage as the venue told it, oldest first; at most `MAX_LEVERAGE_CAPS`."""
    suspensions: tuple[Suspension, ...] = ()
    """Causes for which entries are denied while looks, stops and exits go on, oldest first; at most `MAX_SUSPENSIONS`."""
    vetted_at: datetime | None = None
    """When the venue last told the rights of the present keys (UTC); None before the first vetting."""
    key_is_bound: bool | None = None
    """Whether the keys work from named addresses only, as the venue told; None if it has not told."""
    generation: int = 1
    """The generation of the table in which a look has accounted for all that the venue has; entries wait while it is too low."""
    entries_from: datetime | None = None
    """Signals issued earlier open nothing: they may have been executed before a restore. None without a recent restore."""
    retired_at: datetime | None = None
    """When its owner has retired the account, which takes neither keys nor subscriptions any more; None before."""
    outbox: tuple[Event, ...] = ()
    """Events of the changes since the last read, written with the account and told by the table's stream; empty after a read."""

    def __post_init__(self) -> None:
        if len(self.intents) > MAX_OPEN_INTENTS:
            raise InvalidValue(f"an account has at most {MAX_OPEN_INTENTS} open intents", code="TOO_MANY_OPEN_ORDERS")
        if len(self.subscriptions) > MAX_SUBSCRIPTIONS_PER_ACCOUNT:
            raise InvalidValue(
                f"an account has at most {MAX_SUBSCRIPTIONS_PER_ACCOUNT} subscriptions", code="TOO_MANY_SUBSCRIPTIONS"
            )
        if len(self.suspensions) > MAX_SUSPENSIONS:
            raise InvalidValue(f"an account has at most {MAX_SUSPENSIONS} suspensions", code="TOO_MANY_SUSPENSIONS")

    @property
    def can_be_looked_at(self) -> bool:
        """Whether the venue can be asked about the account: its owner's word stops orders, not questions.

        An account whose keys the venue has refused is asked for while something of it is held or open: the keys may work again.
        """
        usable = self.status is AccountStatus.ACTIVE or self.disabled_reason == DISABLED_BY_OWNER or self.waits_for_keys
        return usable and self.credential_version is not None

    @property
    def waits_for_keys(self) -> bool:
        """Whether the venue refuses the keys of an account that still holds something, or has something open."""
        refused = self.status is AccountStatus.DISABLED and self.disabled_reason in DISABLED_BY_VENUE
        return refused and bool(self.positions or self.intents)

    def require_in_service(self) -> None:
        """Raise `Conflict` (ACCOUNT_RETIRED) if the account was retired."""
        if self.retired_at is not None:
            raise Conflict("ACCOUNT_RETIRED", "the account was retired: open another one")

    # -- questions ---------------------------------------------------------------------------------------------------------

    def knows(self, intent_id: str) -> bool:
        """Whether this leg has been decided before, so that deciding again would be a repeat."""
        return intent_id in self.intents or remembered(intent_id) in self.settled

    def position(self, subscription_id: str, market: str) -> Position | None:
        return self.positions.get(position_key(subscription_id, market))

    def place(self, market: str, side: PositionSide) -> str:
        """Where the venue keeps a position of ours."""
        return place_of(market, side if self.position_mode is PositionMode.HEDGE else None)

    def under_way(self, subscription_id: str, market: str) -> tuple[Intent, ...]:
        """The entries and exits of a position that have not ended yet: undecided ones, and those that rest."""
        return tuple(
            i
            for i in self.intents.values()
            if (i.subscription_id, i.market) == (subscription_id, market) and not i.kind.is_protective
        )

    def resting(self, subscription_id: str, market: str) -> tuple[Intent, ...]:
        """The entries of a position that the venue has in its book. They are decided: an exit cancels them."""
        return tuple(i for i in self.under_way(subscription_id, market) if i.is_resting_entry)

    def undecided(self, subscription_id: str, market: str) -> tuple[Intent, ...]:
        """The entries and exits of a position with an open outcome, so that nobody knows what will be held (decision 0061)."""
        return tuple(i for i in self.under_way(subscription_id, market) if not i.is_resting_entry)

    def unresolved(self) -> tuple[Intent, ...]:
        """Intents whose order may exist without our knowing, or which still have to be sent."""
        return tuple(i for i in self.intents.values() if i.state.is_unresolved or i.state is IntentState.PENDING)

    def protective(self, position: Position) -> tuple[Intent, ...]:
        """The open stop and target intents of a position."""
        return tuple(i for i in self.intents.values() if i.kind.is_protective and i.bracket_of == position.entry_intent_id)

    def left_for(self, leg: Intent) -> Decimal | None:
        """How much a stop, target or exit may close beside the legs before it; None where its position is not held.

        Parts of one stop share what is held, and so do all targets. A new stop stands beside the old one until that is cancelled.
        """
        position = self.position(leg.subscription_id, leg.market)
        if position is None:
            return None
        left = position.quantity
        for other in self.protective(position) if leg.kind.is_protective else ():
            if other.intent_id == leg.intent_id:
                break
            if other.kind is leg.kind and (other.whole == leg.whole or leg.kind is LegKind.TAKE_PROFIT):
                left -= other.quantity - other.filled_quantity
        return max(left, ZERO)

    def orphans(self) -> tuple[Intent, ...]:
        """Protective orders at the venue whose position is closed: to be cancelled.

        While it is unknown what became of the entry, its stop is none: a look beside this one may have found the entry filled.
        """
        live = {p.entry_intent_id for p in self.positions.values()}
        live |= {i.intent_id for i in self.intents.values() if i.kind is LegKind.ENTRY and i.state.is_unresolved}
        return tuple(
            i for i in self.intents.values() if i.kind.is_protective and i.state is IntentState.OPEN and i.bracket_of not in live
        )

    def naked_positions(self) -> tuple[Position, ...]:
        """Positions that should have a stop and have none that is live or on its way (invariant 11)."""
        return tuple(
            p
            for p in self.positions.values()
            if p.stop_price is not None and not any(i.kind is LegKind.STOP_LOSS for i in self.protective(p))
        )

    def holds_foreign(self, market: str) -> bool:
        """Whether more is held in the market at the venue than ours, so that an entry would be netted with somebody else's."""
        return any(drift.reported and market_of(place) == market_of(market) for place, drift in self.drifts.items())

    def realised_today(self, subscription_id: str, now: datetime) -> Decimal:
        """The subscription's realised profit after fees on `now`'s UTC day."""
        before = self.daily_results.get(subscription_id)  # of an item that was written before there was `usage`
        realised = before.realised_pnl if before is not None and before.day == now.date() else ZERO
        return realised + self.usage.results_of(subscription_id, now).day_pnl

    @property
    def payable(self) -> Mapping[str, DueFee]:
        """The due fees of orders that have ended: only then is all of an order's fee known."""
        open_orders = {intent.venue_order_id for intent in self.intents.values()}
        return {key: due for key, due in self.due_fees.items() if key not in open_orders}

    @property
    def awaits_charges(self) -> bool:
        """Whether something of the account was traded whose charges have not been read."""
        return bool(self.due_fees or self.settling)

    def taker_fee(self, market: Market) -> Decimal:
        """The fraction of a notional that a market order is estimated to cost."""
        rates = self.fee_rates.get(market.quote)
        return market.taker_fee if rates is None else rates.taker

    def is_full(self, now: datetime) -> bool:
        """Whether no further entry can be remembered, so none may be taken."""
        return sum(1 for until in self.settled.values() if until > now) >= MAX_REFUSED

    # -- changes -----------------------------------------------------------------------------------------------------------

    def decide(self, decided: Iterable[Intent], now: datetime, receipt: str | None = None) -> Account:
        """Record decisions (write 1): terminal ones (denied, expired, skipped) are settled, the others reserved.

        `receipt` goes with the event of the entry that was decided.
        """
        account = self._pruned(now)
        for intent in decided:
            key = position_key(intent.subscription_id, intent.market)
            newest = max(intent.issued_at, account.newest_signals.get(key, intent.issued_at))
            account = replace(account, newest_signals={**account.newest_signals, key: newest})
            account = account._put(intent, now)
        return account if receipt is None else replace(account, outbox=_with_receipt(account.outbox, receipt))

    def hold(self, intent_id: str, state: IntentState, now: datetime) -> Account:
        """Move an open intent to PENDING, SUBMITTING or UNKNOWN; an intent whose order the venue has shown stays OPEN.

        An intent that is already UNKNOWN stays as it is: the earlier write has landed, and only its answer was lost.
        """
        intent = self.intents[intent_id]
        if intent.state is IntentState.OPEN or intent.state is state is IntentState.UNKNOWN:
            return self
        submitted = now if state is not IntentState.PENDING else intent.submitted_at
        lookups = 0 if state is IntentState.SUBMITTING else intent.lookups
        return self._put(replace(intent, state=state, submitted_at=submitted, lookups=lookups), now)

    def postpone(self, intent_id: str, now: datetime, asked_seconds: float = 0) -> Account:
        """The venue certainly did not take the leg: it waits for its pause, or as long as the venue asks if that is longer."""
        intent = self.intents[intent_id]
        if intent.state is IntentState.OPEN:
            return self
        attempts = intent.attempts + 1
        pause = max(pause_after(intent.kind, attempts), timedelta(seconds=asked_seconds))
        held = self._put(replace(intent, state=IntentState.PENDING, attempts=attempts, retry_at=now + pause), now)
        return held._escalated(held.intents[intent_id], now)

    def defer(self, intent_id: str, until: datetime, now: datetime) -> Account:
        """Hold back a leg that was certainly not sent, by our own will: it may be sent from `until` on, and no attempt counts."""
        held = self.hold(intent_id, IntentState.PENDING, now)
        intent = held.intents[intent_id]
        if intent.state is not IntentState.PENDING:
            return held
        return replace(held, intents={**held.intents, intent_id: replace(intent, retry_at=until)})

    def mark_exit(self, intent_id: str, now: datetime, market: Market | None) -> Account:
        """Mark an exit for sending, for the quantity held now: the order before it may have changed the position.

        An exit of a part is marked for its part of that quantity, and ends where no order of the market is so small.
        """
        intent = self.intents[intent_id]
        position = self.positions[position_key(intent.subscription_id, intent.market)]
        quantity, reduction = position.quantity, intent.reduction
        if reduction is not None:
            quantity = reduction.of(position.quantity, market)
            reduction = Reduction(quantity=quantity) if ZERO < quantity < position.quantity else None
            if quantity == ZERO:
                return self.fail(intent_id, IntentState.SKIPPED, Reason.QUANTITY_TOO_SMALL, now)
        sized = replace(intent, position_side=position.side, quantity=quantity, reduction=reduction)
        return replace(self, intents={**self.intents, intent_id: sized}).hold(intent_id, IntentState.SUBMITTING, now)

    def seen(self, intent_id: str) -> Account:
        """Forget lookups in vain: the venue has shown the order again."""
        return replace(self, intents={**self.intents, intent_id: replace(self.intents[intent_id], lookups=0)})

    def missed(self, intent_id: str, now: datetime) -> Account:
        """Count a lookup that did not find the order."""
        intent = self.intents[intent_id]
        counted = replace(intent, lookups=intent.lookups + 1, last_lookup_at=now)
        return replace(self, intents={**self.intents, intent_id: counted})

    def release(self, intent_id: str) -> Account:
        """Forget a stop or target that was certainly not sent, because its entry has ended without a position."""
        require_transition(self.intents[intent_id].state, None)
        return replace(self, intents={k: v for k, v in self.intents.items() if k != intent_id})

    def fail(self, intent_id: str, state: IntentState, reason: Reason, now: datetime, message: str | None = None) -> Account:
        """End an intent without a (further) fill; an exit that the venue has ended is followed by another."""
        intent = self.intents[intent_id]
        ended = replace(intent, state=state, denial=intent.denial or Denial(reason), venue_message=message)
        return self._put(ended, now)._close_again(ended, now)

    def apply(self, intent_id: str, order: VenueOrder, fee_rate: Decimal, now: datetime) -> Account:
        """Take over what the venue says of an order: fills move the position, an end settles the intent.

        Idempotent: only what was filled beyond what is known counts. `fee_rate` estimates a fee that the venue does not tell.
        """
        intent = self.intents[intent_id]
        filled = order.filled_quantity - intent.filled_quantity
        account = self
        if filled > 0:
            price = price_of_last(intent, order, filled)
            fee = order.fee - intent.fee if order.fee is not None else payment(filled * price * fee_rate)
            account = account._due(intent, order, fee, now)._fill(intent, filled, price, fee, now)
            intent = replace(
                intent, filled_quantity=order.filled_quantity, average_price=order.average_price, fee=intent.fee + fee
            )
        state = STATE_OF_STATUS[order.status]
        denial = Denial(self._reason_cancelled(intent, now)) if state is IntentState.CANCELLED else None
        if state is IntentState.REJECTED:
            denial = Denial(Reason.VENUE_REJECTED)
        intent = replace(intent, state=state, venue_order_id=order.venue_order_id, denial=intent.denial or denial, lookups=0)
        return account._put(intent, now)._close_again(intent, now)

    def _reason_cancelled(self, intent: Intent, now: datetime) -> Reason:
        """Why an order was cancelled; an orphan ends because its position is closed, whether or not our cancel was answered."""
        is_orphan = any(orphan.intent_id == intent.intent_id for orphan in self.orphans())
        return Reason.POSITION_CLOSED if is_orphan else reason_of_end(intent, now)

    def disable(self, reason: str, now: datetime) -> Account:
        """Stop using the account's keys; the owner is told by a critical alert.

        An account that its owner has disabled keeps that reason: new keys alone must not enable the account. A stop, target or
        exit of a position that is held waits for keys that work.
        """
        told = self.alert(reason, now)
        if self.status is AccountStatus.DISABLED and self.disabled_reason == DISABLED_BY_OWNER:
            return told
        stopped = replace(told, status=AccountStatus.DISABLED, disabled_reason=reason)
        for intent in self.intents.values():
            held = intent.kind is not LegKind.ENTRY and intent.position_key in self.positions and reason in DISABLED_BY_VENUE
            if intent.state is IntentState.PENDING and not held:  # certainly not sent, and nobody will look to say so
                stopped = stopped.fail(intent.intent_id, IntentState.DENIED, Reason.ACCOUNT_DISABLED, now)
        return stopped

    def accepted(self, now: datetime) -> Account:
        """The account after the venue has accepted its keys again; one that their refusal had disabled is active as before."""
        active = replace(self, status=AccountStatus.ACTIVE, disabled_reason=None) if self.waits_for_keys else self
        told = Event(type=EventType.ACCOUNT_CHANGED, occurred_at=now, code="KEYS_ACCEPTED")
        return resume(active if active is self else active.tell(told), Reason.KEYS_REFUSED, now)

    def alert(
        self,
        code: str,
        now: datetime,
        position: Position | None = None,
        market: str | None = None,
        failure: str | None = None,
    ) -> Account:
        """Report something that needs a person to operations and to the owner. Without a market it is about the whole account."""
        where = position.market if market is None and position is not None else market
        event = Event(type=EventType.ALERT_CRITICAL, occurred_at=now, code=code, position=position, market=where, failure=failure)
        return self.tell(event)

    def tell(self, event: Event) -> Account:
        """Send an event with the next write."""
        return replace(self, outbox=(*self.outbox, event))

    def close_outside(self, key: str, quantity: Decimal, price: Decimal, fee: Decimal, closed_by: str, now: datetime) -> Account:
        """Take over that somebody else has closed `quantity` of a position: by hand, or the venue by liquidation."""
        position = self.positions[key].reduced(quantity, price, fee)
        return self._with_position(position, now) if position.quantity > 0 else self._closed(position, closed_by, now)

    def with_balance(self, balance: Balance) -> Account:
        """Take over the balance that a look at the venue has found."""
        return replace(self, balance=balance, usage=self.usage.valued(balance.total, balance.as_of))

    def with_position_mode(self, mode: PositionMode) -> Account:
        """The account that keeps its positions so; raises `InvalidValue` (ACCOUNT_NOT_FLAT) while anything is held or open.

        The venue is told before the next entry, and refuses it if somebody else's position or order is in the way.
        """
        if mode is not self.position_mode and (self.positions or self.intents):
            raise InvalidValue("the position mode changes only while nothing is held or open", code="ACCOUNT_NOT_FLAT")
        return replace(self, position_mode=mode)

    def with_mode_at_venue(self, mode: PositionMode | None) -> Account:
        return replace(self, mode_at_venue=mode)

    def with_suspensions(self, suspensions: tuple[Suspension, ...], *events: Event) -> Account:
        """The account with these suspensions of its entries, and the events that report the change."""
        return replace(self, suspensions=suspensions, outbox=(*self.outbox, *events))

    def with_market_settings(self, market: str, settings: MarketSettings) -> Account:
        return replace(self, market_settings={**self.market_settings, market: settings})

    # -- inside ------------------------------------------------------------------------------------------------------------

    def _put(self, intent: Intent, now: datetime) -> Account:
        known = self.intents.get(intent.intent_id)
        require_transition(known.state if known is not None else None, intent.state)
        if intent.state.is_terminal:
            intent = replace(intent, settled_at=now)
            intents = {k: v for k, v in self.intents.items() if k != intent.intent_id and not _is_void(v, intent)}
            settled = dict(self.settled)
            restoring = since(self, Reason.TABLE_RESTORED) is not None  # then all orders of ours are told from lost ones
            repeated = intent.denial is not None and intent.denial.reason is Reason.TABLE_RESTORED  # maybe of a lost order
            counts = (intent.is_of_signal or restoring) and not repeated
            if counts and len(settled) < (MAX_SETTLED if known is not None else MAX_REFUSED):
                key, until = remembered(intent.intent_id), forgotten_at(now)
                settled[key] = max(until, settled.get(key, until))
        else:
            intents, settled = {**self.intents, intent.intent_id: intent}, dict(self.settled)
        usage, events = self.usage.followed(known, intent, now), _order_events(intent, now)
        if intent.denial is not None and intent.state is IntentState.DENIED and intent.denial.reason in REASONS_OF_LIMITS:
            told = usage.told(intent.subscription_id, intent.denial.reason, now)
            if told is not None:
                usage, events = told, (*events, Event(type=EventType.LIMITS_BREACHED, occurred_at=now, order=intent))
        return replace(self, intents=intents, settled=settled, usage=usage, outbox=(*self.outbox, *events))

    def _close_again(self, ended: Intent, now: datetime) -> Account:
        """An exit or a target that the venue has refused, or has ended at market too early, is followed by another.

        So is the last part of an exit, if all parts together were not enough. An exit of a part is followed while something of
        its part is left. The next order waits for its pause as a wish of the account, until it is sent or nothing is held any
        more. A target that rested, and that somebody has cancelled at the venue, stays cancelled.
        """
        closes = ended.kind in (LegKind.EXIT, LegKind.TAKE_PROFIT)
        cut_short = ended.state is IntentState.CANCELLED and ended.order_type is OrderType.MARKET
        unfinished = closes and (ended.state is IntentState.REJECTED or cut_short)
        exits = (i for i in self.under_way(ended.subscription_id, ended.market) if i.kind is LegKind.EXIT and i.reduction is None)
        last_part = ended.kind is LegKind.EXIT and ended.state is IntentState.FILLED and next(exits, None) is None
        if ended.reduction is not None and ended.reduction.after(ended.filled_quantity) is None:
            return self
        if not (unfinished or last_part) or self.position(ended.subscription_id, ended.market) is None:
            return self
        wish = next_closing(ended, now)
        return self._put(wish, now)._escalated(wish, now)

    def _escalated(self, leg: Intent, now: datetime) -> Account:
        """Tell a person, once, of an exit or a stop that cannot be placed."""
        code = NOT_PLACED.get(leg.kind)
        told = code is None or leg.attempts != ATTEMPTS_BEFORE_ALERT
        return self if code is None or told else self.alert(code, now, market=leg.market)

    def _pruned(self, now: datetime) -> Account:
        return replace(
            self,
            settled={k: until for k, until in self.settled.items() if until > now},
            newest_signals={k: at for k, at in self.newest_signals.items() if at > now - SETTLED_MEMORY},
            entries_from=self.entries_from if self.entries_from and self.entries_from > now - SETTLED_MEMORY else None,
            daily_results={k: r for k, r in self.daily_results.items() if r.day == now.date()},
            usage=self.usage.pruned(self.subscriptions, now),
        )

    def _fill(self, intent: Intent, quantity: Decimal, price: Decimal, fee: Decimal, now: datetime) -> Account:
        held = self.position(intent.subscription_id, intent.market)
        if intent.kind is LegKind.ENTRY:
            return self._with_position(filled_into(held, intent, quantity, price, fee, now), now)
        if held is None:
            return self.alert("FILL_WITHOUT_POSITION", now, market=intent.market)
        position = held.reduced(min(quantity, held.quantity), price, fee)
        if position.quantity > 0:
            return self._with_position(position, now)
        return self._closed(position, intent.leg, now)

    def _due(self, intent: Intent, order: VenueOrder, fee: Decimal, now: datetime) -> Account:
        """Remember an order with an estimated fee, all its fills together: the venue may have told the fee of the first ones."""
        others = {key: due for key, due in self.due_fees.items() if key != order.venue_order_id}
        held = self.position(intent.subscription_id, intent.market)
        if order.fee is not None or (held is None and intent.kind is not LegKind.ENTRY):
            return replace(self, due_fees=others) if len(others) < len(self.due_fees) else self
        due = DueFee(
            trade_id=(own_trade_id(intent) or intent.intent_id) if held is None else held.trade_id,
            market=intent.market,
            quantity=order.filled_quantity,
            notional=order.filled_quantity * (order.average_price or ZERO),
            fee=intent.fee + fee,
            booked_at=now,
            closes=intent.kind is not LegKind.ENTRY,
        )
        return replace(self, due_fees=newest({**others, order.venue_order_id: due}, MAX_DUE_FEES))

    def _with_position(self, position: Position, now: datetime) -> Account:
        event = Event(type=EventType.POSITION_CHANGED, occurred_at=now, position=position)
        return replace(self, positions={**self.positions, position.key: position}, outbox=(*self.outbox, event))

    def _closed(self, position: Position, closed_by: str, now: datetime) -> Account:
        trade = Trade.of(position, closed_by, now, self.venue)
        events = (
            Event(type=EventType.POSITION_CHANGED, occurred_at=now, position=position),
            Event(type=EventType.TRADE_CLOSED, occurred_at=now, trade=trade),
        )
        closed, settling = ClosedPosition(position=position, closed_by=closed_by, closed_at=now), self.settling
        due = any(fee.trade_id == trade.trade_id for fee in self.due_fees.values())
        if due or closed.awaits_funding(self.funding_until, rules_of(self.venue).funding_interval):
            settling = newest({**settling, trade.trade_id: closed}, MAX_SETTLING)
        return replace(
            self,
            positions={k: p for k, p in self.positions.items() if k != position.key},
            settling=settling,
            usage=self.usage.closed(position.key, position.subscription_id, trade.net_pnl, now, position.funding),
            outbox=(*self.outbox, *events),
        )


def newest[T](values: Mapping[str, T], most: int) -> dict[str, T]:
    """The values that were added last."""
    return dict(list(values.items())[-most:])


def _is_void(leg: Intent, ended: Intent) -> bool:
    """Whether a leg was to protect what an add should have brought, which has ended with nothing; it was never sent."""
    return leg.behind == ended.intent_id and ended.filled_quantity == 0


def remembered(intent_id: str) -> str:
    """The part of an ended intent's id that the account keeps."""
    return intent_id[:REMEMBERED_DIGITS]


def forgotten_at(ended_at: datetime) -> datetime:
    """Until when an intent that ended then is remembered, in whole minutes: seconds would only take room."""
    return (ended_at + SETTLED_MEMORY + timedelta(minutes=1)).replace(second=0, microsecond=0)


def _with_receipt(outbox: tuple[Event, ...], receipt: str) -> tuple[Event, ...]:
    """The events; the newest event of an entry carries the receipt, or else that of an exit."""
    decided = (event.order if event.type is not EventType.LIMITS_BREACHED else None for event in outbox)
    kinds = [order.kind if order is not None else None for order in decided]
    wanted = LegKind.ENTRY if LegKind.ENTRY in kinds else LegKind.EXIT
    carrier = max((place for place, kind in enumerate(kinds) if kind is wanted), default=None)
    return tuple(replace(e, receipt=receipt) if place == carrier else e for place, e in enumerate(outbox))


def _order_events(intent: Intent, now: datetime) -> tuple[Event, ...]:
    """The event of an intent's state. A stop or target has none before it exists: it may end unsent with its entry."""
    untold = intent.kind.is_protective and intent.state in (IntentState.PENDING, IntentState.SUBMITTING)
    return () if untold else (order_event(intent, now),)
