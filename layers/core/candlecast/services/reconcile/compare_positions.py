"""Compare our positions with the venue's: adopt those that were provably closed, report other differences.

`domain/reconcile/drift.py` has the table, `domain/reconcile/closing.py` says what proves a closing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from candlecast.domain.account.account import Account, Balance
from candlecast.domain.account.findings import Drift
from candlecast.domain.orders.position import market_of
from candlecast.domain.reconcile.adopt import (
    adopt_reduction,
    forget_drift,
    forget_mends,
    is_settled,
    may_mend,
    net_of,
    note_drift,
    report_drift,
)
from candlecast.domain.reconcile.adopt_lost import adopt_lost, lost_stop
from candlecast.domain.reconcile.closing import ClosingStep, closing_began, closing_step, keep_unproven, not_proven
from candlecast.domain.reconcile.drift import PositionStep, left_of, position_step
from candlecast.domain.reconcile.look_schedule import next_full_look
from candlecast.domain.reconcile.protect import follows_price
from candlecast.domain.reconcile.restoration import Restoration, of_client_id, remember
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import PositionSide
from candlecast.domain.venue.refusals import KEYS_REFUSED
from candlecast.domain.venue.reports import VenuePosition
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.orders.changes import Changes
from candlecast.services.orders.failures import Failures
from candlecast.services.reconcile.find_closing import find_closing
from candlecast.services.reconcile.find_lost import find_lost


@dataclass(frozen=True, slots=True)
class ComparePositions:
    """A part of the reconciler; it sends nothing."""

    clock: Clock
    metrics: Metrics

    def __call__(
        self, changes: Changes, venue: Venue, failures: Failures, *, wanted: bool = False, restored: Restoration | None = None
    ) -> Mapping[str, Decimal]:
        """Returns the mark prices of the held markets, where the venue was asked.

        Compare when it is the account's turn or it is `wanted`, or when a difference was noted that a second look must see.

        `restored`: the restore whose lost minutes are to be accounted for, so that more than ours may be ours all the same.

        A position without its stop may already be closed, so that the venue refuses a stop: such a position is compared too.

        Raises nothing while the venue has no time for us: earlier findings must be written all the same, and the turn stays
        due. A `Fatal` passes, and so does the refusal of the keys.
        """
        account, now = changes.account, self.clock.now()
        is_turn = wanted or now >= next_full_look(account) or bool(account.naked_positions())
        if not is_turn and not follows_price(account) and not any(not drift.reported for drift in account.drifts.values()):
            return {}
        try:
            balance = venue.balance(now) if is_turn else None
            reported = venue.positions()
            failures.answered = True
            held = held_by_place(account, reported)
            ours = {account.place(p.market, p.side) for p in account.positions.values()}
            for place in sorted({*held, *account.drifts, *ours}):
                compare = partial(self._compare, changes, venue, place, held.get(place, ZERO), restored)
                failures.attempt(market_of(place), compare)
        except RetryLater as error:
            if error.code == KEYS_REFUSED:
                raise
            self.metrics.count("VenueErrors")
            return {}
        if balance is not None:
            changes.make(partial(_looked_at, balance=balance, now=now))
        return {position.market: position.mark_price for position in reported if position.mark_price is not None}

    def _compare(self, changes: Changes, venue: Venue, place: str, theirs: Decimal, restored: Restoration | None) -> None:
        account, now = changes.account, self.clock.now()
        ours, noted = net_of(account, place), account.drifts.get(place)
        settled, spacing = is_settled(account, place), rules_of(account.venue).lookup_spacing
        step = position_step(ours, theirs, noted, now, settled=settled, spacing=spacing)
        if step is PositionStep.AGREE and noted is not None:
            changes.make(partial(forget_drift, place=place))
            changes.make(partial(forget_mends, done={not_proven(place)}))
        elif step is PositionStep.WAIT and noted is None:
            changes.make(partial(note_drift, place=place, difference=theirs - ours, now=now, counts=False))
        elif step is PositionStep.NOTE:
            changes.make(_while_held(place, ours, partial(note_drift, place=place, difference=theirs - ours, now=now)))
        elif step is PositionStep.REPORT and restored is not None and self._adopt(changes, venue, place, theirs, restored):
            self.metrics.count("PositionsAdopted")
        elif step is PositionStep.REPORT:
            changes.make(_while_held(place, ours, partial(report_drift, place=place, now=now)))
            self.metrics.count("PositionDrifts")
        elif step is PositionStep.SHRINK and noted is not None:
            self._shrink(changes, venue, place, theirs, noted)

    def _adopt(self, changes: Changes, venue: Venue, place: str, theirs: Decimal, restored: Restoration) -> bool:
        """Adopt what lost orders of ours explain of the difference; whether that was any of it."""
        account, now, market = changes.account, self.clock.now(), market_of(place)
        ours = net_of(account, place)
        fills = find_lost(account, venue, place, restored.restored_to, now)
        part = ZERO if fills is None else fills.part_of(theirs - ours)
        if fills is None or part == 0:
            return False
        side = PositionSide.LONG if part > 0 else PositionSide.SHORT
        marks = [it.mark_price for it in venue.positions_in(market) if it.mark_price is not None]
        stop = lost_stop(account, venue.open_orders(market), market, side, marks[0] if marks else fills.price)
        adopt = partial(adopt_lost, market=market, part=part, fills=fills, stop=stop, restored=restored, now=now)
        changes.make(_while_held(place, ours, adopt))
        changes.make(partial(forget_drift, place=place))
        return True

    def _shrink(self, changes: Changes, venue: Venue, place: str, theirs: Decimal, noted: Drift) -> None:
        """Adopt that our position was reduced or closed, if there is proof; otherwise it stays, and so does its stop."""
        account, now, what = changes.account, self.clock.now(), not_proven(place)
        if not may_mend(account, what, now):
            return
        ours, rules = net_of(account, place), rules_of(account.venue)
        closing = find_closing(account, venue, place, theirs, closing_began(account, place, noted, rules), now)
        proof = partial(closing_step, abs(ours) - left_of(ours, theirs), closing.traded, now - noted.seen_at)
        step = proof()
        if step is ClosingStep.ASK:
            held = held_by_place(account, venue.positions_in(market_of(place))).get(place, ZERO)
            step = proof(market_agrees=held == theirs)
        if step is ClosingStep.ADOPT:
            adopt = partial(adopt_reduction, place=place, theirs=theirs, fill=closing.fill, now=now)
            changes.make(_while_held(place, ours, adopt))
            changes.make(partial(remember, intent_ids=[of_client_id(it) for it in closing.lost], now=now))
            changes.make(partial(forget_mends, done={what}))
            self.metrics.count("PositionDrifts")
        else:
            changes.make(_while_held(place, ours, partial(keep_unproven, place=place, now=now)))


def held_by_place(account: Account, reported: Sequence[VenuePosition]) -> dict[str, Decimal]:
    """The venue's quantities, signed, by market, in hedge mode by market and side."""
    held = dict[str, Decimal]()
    for position in reported:
        place = account.place(position.market, position.side)
        held[place] = held.get(place, ZERO) + position.quantity * position.side.sign
    return held


def _looked_at(account: Account, balance: Balance, now: datetime) -> Account:
    return replace(account.with_balance(balance), reconciled_at=now)


def _while_held(place: str, ours: Decimal, change: partial[Account]) -> partial[Account]:
    """The change while our position is the one that was compared; void once somebody else has written another."""
    return partial(_if_held, place=place, ours=ours, change=change)


def _if_held(account: Account, place: str, ours: Decimal, change: partial[Account]) -> Account:
    return change(account) if net_of(account, place) == ours and is_settled(account, place) else account
