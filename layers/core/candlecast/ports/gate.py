"""The stops of an order at the last moment: kill switches and the venue's circuit breaker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.account.kill_switch import KillSwitch, SwitchPlace
from candlecast.domain.venue.breaker import Breaker
from candlecast.ports.store import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReading:
    """The switches that are on among those that were asked for, the venue's breaker, and until when our address is blocked.

    `pause` is that of a deployment, while it is on.
    """

    switches: tuple[KillSwitch, ...]
    breaker: Breaker
    blocked_until: datetime | None = None
    pause: DeploymentPause | None = None


class GateReader(Protocol):
    def read_gate(self, venue: str, egress: str, places: Collection[SwitchPlace], account_id: str) -> GateReading:
        """Read the account's copy of everything in one strongly consistent request.

        Raises `RetryLater` (STORE_UNAVAILABLE) if any part is missing.
        """
        ...


class BreakerStore(Protocol):
    def load_breaker(self, venue: str) -> Breaker:
        """The venue's breaker, strongly consistent; an untouched one if there is none."""
        ...

    def save_breaker(self, breaker: Breaker) -> Breaker:
        """Write as version + 1; raises `Conflict` (VERSION_CONFLICT) if somebody else has written since it was read."""
        ...


class KillSwitchStore(Protocol):
    def list_switches(self) -> Sequence[KillSwitch]:
        """All switches that are on, by scope and id."""
        ...

    def page_switches(self, cursor: str | None = None, limit: int = 50) -> Page[KillSwitch]:
        """One page of the switches that `list_switches` gives, in the same order."""
        ...

    def find_switch(self, place: SwitchPlace) -> KillSwitch | None:
        """The switch as it was set last, on or off; None for a switch that was never touched."""
        ...

    def save_switch(self, switch: KillSwitch) -> KillSwitch:
        """Write as a later version, with all copies and the event of the change. To turn a switch off is all or nothing.

        Raises `Conflict` (VERSION_CONFLICT), `RetryLater` (STORE_UNAVAILABLE). COPIES_INCOMPLETE: the switch is on, not yet for
        every account.
        """
        ...

    def complete_switch(self, place: SwitchPlace) -> int:
        """Write the copies of a switch that lack or lag behind; returns how many. Raises as `save_switch`."""
        ...


class SwitchCopies(Protocol):
    def complete_switches(self) -> int:
        """`KillSwitchStore.complete_switch` for every switch that is on; returns how many copies were written."""
        ...


class DeploymentPauses(Protocol):
    def find_pause(self) -> DeploymentPause | None:
        """The newest pause, on or lifted, strongly consistent; None if there never was one."""
        ...

    def save_pause(self, pause: DeploymentPause) -> DeploymentPause:
        """Write as version + 1, with all copies; to lift a pause is all or nothing. Raises as `KillSwitchStore.save_switch`."""
        ...

    def complete_pause(self) -> int:
        """Write the copies that lack or lag behind; returns how many. Raises as `save_pause`."""
        ...
