"""Read kill switches, the pause of a deployment and the venue's breaker at the last moment: each may stop an order.

After the write-ahead mark and directly before the first leg leaves, one strongly consistent request reads all. A switch that
was flipped before the request stops the leg. A later flip finds an order that has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from candlecast.domain.account.account import Account
from candlecast.domain.account.kill_switch import KillSwitch, SwitchPlace
from candlecast.domain.account.switch_scope import places_of, stopped_by
from candlecast.domain.orders.intent import Intent, LegKind
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import GateReader, GateReading
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue

GATE_HOLDS = timedelta(seconds=1)  # a leg that leaves later than this after the read has the gate read again
HALT_PAUSE = timedelta(seconds=30)  # how often a halted exit asks whether the halt has ended; each time costs two writes
MAX_TOLD = 1_000  # switches whose propagation was measured, remembered so that each counts once


@dataclass(frozen=True, slots=True)
class Stop:
    """A leg must not leave now: it ends with `reason`, or (None) waits for a retry from `until` on."""

    until: datetime
    reason: Reason | None = None


@dataclass(slots=True)
class CheckGate:
    """Opens the gate for the legs of one visit to an account."""

    reader: GateReader
    watch: WatchVenue
    spend: SpendWeight
    clock: Clock
    metrics: Metrics
    _told: dict[SwitchPlace, int] = field(default_factory=dict)

    def visit(self, account: Account, legs: Iterable[Intent]) -> GateVisit:
        """The gate for these legs; nothing is read before the first of them asks."""
        return GateVisit(self, account.venue, account.account_id, places_of(account, {leg.strategy_id for leg in legs}))

    def read(self, venue: str, places: Iterable[SwitchPlace], account_id: str) -> GateReading:
        """Read an account's gate, and let the venue's breaker and our address's ban be known.

        Raises `RetryLater` (STORE_UNAVAILABLE).
        """
        reading = self.reader.read_gate(venue, self.spend.egress, frozenset(places), account_id)
        self.watch.learn(reading.breaker)
        self.spend.learn_block(venue, reading.blocked_until)
        return reading

    def measure(self, switch: KillSwitch, leg: Intent) -> None:
        """How long a switch took to stop the first leg here that was under way when it was flipped."""
        if leg.issued_at > switch.changed_at or self._told.get(switch.place) == switch.version:
            return
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told[switch.place] = switch.version
        elapsed = self.clock.now() - switch.changed_at
        self.metrics.milliseconds("KillSwitchPropagationMilliseconds", elapsed.total_seconds() * 1000)


@dataclass(slots=True)
class GateVisit:
    """One reading of the gate, for the legs that leave soon after it."""

    gate: CheckGate
    venue: str
    account_id: str
    places: frozenset[SwitchPlace]
    _reading: GateReading | None = None
    _read_at: datetime | None = None
    _is_probe: bool = False

    def stops(self, account: Account, leg: Intent) -> Stop | None:
        """Why the leg must not leave now; None if it may. Reads the gate unless it was read a moment ago.

        If the gate cannot be read, entries wait and exits go: a mere doubt must not keep a position that is to be closed.
        Stops and targets of a held position never ask (see `Grade`).
        """
        if leg.kind.is_protective:
            return None
        now = self.gate.clock.now()
        try:
            reading = self._fresh(now)
        except RetryLater as error:
            return Stop(now + timedelta(seconds=error.after_seconds)) if leg.kind is LegKind.ENTRY else None
        switch = stopped_by(reading.switches, account, leg)
        if switch is not None:
            self.gate.measure(switch, leg)
            return Stop(now + HALT_PAUSE, Reason.KILL_SWITCH if leg.kind is LegKind.ENTRY else None)
        if leg.kind is not LegKind.ENTRY:
            return None
        if reading.pause is not None:
            return Stop(now + HALT_PAUSE, Reason.DEPLOYMENT_PAUSE)
        if not self._holds(self.gate.clock.now()):  # the answer itself took longer: an entry does not leave on it
            return Stop(now + GATE_HOLDS)
        return self._breaker_stops(leg, now)

    def _holds(self, now: datetime) -> bool:
        """Whether the last reading is young enough for an entry to leave on it."""
        return self._reading is not None and self._read_at is not None and now - self._read_at <= GATE_HOLDS

    def _fresh(self, now: datetime) -> GateReading:
        if self._reading is None or not self._holds(now):
            self._reading, self._read_at = None, now  # before the read, so the reading is at least as new as this
            self._reading = self.gate.read(self.venue, self.places, self.account_id)
        return self._reading

    def _breaker_stops(self, entry: Intent, now: datetime) -> Stop | None:
        watch = self.gate.watch
        braked = watch.brakes_until(self.venue)
        if braked is not None:
            return Stop(braked, _if_too_late(entry, braked))
        if self._is_probe:
            return None
        due = watch.is_probe_due(self.venue)
        if watch.may_enter(self.venue):
            self._is_probe = due
            return None
        until = now + timedelta(seconds=watch.seconds_to_probe(self.venue))
        return Stop(until, _if_too_late(entry, until))


def _if_too_late(entry: Intent, until: datetime) -> Reason | None:
    """Why an entry ends that would wait for longer than it may; None if it may wait."""
    too_late = entry.expires_at is not None and until > entry.expires_at
    return Reason.VENUE_BREAKER_OPEN if too_late else None
