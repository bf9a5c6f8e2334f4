"""Ask for looks at accounts, none that waits already; looks that an order waits for have a queue of their own (decision 0063)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from candlecast.domain.reconcile.look_lease import LeasePlace, LookLease, is_covered, lease_of, place_of
from candlecast.domain.signals.messages import ReconcileRequest
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.looks import LookLeases
from candlecast.ports.queue import ReconcileQueue

Delayed = tuple[ReconcileRequest, int]  # a request with its delay in seconds


@dataclass(frozen=True, slots=True)
class AskForLooks:
    """`ports.queue.Looks`: leases in front of two queues.

    A request is sent first and leased then. So a crash between the two costs a second request and loses none.
    """

    leases: LookLeases
    routine: ReconcileQueue
    awaited: ReconcileQueue
    clock: Clock
    metrics: Metrics
    renews: bool = False
    """Whether the asker is the reconciler, whose own request is done once it asks for the next look."""

    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None:
        """Ask for each look that nobody has asked for. Raises `RetryLater` if a queue does not take them."""
        self.ask([(request, delay_seconds) for request in requests])

    def ask(self, wanted: Sequence[Delayed], most: int | None = None, *, afresh: bool = False) -> int:
        """Ask for the first `most` looks of `wanted` that nobody has asked for; returns how many that were.

        `afresh`: a request that was to be delivered by now counts as done. Its look may have ended before its lease was kept.
        Raises `RetryLater` if a queue does not take them; requests sent until then come twice.
        """
        now = self.clock.now()
        made = [(request if request.asked_at else replace(request, asked_at=now), delay) for request, delay in wanted]
        held = self._held([place_of(request) for request, _ in made])
        sent: dict[LeasePlace, LookLease] = {}
        groups: defaultdict[tuple[bool, int], list[ReconcileRequest]] = defaultdict(list)
        for request, delay in made:
            if most is not None and len(sent) >= most:
                break
            lease, place = lease_of(request, now, delay), place_of(request)
            if place in sent or is_covered(lease, held.get(place), now, renews=self.renews or afresh):
                self.metrics.count("LooksAlreadyAsked")
                continue
            sent[place] = lease
            groups[request.awaited, delay].append(request)
        for (awaited, delay), requests in sorted(groups.items(), key=lambda group: group[0]):
            (self.awaited if awaited else self.routine).send_reconcile(requests, delay)
        self._keep(list(sent.values()))
        return len(sent)

    def end(self, request: ReconcileRequest) -> None:
        """The look of `request` has been made: another may be asked for at once."""
        if request.asked_at is None:
            return
        try:
            self.leases.end(lease_of(request, request.asked_at, 0))
        except RetryLater:
            return  # the lease ends by itself

    def _held(self, places: Sequence[LeasePlace]) -> dict[LeasePlace, LookLease]:
        """The leases; none if they cannot be read, for a look too many is better than none."""
        try:
            return dict(self.leases.find(places)) if places else {}
        except RetryLater:
            return {}

    def _keep(self, leases: Sequence[LookLease]) -> None:
        try:
            if leases:
                self.leases.keep(leases)
        except RetryLater:
            return  # the next asker asks once too often
