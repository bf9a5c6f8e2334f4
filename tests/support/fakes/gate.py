"""Kill switches, breakers and weight budgets in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from candlecast.adapters.dynamodb.copies import COPIES, copy_of
from candlecast.adapters.dynamodb.single_table.table import VERSIONS_OF_A_GENERATION
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.domain.venue.breaker import Breaker
from candlecast.domain.venue.weight_budget import Address, Spent, minute_of
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import GateReading
from candlecast.ports.store import Page
from candlecast.services.venue.check_gate import CheckGate
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import NOW
from tests.support.fakes.store import page_of

EGRESS = "shared"


class FakeWeights:
    """`leases` and `blocks` count writes."""

    def __init__(self) -> None:
        self.spent: dict[Address, Spent] = {}
        self.leases = 0
        self.blocks = 0

    def lease(self, address: Address, now: datetime, weight: int, ceiling: int) -> Spent | None:
        self.leases += 1
        known = self.read_spent(address, now)
        is_over = address in self.spent and self.spent[address].minute > known.minute
        if is_over or known.is_blocked(now) or known.leased + weight > ceiling:
            return None
        self.spent[address] = replace(known, leased=known.leased + weight)
        return self.spent[address]

    def read_spent(self, address: Address, now: datetime) -> Spent:
        known, minute = self.spent.get(address), minute_of(now)
        if known is None or known.minute == minute:
            return known or Spent(minute=minute)
        return Spent(minute=minute, blocked_until=known.blocked_until)

    def block(self, address: Address, until: datetime, now: datetime) -> None:
        self.blocks += 1
        known = self.read_spent(address, now)
        self.spent[address] = replace(known, blocked_until=max(until, known.blocked_until or until))


class FakeGate:
    """Reader, breakers, switches and the pause of a deployment.

    `reads` counts readings of the gate, `listed` listings, `writes` writes of the others. `unreadable` says how many of the next
    readings fail, `torn_after` how many copies of a switch or pause the next save writes.
    """

    def __init__(self, weights: FakeWeights | None = None) -> None:
        self.weights = weights or FakeWeights()
        self.copies: list[dict[SwitchPlace, KillSwitch]] = [{} for _ in range(COPIES)]
        self.switches = self.copies[0]
        self.pauses: list[DeploymentPause | None] = [None] * COPIES
        self.breakers: dict[str, Breaker] = {}
        self.told: list[KillSwitch] = []
        self.asked: list[frozenset[SwitchPlace]] = []
        self.reads = 0
        self.writes = 0
        self.listed = 0
        self.unreadable = 0
        self.torn_after: int | None = None
        self.generation = 1  # of the table

    # -- what a test tells it ----------------------------------------------------------------------------------------------

    def flip(self, grade: Grade | None, place: SwitchPlace = PLATFORM, at: datetime = NOW) -> KillSwitch:
        """Set a switch, as an operator does."""
        known = self.switches.get(place)
        version = known.version if known else 0
        return self.save_switch(a_switch(grade, place, changed_at=at, version=version))

    @property
    def pause(self) -> DeploymentPause | None:
        """The pause of a deployment, as a pipeline has set it."""
        return self.pauses[0]

    @pause.setter
    def pause(self, pause: DeploymentPause) -> None:
        self.pauses = [pause] * COPIES

    # -- `ports.gate` --------------------------------------------------------------------------------------------------------

    def read_gate(self, venue: str, egress: str, places: Collection[SwitchPlace], account_id: str) -> GateReading:
        self.reads += 1
        self.asked.append(frozenset(places))
        if self.unreadable:
            self.unreadable -= 1
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)
        copies, pauses = [*self.copies, {}], [*self.pauses, None]  # one more than is ever written
        read, pause = copies[copy_of(account_id)], pauses[copy_of(account_id)]
        found = [(read if _has_copies(place) else self.switches).get(place) for place in places]
        spent = self.weights.spent.get(Address(venue, egress))
        return GateReading(
            switches=tuple(switch for switch in found if switch is not None and switch.grade is not None),
            breaker=self.breakers.get(venue, Breaker(venue=venue)),
            blocked_until=spent.blocked_until if spent else None,
            pause=pause if pause is not None and pause.is_on else None,
        )

    def load_breaker(self, venue: str) -> Breaker:
        return self.breakers.get(venue, Breaker(venue=venue))

    def save_breaker(self, breaker: Breaker) -> Breaker:
        self.writes += 1
        if self.load_breaker(breaker.venue).version != breaker.version:
            raise Conflict("VERSION_CONFLICT", "it has changed since it was read")
        self.breakers[breaker.venue] = replace(breaker, version=breaker.version + 1)
        return self.breakers[breaker.venue]

    def page_switches(self, cursor: str | None = None, limit: int = 50) -> Page[KillSwitch]:
        return page_of("KILL_SWITCHES", self.list_switches(), cursor, limit)

    def list_switches(self) -> Sequence[KillSwitch]:
        self.listed += 1
        found = [switch for switch in self.switches.values() if switch.grade is not None]
        return sorted(found, key=lambda switch: (switch.place.scope, switch.place.scope_id))

    def find_switch(self, place: SwitchPlace) -> KillSwitch | None:
        return self.switches.get(place)

    def save_switch(self, switch: KillSwitch) -> KillSwitch:
        self.writes += 1
        known = self.switches.get(switch.place)
        if (known.version if known else 0) != switch.version:
            raise Conflict("VERSION_CONFLICT", "it has changed since it was read")
        stored = replace(switch, version=max(switch.version, (self.generation - 1) * VERSIONS_OF_A_GENERATION) + 1)
        torn_after, self.torn_after = self.torn_after, None
        written = self.copies[:torn_after] if stored.grade is not None and _has_copies(stored.place) else self.copies
        if not written:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)
        for copy in written:
            copy[stored.place] = stored
        self.told.append(stored)
        if len(written) < COPIES:
            raise RetryLater("COPIES_INCOMPLETE", "told to fail", after_seconds=2)
        return stored

    def complete_switch(self, place: SwitchPlace) -> int:
        known = self.switches.get(place)
        behind = [copy for copy in self.copies[1:] if known is not None and copy.get(place) != known]
        for copy in behind:
            copy[place] = self.switches[place]
        return len(behind)

    def complete_switches(self) -> int:
        return sum(self.complete_switch(switch.place) for switch in self.list_switches())

    def find_pause(self) -> DeploymentPause | None:
        return self.pauses[0]

    def save_pause(self, pause: DeploymentPause) -> DeploymentPause:
        self.writes += 1
        known = self.pauses[0]
        if (known.version if known else 0) != pause.version:
            raise Conflict("VERSION_CONFLICT", "it has changed since it was read")
        stored = replace(pause, version=pause.version + 1)
        torn_after, self.torn_after = self.torn_after, None
        written = COPIES if torn_after is None or not stored.is_on else torn_after
        if not written:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)
        self.pauses[:written] = [stored] * written
        if written < COPIES:
            raise RetryLater("COPIES_INCOMPLETE", "told to fail", after_seconds=2)
        return stored

    def complete_pause(self) -> int:
        behind = sum(copy != self.pauses[0] for copy in self.pauses)
        self.pauses = self.pauses[:1] * COPIES
        return behind


def _has_copies(place: SwitchPlace) -> bool:
    return place.scope is not SwitchScope.USER


def a_switch(grade: Grade | None = Grade.PAUSE_ENTRIES, place: SwitchPlace = PLATFORM, **changes: object) -> KillSwitch:
    """A switch that operations have set."""
    usual = {"reason": "a test", "changed_by": "operator-1", "changed_at": NOW}
    return KillSwitch(place=place, grade=grade, **{**usual, **changes})  # type: ignore[arg-type]


def check_gate(gate: FakeGate, clock: Clock, metrics: Metrics) -> CheckGate:
    """The gate as the composition root wires it, for one environment."""
    return CheckGate(gate, WatchVenue(gate, clock, metrics), SpendWeight(gate.weights, EGRESS, clock, metrics), clock, metrics)
