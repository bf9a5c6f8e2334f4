"""Release a quarantined signal: it is published anew, with a new id and a new issue time, and judged as any other."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.signals.signal import Signal
from candlecast.domain.signals.verdict import Release, Verdict
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.ids import digest, released_signal_id
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.store import NewestMessage, SignalStore, StrategyStore
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

        A signal that its source has overtaken in its market is not released: the source may have sent the exit already. The
        released signal becomes the market's newest message, so that the next exit is no duplicate of an earlier one.

        Raises `NotFound`, `Conflict` (NOT_QUARANTINED, STRATEGY_RETIRED, SIGNAL_OVERTAKEN), `RetryLater` (the queue).
        """
        record, now = self.signals.get_signal(signal_id), self.clock.now()
        known = self.verdicts.find_verdict(signal_id)
        if known is not None and not known.is_quarantined:
            raise Conflict("NOT_QUARANTINED", "the signal has passed the firewall: nothing of it is held back")
        strategy = self.strategies.get_strategy(record.signal.strategy_id)
        if strategy.retired_at is not None:
            raise Conflict("STRATEGY_RETIRED", "a retired strategy gives no more entries")
        wanted = Release(signal_id=released_signal_id(signal_id), released_by=who, released_at=now)
        if strategy.source_id is not None:
            newest = self.signals.newest_message(strategy.source_id, record.signal.market)
            if newest is not None and newest.signal_id not in (signal_id, wanted.signal_id):
                raise Conflict("SIGNAL_OVERTAKEN", "the source has sent a newer message for the market")
        verdict = self.verdicts.release(signal_id, wanted)
        release = verdict.release or wanted
        if strategy.source_id is not None:
            message = NewestMessage(digest("released", signal_id), release.signal_id)
            self.signals.put_newest_message(strategy.source_id, record.signal.market, message, release.released_at)
        followers = strategy.subscriber_count
        self.publish(
            _anew(record.signal, release),
            record.venue,
            followers,
            audience=record.audience,
            max_notional=record.max_notional,
            received_as=record.received_as,
        )
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
