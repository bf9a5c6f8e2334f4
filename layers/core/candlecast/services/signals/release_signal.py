"""Release a quarantined signal: it is published anew, with a new id and a new issue time, and judged as any other."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.signals.signal import Signal
from candlecast.domain.signals.verdict import Release, Verdict
from candlecast.domain.values.copying import replace
from candlecast.domain.values.ids import released_signal_id
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import SignalStore, StrategyStore
from candlecast.ports.verdicts import VerdictStore
from candlecast.services.signals.publish_signal import PublishSignal


@dataclass(frozen=True, slots=True)
class ReleaseSignal:
    """Nothing passes by a release: the new signal meets the mark of its own moment."""

    verdicts: VerdictStore
    signals: SignalStore
    strategies: StrategyStore
    publish: PublishSignal
    clock: Clock
    metrics: Metrics

    def __call__(self, signal_id: str, who: str) -> Verdict:
        """Note the release, then publish. A repeat publishes the first release's signal, which a crash may have left unpublished.

        Raises `NotFound`, `Conflict` (NOT_QUARANTINED), `RetryLater` (the queue).
        """
        record = self.signals.get_signal(signal_id)
        wanted = Release(signal_id=released_signal_id(signal_id), released_by=who, released_at=self.clock.now())
        verdict = self.verdicts.release(signal_id, wanted)
        release = verdict.release or wanted
        followers = self.strategies.get_strategy(record.signal.strategy_id).subscriber_count
        self.publish(_anew(record.signal, release), record.venue, followers, max_notional=record.max_notional)
        if release is wanted:
            self.metrics.count("SignalsReleased")
        return verdict


def _anew(signal: Signal, release: Release) -> Signal:
    return replace(
        signal,
        signal_id=release.signal_id,
        issued_at=release.released_at,
        released_from=signal.signal_id,
        released_by=release.released_by,
    )
