"""Give every position the stop that it should have: missing, of the wrong size or price, doubled (invariant 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from candlecast.domain.account.account import Account
from candlecast.domain.orders.bracket import in_parts, replacement_stop
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.position import Position
from candlecast.domain.orders.sizing import parts
from candlecast.domain.reconcile.adopt import count_mend, forget_mends, may_mend
from candlecast.domain.reconcile.drift import StopReport, StopStep, right_stops, stop_step
from candlecast.domain.reconcile.protect import follow, stop_moves, tell_if_too_long, watch
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.reasons import Reason
from candlecast.domain.venue.rules import rules_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Markets, Venue
from candlecast.services.orders.changes import Changes

_AS_IT_SHOULD_BE = (StopStep.NOTHING, StopStep.CANCEL_SURPLUS)


@dataclass(frozen=True, slots=True)
class ProtectPositions:
    """A part of the reconciler.

    `domain/reconcile/drift.py` has its table, `domain/reconcile/protect.py` says where a stop must stand.
    """

    markets: Markets
    clock: Clock
    metrics: Metrics

    def follow(self, changes: Changes, marks: Mapping[str, Decimal]) -> None:
        """Let stops follow the market (its mark prices), and report positions without a stop for too long."""
        account, now = changes.account, self.clock.now()
        for move in stop_moves(account, marks, partial(self.markets.find, account.venue), now):
            changes.make(partial(follow, move=move, now=now))
            if move.stop_price is not None:
                self.metrics.count("StopsMoved")
        watched = partial(_watched, now=now)
        if watched(changes.account) != changes.account:
            changes.make(watched)
        for since in changes.account.naked_since.values():
            self.metrics.seconds("NakedPositionSeconds", (now - since).total_seconds())

    def make_room(self, changes: Changes, venue: Venue) -> None:
        """Cancel what will be replaced, at a venue that takes no second stop; the watchdog's bound holds for the time between."""
        if rules_of(changes.account.venue).takes_two_stops:
            return
        for position in list(changes.account.positions.values()):
            step = self._step(changes.account, position)
            if step is StopStep.REPLACE and may_mend(changes.account, _replacing(position), self.clock.now()):
                for old in _live_stops(changes.account, position):
                    self._cancel(changes, venue, old)

    def choose(self, changes: Changes) -> list[str]:
        """Decide new stops, marked for sending; returns their intents' ids.

        A missing stop is retried at every look, since the position is exposed. Another size or price is tried three times and
        then at the slow pace, since the old stop stands.
        """
        chosen, now = [], self.clock.now()
        for position in list(changes.account.positions.values()):
            step = self._step(changes.account, position)
            what = f"stop|{position.key}"
            if step is StopStep.PLACE:
                self.metrics.count("NakedPositions")
            elif step is not StopStep.REPLACE or not may_mend(changes.account, what := _replacing(position), now):
                continue
            stops = self._stops(changes.account, position, now)
            changes.make(partial(_decided, stops=stops, what=what, now=now, market=position.market))
            chosen += [stop.intent_id for stop in stops]
        return chosen

    def cancel_surplus(self, changes: Changes, venue: Venue) -> None:
        """Cancel the stops that a newer one has replaced, and trailing stops of the venue's that do not cover all any more.

        One that cannot be cancelled now is tried at the next look.
        """
        account = changes.account
        mended = {_replacing(p) for p in account.positions.values() if self._step(account, p) in _AS_IT_SHOULD_BE}
        if mended & account.mends.keys():
            changes.make(partial(forget_mends, done=mended))
        for position in list(changes.account.positions.values()):
            for old in (*self._surplus(changes.account, position), *_too_small(changes.account, position)):
                self._cancel(changes, venue, old)

    def _covered(self, account: Account, position: Position) -> Decimal:
        """The quantity that stops shall close: all that is held, as far as the bound of parts allows."""
        market = self.markets.find(account.venue, position.market)
        return position.quantity if market is None else sum(parts(position.quantity, market), ZERO)

    def _step(self, account: Account, position: Position) -> StopStep:
        return stop_step(self._covered(account, position), position.stop_price, stop_report(account, position))

    def _stops(self, account: Account, position: Position, now: datetime) -> tuple[Intent, ...]:
        """The stops to place: those that are missing where the others stand right, else all parts anew."""
        market, covered = self.markets.find(account.venue, position.market), self._covered(account, position)
        stop = replacement_stop(position, account.version, now)
        right = right_stops(covered, position.stop_price, stop_report(account, position))
        whole = in_parts(stop, market)
        missing = in_parts(replace(stop, quantity=covered - sum(right)), market)
        return missing if right and len(right) + len(missing) <= len(whole) else whole

    def _surplus(self, account: Account, position: Position) -> list[Intent]:
        """The stops before the newest that together are the right one; none while those do not stand."""
        if self._step(account, position) is not StopStep.CANCEL_SURPLUS:
            return []
        right = right_stops(self._covered(account, position), position.stop_price, stop_report(account, position))
        return _live_stops(account, position)[: -len(right)]

    def _cancel(self, changes: Changes, venue: Venue, old: Intent) -> None:
        what, now = f"cancel|{old.intent_id}", self.clock.now()
        if not may_mend(changes.account, what, now):
            return
        try:
            venue.cancel_order(old)
        except (Ambiguous, RetryLater, Reject, Fatal):
            self.metrics.count("VenueErrors")
            changes.make(partial(count_mend, what=what, code="STOP_NOT_CANCELLED", now=now, market=old.market))
            return
        changes.make(partial(_replaced, intent_id=old.intent_id, now=now), old.intent_id)


def stop_report(account: Account, position: Position) -> StopReport:
    """The stops of a position as the last look left them.

    While its entry or an exit is under way, one counts as on its way. An entry that rests may do so for hours, and so may an exit
    that the venue refuses.
    """
    stops = [i for i in account.protective(position) if i.kind is LegKind.STOP_LOSS]
    moving = any(
        (i.subscription_id, i.market) == (position.subscription_id, position.market)
        and not i.kind.is_protective
        and not (i.state is IntentState.OPEN and i.order_type.rests)
        and not i.is_refused_exit
        for i in account.intents.values()
    )
    live = _live_stops(account, position)
    return StopReport(
        live=tuple((stop.quantity, stop.trigger_price) for stop in live),
        on_its_way=len(stops) > len(live) or (moving and bool(live)),
    )


def _live_stops(account: Account, position: Position) -> list[Intent]:
    stops = [i for i in account.protective(position) if i.kind is LegKind.STOP_LOSS and i.state is IntentState.OPEN]
    return sorted(stops, key=lambda stop: stop.created_at)


def _too_small(account: Account, position: Position) -> list[Intent]:
    """The venue's own trailing stops that an add has outgrown; ours goes on from the best price."""
    trailing = (i for i in account.protective(position) if i.kind is LegKind.TRAILING_STOP and i.state is IntentState.OPEN)
    return [leg for leg in trailing if leg.quantity < position.quantity]


def _replacing(position: Position) -> str:
    """The trouble that moving a stop repairs.

    It is forgotten once the stop stands where it should, so that many moves are no trouble.
    """
    return f"move|{position.key}"


def _watched(account: Account, now: datetime) -> Account:
    return tell_if_too_long(watch(account, now), rules_of(account.venue), now)


def _decided(account: Account, stops: tuple[Intent, ...], what: str, now: datetime, market: str) -> Account:
    return count_mend(account.decide(stops, now), what, "POSITION_NOT_PROTECTED", now, market)


def _replaced(account: Account, intent_id: str, now: datetime) -> Account:
    return account.fail(intent_id, IntentState.CANCELLED, Reason.REPLACED, now)
