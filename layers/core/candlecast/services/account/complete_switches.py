"""Complete the copies of kill switches: a worker may have died between two of them, and a switch may be older than copies are."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.ports.clock import Metrics
from candlecast.ports.gate import SwitchCopies


@dataclass(frozen=True, slots=True)
class CompleteSwitches:
    """Runs every minute, so a switch that is on for some accounts is on for all within the minute."""

    switches: SwitchCopies
    metrics: Metrics

    def __call__(self) -> int:
        """Returns how many copies were written. Raises `RetryLater` if some could not be."""
        completed = self.switches.complete_switches()
        self.metrics.count("SwitchCopiesCompleted", completed)
        return completed
