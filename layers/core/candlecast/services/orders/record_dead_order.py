"""Record an order whose message ends in the dead letters, so that its tenant sees the order and the reason (decision 0062).

The record is no decision: the account knows nothing of it, and any decision of the account after a redrive replaces it.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.decide.dead_order import DeadOrder
from candlecast.ports.clock import Clock
from candlecast.ports.store import History


@dataclass(frozen=True, slots=True)
class RecordDeadOrder:
    """A part of the executor's dead letters: one write for a letter, none for an order."""

    history: History
    clock: Clock

    def __call__(self, dead: DeadOrder, code: str) -> None:
        """Record the order with the reason that `code` names. Raises `RetryLater` if the store does not answer."""
        self.history.put_dead(dead.denied(code, self.clock.now()))
