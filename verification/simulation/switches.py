"""Kill switches and deployments of the simulated world: every order that leaves is held against both."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from candlecast.adapters.dynamodb.copies import COPIES
from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.gate import GateReader, GateReading
from candlecast.services.account.pause_entries import PauseEntries
from candlecast.services.account.set_kill_switch import SetKillSwitch, Setter
from candlecast.services.venue.check_gate import GATE_HOLDS
from tests.support.fakes.gate import FakeGate
from verification.simulation.crossings import Crossings
from verification.simulation.pools import ORGANISATION

OPERATIONS = Setter("operations", is_operations=True, may_let_go=True)
CUT_OFF = 0.3  # the share of flips whose writer dies between two copies; a switch of one user has no copies
DEPLOYED = 0.7  # the share of deployments that end each time somebody looks
LIFTED = 0.25  # the share of switches that is lifted each time somebody looks
SLOW_CALLS_BETWEEN = 4  # a read's own way back, and a probe that is written, each with two boundaries


@dataclass(frozen=True, slots=True)
class AskedGate:
    """The gate, with the time of its last answer kept for the visit that has asked; without an answer, nobody can know."""

    gate: GateReader
    crossings: Crossings

    def read_gate(self, venue: str, egress: str, places: Collection[SwitchPlace], account_id: str) -> GateReading:
        asked_at = self.crossings.chronicle.clock.now()
        self.crossings.gate_was_read(None)
        reading = self.gate.read_gate(venue, egress, places, account_id)
        self.crossings.gate_was_read(asked_at)
        return reading


@dataclass(slots=True)
class Switches:
    """Flips and lifts, pauses and resumes; knows since when each switch stops what, and since when entries are paused."""

    gate: FakeGate
    crossings: Crossings
    exits_passed: int = 0  # while a lower grade was in force
    _since: dict[SwitchPlace, datetime] = field(default_factory=dict)
    _paused_since: datetime | None = None

    def somebody_acts(self, strategies: Collection[str], tenants: Collection[str]) -> None:
        """Lift some of the switches that are on, and now and then flip one."""
        random, chronicle = self.crossings.random, self.crossings.chronicle
        switch = SetKillSwitch(self.gate, chronicle.clock)
        for held in self.gate.list_switches():
            if random.random() < LIFTED:
                self._lift(held)
        self._deploy()
        if random.random() >= self.crossings.profile.switch_flips:
            return
        places = (
            PLATFORM,
            SwitchPlace(SwitchScope.ORGANISATION, ORGANISATION),
            SwitchPlace(SwitchScope.STRATEGY, random.choice(sorted(strategies))),
            SwitchPlace(SwitchScope.USER, random.choice(sorted(tenants))),
        )
        place, grade = random.choice(places), random.choice(list(Grade))
        chronicle.fault(f"switch_{grade.lower()}", f"{place.scope} {place.scope_id}")
        if random.random() < CUT_OFF:
            self.gate.torn_after = random.randint(1, COPIES - 1)
        try:
            switch.set(place, grade, "a simulated fright", OPERATIONS)
        except RetryLater:
            chronicle.fault("switch_cut_off", f"{place.scope} {place.scope_id}")
            self._since.pop(place, None)  # on for some accounts, and nobody was told that it is on
        else:
            self._since[place] = chronicle.clock.now()

    def _deploy(self) -> None:
        """A deployment begins or ends; a failed one leaves its pause to the next."""
        random, chronicle = self.crossings.random, self.crossings.chronicle
        entries = PauseEntries(self.gate, chronicle.clock)
        if self._paused_since is None and random.random() < self.crossings.profile.deployments:
            chronicle.fault("deployment_paused")
            own = Random(chronicle.steps)  # of this deployment alone: other draws stay as they were
            if own.random() < CUT_OFF:
                self.gate.torn_after = own.randint(1, COPIES - 1)
            try:
                entries.pause(f"release-{chronicle.steps}", "pipeline")
            except RetryLater:
                chronicle.fault("pause_cut_off")  # entries of some accounts wait, and nobody was told that all do
            else:
                self._paused_since = chronicle.clock.now()
        elif self._paused_since is not None and random.random() < DEPLOYED:
            entries.resume(None, "pipeline")
            self._paused_since = None

    def completed(self) -> None:
        """The clock has completed the copies of every switch and of the pause: each is in force for every account from now on."""
        now, pause = self.crossings.chronicle.clock.now(), self.gate.find_pause()
        for switch in self.gate.list_switches():
            self._since.setdefault(switch.place, now)
        if pause is not None and pause.is_on and self._paused_since is None:
            self._paused_since = now

    def lift_all(self) -> None:
        for held in self.gate.list_switches():
            self._lift(held)
        if self.gate.find_pause() is not None:
            PauseEntries(self.gate, self.crossings.chronicle.clock).resume(None, "pipeline")
            self._paused_since = None

    def on_send(self, account: Account, leg: Intent, sent_at: datetime) -> None:
        """An order leaves: no switch that was on when its gate was read may be about it (invariant 7)."""
        if leg.kind.is_protective:
            return
        chronicle, read_at = self.crossings.chronicle, self.crossings.gate_read_at
        concerned = [switch for switch in self.gate.list_switches() if _is_about(switch, account, leg)]
        if leg.kind is LegKind.EXIT and concerned:
            self.exits_passed += all(switch.grade is not Grade.HALT_ALL for switch in concerned)
        if leg.kind is LegKind.ENTRY:
            if read_at is None:
                chronicle.fail(f"7: an entry left and nobody had read the gate: {leg.client_order_id}")
                return
            if self._paused_since is not None and self._paused_since < read_at:
                chronicle.fail(f"7: an entry left while a deployment had paused entries, read {read_at.time()}")
            longest = self.crossings.profile.slowest_call_seconds * SLOW_CALLS_BETWEEN
            if sent_at - read_at > GATE_HOLDS + timedelta(seconds=longest):
                chronicle.fail(f"7: an entry left {sent_at - read_at} after the gate was read")
        for switch in concerned:
            stops = leg.kind is LegKind.ENTRY or switch.grade is Grade.HALT_ALL
            since = self._since.get(switch.place)
            if stops and read_at is not None and since is not None and since < read_at:
                chronicle.fail(f"7: {leg.leg} left under {switch.grade} of {switch.place}, read {read_at.time()}")

    def still_open(self, account: Account) -> Iterator[str]:
        """Positions and orders that a switch should have closed or cancelled by now, if nothing has gone wrong for a while."""
        if account.status is not AccountStatus.ACTIVE:
            return
        for position in account.positions.values():
            grades = self._grades(account, position.strategy_id)
            if Grade.FLATTEN in grades and Grade.HALT_ALL not in grades:
                yield f"7: {account.account_id} holds {position.key} under FLATTEN"
        for intent in account.intents.values():
            grades = self._grades(account, intent.strategy_id)
            if intent.kind is LegKind.EXIT and grades and Grade.HALT_ALL not in grades:
                yield f"7: {account.account_id}: {intent.leg} waits as {intent.state} under {sorted(grades)}"
            if intent.kind is LegKind.ENTRY and intent.state is IntentState.OPEN and grades & {Grade.REDUCE_ONLY, Grade.FLATTEN}:
                yield f"7: {account.account_id}: {intent.leg} rests under {sorted(grades)}"

    def _grades(self, account: Account, strategy_id: str) -> set[Grade]:
        names = _names(account, strategy_id)
        held = self.gate.list_switches()
        return {switch.grade for switch in held if switch.grade and names[switch.place.scope] == switch.place.scope_id}

    def _lift(self, held: KillSwitch) -> None:
        SetKillSwitch(self.gate, self.crossings.chronicle.clock).clear(held.place, OPERATIONS)
        self._since.pop(held.place, None)
        self.crossings.chronicle.tell(f"lifted: {held.grade} of {held.place.scope} {held.place.scope_id}")


def _is_about(switch: KillSwitch, account: Account, leg: Intent) -> bool:
    return _names(account, leg.strategy_id)[switch.place.scope] == switch.place.scope_id


def _names(account: Account, strategy_id: str) -> dict[SwitchScope, str | None]:
    return {
        SwitchScope.PLATFORM: "platform",
        SwitchScope.ORGANISATION: account.organisation_id,
        SwitchScope.STRATEGY: strategy_id,
        SwitchScope.USER: account.tenant_id,
    }
