"""Measure how long the pause of a deployment lasts, and complete its copies: a failed pipeline leaves its pause behind."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import DeploymentPauses


@dataclass(frozen=True, slots=True)
class WatchPause:
    """Runs every minute."""

    pauses: DeploymentPauses
    clock: Clock
    metrics: Metrics

    def __call__(self) -> bool:
        """Whether entries are paused. Raises `RetryLater`."""
        pause = self.pauses.find_pause()
        if pause is None or not pause.is_on:
            return False
        self.metrics.seconds("DeploymentPausedSeconds", (self.clock.now() - pause.paused_at).total_seconds())
        self.pauses.complete_pause()
        return True
