"""Give every position the stop that it should have: missing, of the wrong size or price, doubled (invariant 11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from candlecast.domain.account import Account
from candlecast.domain.adopt import count_mend, may_mend
from candlecast.domain.bracket import replacement_stop
from candlecast.domain.drift import StopReport, StopStep, stop_step
from candlecast.domain.errors import Ambiguous, Fatal, Reject, RetryLater
from candlecast.domain.order import Intent, IntentState, LegKind
from candlecast.domain.position import Position
from candlecast.domain.reasons import Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.venue import Venue
from candlecast.services.place_orders import Changes


@dataclass(frozen=True, slots=True)
class ProtectPositions:
    """A part of the reconciler; `domain/drift.py` has its table."""

    clock: Clock
    metrics: Metrics

    def choose(self, changes: Changes) -> list[str]:
        """Decide new stops, marked for sending; returns their intents' ids.

        A position without any is tried again at every look, since it is exposed; another size or price is tried three times and
        then at the slow pace, since the old stop stands.
        """
        chosen, now = [], self.clock.now()
        for position in list(changes.account.positions.values()):
            step = stop_step(position.quantity, position.stop_price, stop_report(changes.account, position))
            what = f"stop|{position.key}"
            if step is StopStep.PLACE:
                self.metrics.count("NakedPositions")
            elif step is not StopStep.REPLACE or not may_mend(changes.account, what, now):
                continue
            stop = replacement_stop(position, changes.account.version, now)
            changes.make(partial(_decided, stop=stop, what=what, now=now))
            chosen.append(stop.intent_id)
        return chosen

    def cancel_surplus(self, changes: Changes, venue: Venue) -> None:
        """Cancel the stops that a newer one has replaced; one that cannot be cancelled now is tried at the next look."""
        for position in list(changes.account.positions.values()):
            for old in _live_stops(changes.account, position)[:-1]:
                what, now = f"cancel|{old.intent_id}", self.clock.now()
                if not may_mend(changes.account, what, now):
                    continue
                try:
                    venue.cancel_order(old)
                except (Ambiguous, RetryLater, Reject, Fatal):
                    self.metrics.count("VenueErrors")
                    changes.make(partial(count_mend, what=what, code="STOP_NOT_CANCELLED", now=now))
                    continue
                changes.make(partial(_replaced, intent_id=old.intent_id, now=now), old.intent_id)


def stop_report(account: Account, position: Position) -> StopReport:
    """The stops of a position as the last look left them; while its entry or an exit is under way, one counts as on its way."""
    stops = [i for i in account.protective(position) if i.kind is LegKind.STOP_LOSS]
    moving = account.under_way(position.subscription_id, position.market)
    live = _live_stops(account, position)
    return StopReport(
        live=tuple((stop.quantity, stop.trigger_price) for stop in live),
        on_its_way=len(stops) > len(live) or (moving and bool(live)),
    )


def _live_stops(account: Account, position: Position) -> list[Intent]:
    stops = [i for i in account.protective(position) if i.kind is LegKind.STOP_LOSS and i.state is IntentState.OPEN]
    return sorted(stops, key=lambda stop: stop.created_at)


def _decided(account: Account, stop: Intent, what: str, now: datetime) -> Account:
    return count_mend(account.decide((stop,), now), what, "POSITION_NOT_PROTECTED", now)


def _replaced(account: Account, intent_id: str, now: datetime) -> Account:
    return account.fail(intent_id, IntentState.CANCELLED, Reason.REPLACED, now)
