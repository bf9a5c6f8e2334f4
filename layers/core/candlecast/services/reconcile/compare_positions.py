"""Compare our positions with the venue's: adopt those that were closed, report other differences.

`domain/reconcile/drift.py` has the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from candlecast.domain.account.account import Account, Balance
from candlecast.domain.orders.position import market_of
from candlecast.domain.reconcile.adopt import (
    ClosedBy,
    OutsideFill,
    adopt_reduction,
    forget_drift,
    held_at,
    is_settled,
    net_of,
    note_drift,
    report_drift,
)
from candlecast.domain.reconcile.drift import PositionStep, is_liquidation, is_our_id, left_of, position_step
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.reconcile.protect import follows_price
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide, Side
from candlecast.domain.venue.reports import VenueTrade
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes

MAX_ORDERS_ASKED = 10  # whose orders made the trades that closed a position; a look has little time, and these are the newest
MAX_LOOK_BACK = timedelta(days=6)  # Binance lists trades of seven days


@dataclass(frozen=True, slots=True)
class ComparePositions:
    """A part of the reconciler; it sends nothing."""

    clock: Clock
    metrics: Metrics

    def __call__(self, changes: Changes, venue: Venue, *, wanted: bool = False) -> Mapping[str, Decimal]:
        """Returns the mark prices of the held markets, where the venue was asked.

        Compare when it is the account's turn or it is `wanted`, or when a difference was noted that a second look must see.

        A position without its stop may already be closed, so that the venue refuses a stop: such a position is compared too.

        Raises nothing while the venue has no time for us: earlier findings must be written all the same, and the turn stays
        due. A `Fatal` passes.
        """
        account, now = changes.account, self.clock.now()
        is_turn = wanted or now >= next_full_look(account) or bool(account.naked_positions())
        if not is_turn and not follows_price(account) and not any(not drift.reported for drift in account.drifts.values()):
            return {}
        try:
            balance = venue.balance(now) if is_turn else None
            reported, held = venue.positions(), dict[str, Decimal]()
            for position in reported:
                place = account.place(position.market, position.side)
                held[place] = held.get(place, ZERO) + position.quantity * position.side.sign
            ours = {account.place(p.market, p.side) for p in account.positions.values()}
            for place in sorted({*held, *account.drifts, *ours}):
                self._compare(changes, venue, place, held.get(place, ZERO))
        except RetryLater:
            self.metrics.count("VenueErrors")
            return {}
        if balance is not None:
            changes.make(partial(_looked_at, balance=balance, now=now))
        return {position.market: position.mark_price for position in reported if position.mark_price is not None}

    def _compare(self, changes: Changes, venue: Venue, place: str, theirs: Decimal) -> None:
        account, now = changes.account, self.clock.now()
        ours, noted = net_of(account, place), account.drifts.get(place)
        settled, spacing = is_settled(account, place), rules_of(account.venue).lookup_spacing
        step = position_step(ours, theirs, noted, now, settled=settled, spacing=spacing)
        if step is PositionStep.AGREE and noted is not None:
            changes.make(partial(forget_drift, place=place))
        elif step is PositionStep.NOTE:
            changes.make(_while_held(place, ours, partial(note_drift, place=place, difference=theirs - ours, now=now)))
        elif step is PositionStep.REPORT:
            changes.make(_while_held(place, ours, partial(report_drift, place=place, now=now)))
            self.metrics.count("PositionDrifts")
        elif step is PositionStep.SHRINK:
            fill = self._outside_fill(account, venue, place, theirs)
            changes.make(_while_held(place, ours, partial(adopt_reduction, place=place, theirs=theirs, fill=fill, now=now)))
            self.metrics.count("PositionDrifts")

    def _outside_fill(self, account: Account, venue: Venue, place: str, theirs: Decimal) -> OutsideFill:
        """The trades that closed our position: the newest on its closing side that no order of ours made.

        The newest, since older ones were adopted before. Where the venue reports none (days ago, or behind a thousand others),
        the entry price stands for theirs, so that no profit is invented.
        """
        ours, now = net_of(account, place), self.clock.now()
        gone = abs(ours) - left_of(ours, theirs)
        held_since = min(p.signal_issued_at for p in held_at(account, place))
        since = max(held_since, now - MAX_LOOK_BACK)
        side, market = Side.SELL if ours > 0 else Side.BUY, market_of(place)
        closed = PositionSide.LONG if ours > 0 else PositionSide.SHORT
        trades = [t for t in venue.trades_since(market, since) if t.side is side and t.position_side in (None, closed)]
        notional, fee, quantity, closed_by = ZERO, ZERO, ZERO, ClosedBy.CLOSED_OUTSIDE
        for trade, client_order_id in self._of_others(venue, market, trades):
            part = min(trade.quantity, gone - quantity)
            if part <= 0:
                break
            quantity, notional = quantity + part, notional + part * trade.price
            fee += (trade.fee or ZERO) * part / trade.quantity
            if is_liquidation(client_order_id):
                closed_by = ClosedBy.LIQUIDATED
        if quantity == 0:
            entry = held_at(account, place)[0].entry_price
            return OutsideFill(entry, ZERO, closed_by)
        return OutsideFill(notional / quantity, fee, closed_by)

    def _of_others(self, venue: Venue, market: str, trades: Sequence[VenueTrade]) -> list[tuple[VenueTrade, str]]:
        """The trades that orders of others made, newest first, with the orders' client ids."""
        found: list[tuple[VenueTrade, str]] = []
        asked: dict[str, str] = {}
        for trade in sorted(trades, key=lambda trade: trade.traded_at, reverse=True):
            key = trade.venue_order_id
            if key not in asked:
                if len(asked) >= MAX_ORDERS_ASKED:
                    break
                order = venue.find_order_by_venue_id(market, key)
                asked[key] = order.client_order_id if order is not None else ""
            if not is_our_id(asked[key]):
                found.append((trade, asked[key]))
        return found


def _looked_at(account: Account, balance: Balance, now: datetime) -> Account:
    return replace(account.with_balance(balance), reconciled_at=now)


def _while_held(place: str, ours: Decimal, change: partial[Account]) -> partial[Account]:
    """The change while our position is the one that was compared; void once somebody else has written another."""
    return partial(_if_held, place=place, ours=ours, change=change)


def _if_held(account: Account, place: str, ours: Decimal, change: partial[Account]) -> Account:
    return change(account) if net_of(account, place) == ours and is_settled(account, place) else account
