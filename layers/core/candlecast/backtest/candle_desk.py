"""One account in front of a venue made of candles: plans become orders, fills become positions.

Plans come from `domain/decide/plan.py`, records are made by the account's own methods, and stops move by
`domain/reconcile/protect.py`. The order of sending is that of the live executor. An exit goes before its entry, an entry before
its stop and targets. A new stop is placed before the old stop is cancelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.backtest.candle_venue import CandleVenue, Fill, Moment
from candlecast.backtest.margin import Margin, wallet_of
from candlecast.domain.account.account import Account, Balance
from candlecast.domain.account.booking import FundingSpan, book_funding
from candlecast.domain.account.events import Event, EventType
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.decide.risk.held import losing_positions, overdue_positions
from candlecast.domain.market.market import Market
from candlecast.domain.orders.bracket import forced_exit, in_parts, replacement_stop
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position, Trade
from candlecast.domain.reconcile.protect import follow, release_unsent, scale_targets, stop_moves
from candlecast.domain.reconcile.reconcile import waits_for
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.money import ZERO, payment
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import MarginMode, Side
from candlecast.domain.venue.reports import VenueFunding, VenueOrder, VenueOrderStatus

CAUSES_OF_LIMITS = (Reason.UNREALISED_LOSS.value, Reason.HOLDING_TIME_OVER.value)
MOST_STEPS = 1_000  # fills, orders and cancellations of one moment: far above what a full account can bring


class ClosedBy(StrEnum):
    """The cause of a trade's end, in the words of every path. LIMIT: a limit that closes positions."""

    SIGNAL = "SIGNAL"
    REVERSAL = "REVERSAL"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    TRAILING_STOP = "TRAILING_STOP"
    LIMIT = "LIMIT"
    LIQUIDATED = "LIQUIDATED"


@dataclass(frozen=True, slots=True)
class ExactFill:
    """One filled order. `row` counts candles from 0; money and prices in quote units.

    `signal_id` and `leg` name the order as live does. A leg of a bracket has the signal that opened its position. `closed_by` is
    the cause of an order that closes. The fee of a liquidation is
    all that the position loses beyond its price: below zero where the insurance fund pays.
    """

    row: int
    at: datetime
    signal_id: str
    leg: str
    closed_by: ClosedBy | None
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    is_maker: bool


@dataclass(frozen=True, slots=True)
class ExactTrade:
    """A round trip as live history has it, with the rows of its first and last fill, and the cause of the last."""

    trade: Trade
    entry_row: int
    exit_row: int
    closed_by: ClosedBy


@dataclass(slots=True)
class CandleDesk:
    """The account of a backtest. `cash` counts every fill at its price, so equity is cash and the held quantity's value."""

    account: Account
    venue: CandleVenue
    market: Market
    settings: Settings
    cash: Decimal
    margin: Margin | None
    fills: list[ExactFill] = field(default_factory=list)
    trades: list[ExactTrade] = field(default_factory=list)
    denials: Counter[str] = field(default_factory=Counter)
    funding: Decimal = ZERO
    row: int = 0
    now: datetime | None = None
    _entry_rows: dict[str, int] = field(default_factory=dict)
    _again: TradeOrder | None = None
    _reversing: str | None = None  # the last signal that was an entry: an exit of the same signal reverses

    # -- questions ---------------------------------------------------------------------------------------------------------

    @property
    def position(self) -> Position | None:
        """The only position of the account."""
        return next(iter(self.account.positions.values()), None)

    @property
    def fees(self) -> Decimal:
        return sum((fill.fee for fill in self.fills), ZERO)

    @property
    def has_waiting(self) -> bool:
        """Whether something is to be sent at the next moment."""
        return self._again is not None or any(i.state is IntentState.SUBMITTING for i in self.account.intents.values())

    @property
    def liquidation_price(self) -> Decimal | None:
        """The price at which the venue takes the position; None without a position, and without brackets of margin."""
        position = self.position
        if position is None or self.margin is None:
            return None
        return self.margin.liquidation_price(position, wallet_of(position, self.settings, self._wallet(position)))

    def equity(self, price: Decimal) -> Decimal:
        return self.cash + self.venue.held * price

    # -- the moments of a candle -------------------------------------------------------------------------------------------

    def begin(self, row: int, now: datetime) -> None:
        self.row, self.now = row, now

    def decide(self, order: TradeOrder) -> None:
        """Plan an order and record it; its legs wait for `send_waiting`."""
        now, signal = self._now(), order.signal
        self._reversing = signal.signal_id if signal.action.is_entry else None
        try:
            plan = plan_orders(self.account, order, self.market, now)
        except RetryLater as error:  # a live entry would come back until it is stale, and the state of a backtest stands still
            self.denials[error.code] += 1
            return
        if plan.intents:
            self._change(self.account.decide(plan.intents, now))
        if plan.over_resting:
            self._over_resting(plan.waiting[0])
        self._again = order if plan.comes_again else None

    def send_waiting(self) -> None:
        """Send all legs that are marked, and decide once more what could not be decided before them."""
        self._send(tuple(i for i in self.account.intents.values() if i.state is IntentState.SUBMITTING))
        again, self._again = self._again, None
        if again is not None:
            self.decide(again)
            self._send(tuple(i for i in self.account.intents.values() if i.state is IntentState.SUBMITTING))

    def play(self) -> None:
        """Let the moment fill what it can, in the order that the venue has for it."""
        for _ in range(MOST_STEPS):
            liquidation = self.liquidation_price
            order = self.venue.next_fill(liquidation)
            if order is None and (liquidation is None or not self.venue.reaches(liquidation)):
                return
            if order is not None:
                self._told(order)
            elif liquidation is not None:
                self._liquidate(liquidation)
        raise RuntimeError("a candle does not come to an end")

    def end_candle(self) -> None:
        """Fill trailing stops of the venue that the close proves to be reached."""
        while (order := self.venue.end()) is not None:
            self._told(order)

    def liquidate_beyond(self) -> None:
        """Liquidate a position at an open beyond its price: before anybody can trade."""
        price = self.liquidation_price
        if price is not None and self.venue.reaches(price):
            self._liquidate(price)

    def value(self, price: Decimal) -> None:
        """Take over the balance as a look at the venue finds it at this price."""
        now, position = self._now(), self.position
        equity = self.equity(price)
        used = ZERO if position is None else position.quantity * price / self.settings.leverage
        balance = Balance(equity=equity, available=max(equity - used, ZERO), as_of=now, assets={self.market.quote: equity})
        self.account = replace(self.account.with_balance(balance), reconciled_at=now)

    def pay_funding(self, at: datetime, rate: Decimal, price: Decimal) -> None:
        """Pay (or receive) a share of the held notional: longs pay a rate above zero."""
        amount = payment(-self.venue.held * price * rate)
        if amount == 0:
            return
        paid = VenueFunding(market=self.market.symbol, asset=self.market.quote, amount=amount, paid_at=at)
        prices = {self.market.symbol: {self.market.quote: Decimal(1)}}
        before = sum((position.funding for position in self.account.positions.values()), ZERO)
        account = replace(self.account, settling={})  # nothing of a closed position is left to be read
        self._change(book_funding(account, FundingSpan(at, at), [paid], prices, self._now()))
        booked = sum((position.funding for position in self.account.positions.values()), ZERO) - before
        self.cash += booked
        self.funding += booked

    def move_stops(self, mark: Decimal) -> None:
        """Let stops follow the market, once a candle."""
        now = self._now()
        for move in stop_moves(self.account, {self.market.symbol: mark}, lambda _: self.market, now):
            self._change(follow(self.account, move, now))
            position = self.position
            if move.stop_price is not None and position is not None:
                stops = in_parts(replacement_stop(position, self.account.version, now), self.market)
                self._change(self.account.decide(stops, now))
                self._send(stops)

    def close_by_limits(self, mark: Decimal) -> None:
        """Decide exits for positions that are held too long or lose too much."""
        now = self._now()
        causes = [(p, Reason.UNREALISED_LOSS) for p in losing_positions(self.account, {self.market.symbol: mark})]
        causes += [(p, Reason.HOLDING_TIME_OVER) for p in overdue_positions(self.account, now)]
        for position, cause in causes[:1]:
            if not self.account.undecided(position.subscription_id, position.market):
                leaves = in_parts(forced_exit(position, cause, self.account.version, now), self.market)
                self._change(self.account.decide(leaves, now))

    def end_expired(self) -> None:
        """Cancel entries that have rested for as long as they may."""
        now = self._now()
        for entry in list(self.account.intents.values()):
            if entry.is_resting_entry and entry.expires_at is not None and now > entry.expires_at:
                self._cancelled(entry)

    # -- sending -----------------------------------------------------------------------------------------------------------

    def _send(self, legs: Iterable[Intent]) -> None:
        for marked in legs:
            leg = self.account.intents.get(marked.intent_id)
            if leg is None or leg.state is not IntentState.SUBMITTING:
                continue
            if waits_for(self.account, leg) is not None:
                self._change(self.account.hold(leg.intent_id, IntentState.PENDING, self._now()))
            elif leg.kind is LegKind.ENTRY:
                self._send_entry(leg)
            else:
                self._send_reducing(leg)

    def _send_entry(self, leg: Intent) -> None:
        now, held = self._now(), self.position
        if held is not None and leg.bracket_of != held.entry_intent_id:
            self._change(self.account.fail(leg.intent_id, IntentState.DENIED, Reason.OPPOSITE_POSITION_HELD, now))
        elif leg.is_add and held is None:
            self._change(self.account.fail(leg.intent_id, IntentState.EXPIRED, Reason.NEVER_PLACED, now))
        elif self.margin is not None and not self._can_carry(leg):
            refused = VenueOrder(
                client_order_id=leg.client_order_id, venue_order_id=leg.client_order_id, status=VenueOrderStatus.REJECTED
            )
            self._record(leg, refused)
        else:
            until = leg.expires_at if leg.order_type.rests else None
            self._record(leg, self.venue.create_order(leg.request(), until))

    def _send_reducing(self, leg: Intent) -> None:
        """An exit, stop or target, no larger than the quantity left for it; a stop at the position's present stop price."""
        position, left = self.account.position(leg.subscription_id, leg.market), self.account.left_for(leg)
        belongs = position is not None and (leg.bracket_of in (None, position.entry_intent_id))
        if position is None or not left or not belongs:
            if leg.kind.is_protective:
                self._change(self.account.release(leg.intent_id))
            else:
                self._change(self.account.fail(leg.intent_id, IntentState.SKIPPED, Reason.NOTHING_HELD, self._now()))
            return
        trigger = position.stop_price if leg.kind is LegKind.STOP_LOSS else leg.trigger_price
        sized = replace(leg, quantity=min(leg.quantity, left), trigger_price=trigger)
        self.account = replace(self.account, intents={**self.account.intents, leg.intent_id: sized})
        self._record(sized, self.venue.create_order(sized.request()))
        if leg.kind is LegKind.STOP_LOSS:
            self._cancel_replaced(sized)

    def _can_carry(self, leg: Intent) -> bool:
        """Whether the equity bears the initial margin of the entry beside what is held, at the price of the moment."""
        price = self.venue.price
        return (abs(self.venue.held) + leg.quantity) * price <= self.equity(price) * self.settings.leverage

    def _cancel_replaced(self, stop: Intent) -> None:
        """Cancel the earlier stops of the position, once the new one stands."""
        position = self.account.position(stop.subscription_id, stop.market)
        if position is None:
            return
        for old in self.account.protective(position):
            if old.kind is LegKind.STOP_LOSS and old.state is IntentState.OPEN and old.whole != stop.whole:
                self.venue.cancel(old.client_order_id)
                self._change(self.account.fail(old.intent_id, IntentState.CANCELLED, Reason.REPLACED, self._now()))

    def _over_resting(self, leave: Intent) -> None:
        """Cancel the entries that rest before an exit; then mark the exit, or end it where nothing is held."""
        for entry in self.account.resting(leave.subscription_id, leave.market):
            self._cancelled(entry, Reason.SIGNAL_SUPERSEDED)
        held = self.account.position(leave.subscription_id, leave.market)
        if leave.intent_id in self.account.intents and held is not None and leave.position_side in (None, held.side):
            self._change(self.account.mark_exit(leave.intent_id, self._now(), self.market))
        elif leave.intent_id in self.account.intents:
            self._change(self.account.fail(leave.intent_id, IntentState.SKIPPED, Reason.NOTHING_HELD, self._now()))

    def _cancelled(self, entry: Intent, reason: Reason = Reason.ENTRY_NOT_FILLED) -> None:
        self.venue.cancel(entry.client_order_id)
        self._change(self.account.fail(entry.intent_id, IntentState.CANCELLED, reason, self._now()))
        self._change(scale_targets(self.account, entry, entry.filled_quantity, self.market))
        self._change(release_unsent(self.account, entry.position_key))

    # -- the venue's word --------------------------------------------------------------------------------------------------

    def _told(self, order: VenueOrder) -> None:
        """Record an order that the venue has filled or ended by itself."""
        leg = next((i for i in self.account.intents.values() if i.client_order_id == order.client_order_id), None)
        if leg is None:
            raise RuntimeError("the venue names an order that the account does not know")
        self._record(leg, order)

    def _record(self, leg: Intent, order: VenueOrder) -> None:
        """Take over the venue's report, cancel what has lost its position, and send what has waited for it."""
        self._note_fills(leg)
        self._change(self.account.apply(leg.intent_id, order, ZERO, self._now()))
        if leg.kind is LegKind.ENTRY and leg.intent_id not in self.account.intents:
            self._change(scale_targets(self.account, leg, order.filled_quantity, self.market))
        self._clear(leg.position_key)
        self._send_pending()

    def _note_fills(self, leg: Intent) -> None:
        for fill in self.venue.fills:
            sign = 1 if fill.side is Side.BUY else -1
            self.cash -= sign * fill.quantity * fill.price + fill.fee
            self._note(leg, fill)
        self.venue.fills.clear()

    def _note(self, leg: Intent, fill: Fill) -> None:
        values = fill.side, fill.quantity, fill.price, fill.fee, fill.is_maker
        self.fills.append(ExactFill(self.row, self._now(), leg.signal_id, leg.leg, self._cause(leg), *values))

    def _cause(self, leg: Intent) -> ClosedBy | None:
        """Why a leg closes; None for an entry."""
        if leg.kind is LegKind.ENTRY:
            return None
        if leg.kind is not LegKind.EXIT:
            return ClosedBy(leg.kind.value)
        if leg.leg.startswith(CAUSES_OF_LIMITS):
            return ClosedBy.LIMIT
        return ClosedBy.REVERSAL if leg.signal_id == self._reversing else ClosedBy.SIGNAL

    def _clear(self, place: str) -> None:
        for orphan in self.account.orphans():
            self.venue.cancel(orphan.client_order_id)
            self._change(self.account.fail(orphan.intent_id, IntentState.CANCELLED, Reason.POSITION_CLOSED, self._now()))
        self._change(release_unsent(self.account, place))

    def _send_pending(self) -> None:
        """Mark and send the legs whose turn has come with the end of another."""
        for leg in list(self.account.intents.values()):
            known = self.account.intents.get(leg.intent_id)
            if known is None or known.state is not IntentState.PENDING or waits_for(self.account, known) is not None:
                continue
            self._change(self.account.hold(leg.intent_id, IntentState.SUBMITTING, self._now()))
            self._send((known,))

    def _liquidate(self, price: Decimal) -> None:
        """The venue takes the position: a cross position pays a fee, an isolated position its initial margin.

        Entries that rest are cancelled first. The insurance fund makes a wallet whole that is below zero.
        """
        position, margin, now = self.position, self.margin, self._now()
        if position is None or margin is None:
            raise ValueError("only a position with brackets of margin is liquidated")
        for entry in self.account.resting(position.subscription_id, position.market):
            self._cancelled(entry, Reason.CANCELLED_AT_VENUE)
        wallet = wallet_of(position, self.settings, self._wallet(position))
        at = self.venue.price if self.venue.moment is Moment.OPEN else self.market.round_price(price)
        left = wallet + position.unrealised_pnl(at)
        isolated = self.settings.margin_mode is MarginMode.ISOLATED
        fee = left if isolated or left < 0 else payment(min(left, position.quantity * at * margin.fee))
        side = Side.closing(position.side)
        self.cash += position.side.sign * position.quantity * at - fee
        self.venue.held = ZERO
        taken, cause = Reason.LIQUIDATED.value, ClosedBy.LIQUIDATED
        self.fills.append(
            ExactFill(self.row, now, position.signal_id, taken, cause, side, position.quantity, at, fee, is_maker=False)
        )
        self._change(self.account.close_outside(position.key, position.quantity, at, fee, Reason.LIQUIDATED, now))
        self._clear(position.key)

    def _wallet(self, position: Position) -> Decimal:
        """Cash without the value of the position: everything that was paid in and realised."""
        return self.cash + position.side.sign * position.notional

    def _change(self, account: Account) -> None:
        """Take over a new account as a store would: one version more, its events told."""
        if account is self.account:
            return
        for event in account.outbox:
            self._hear(event)
        for position in account.positions.values():
            self._entry_rows.setdefault(position.trade_id, self.row)
        self.account = replace(account, version=self.account.version + 1, outbox=())

    def _hear(self, event: Event) -> None:
        if event.trade is not None and event.type is EventType.TRADE_CLOSED:
            cause, first = self.fills[-1].closed_by, self._entry_rows.pop(event.trade.trade_id)
            if cause is None:
                raise RuntimeError("a trade was closed by an entry")
            self.trades.append(ExactTrade(event.trade, first, self.row, cause))
        told = event.order
        if told is not None and event.type is EventType.TRADE_FAILED and told.reason is not None and not told.kind.is_protective:
            self.denials[told.reason.value] += 1

    def entry_row(self, position: Position) -> int:
        """The row of the first fill of a position that is held."""
        return self._entry_rows[position.trade_id]

    def _now(self) -> datetime:
        if self.now is None:
            raise ValueError("no candle has begun")
        return self.now
