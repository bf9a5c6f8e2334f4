"""Leases of looks and the clock's window in memory, and the way to ask for looks with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from candlecast.domain.reconcile.look_lease import LeasePlace, LookLease
from candlecast.domain.reconcile.look_window import LookWindow
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.looks import LookLeases
from candlecast.ports.queue import ReconcileQueue
from candlecast.services.reconcile.ask_for_looks import AskForLooks


class FakeLooks:
    """`ports.looks.LookLeases` and `LookWindows`; `reads` and `writes` count leases."""

    def __init__(self) -> None:
        self.leases: dict[LeasePlace, LookLease] = {}
        self.window = LookWindow()
        self.reads = 0
        self.writes = 0
        self.fails = False

    def find(self, places: Collection[LeasePlace]) -> Mapping[LeasePlace, LookLease]:
        self._may_fail()
        self.reads += len(set(places))
        return {place: self.leases[place] for place in places if place in self.leases}

    def keep(self, leases: Sequence[LookLease]) -> None:
        self._may_fail()
        self.writes += len(leases)
        self.leases |= {lease.place: lease for lease in leases}

    def end(self, lease: LookLease) -> None:
        self._may_fail()
        self.writes += 1
        held = self.leases.get(lease.place)
        if held is not None and held.asked_at == lease.asked_at:
            self.leases[lease.place] = replace(held, until=held.asked_at)

    def load_window(self) -> LookWindow:
        self._may_fail()
        return self.window

    def save_window(self, window: LookWindow) -> None:
        self._may_fail()
        self.window = window

    def _may_fail(self) -> None:
        if self.fails:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=2)


def asking(
    leases: LookLeases, routine: ReconcileQueue, awaited: ReconcileQueue, clock: Clock, metrics: Metrics, *, renews: bool = False
) -> AskForLooks:
    """Wire the use case as the composition root does."""
    return AskForLooks(leases, routine, awaited, clock, metrics, renews)
