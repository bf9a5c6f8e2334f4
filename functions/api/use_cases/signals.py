"""The use cases of quarantined signals, made of their ports for one request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.release_signal import ReleaseSignal
from functions.api.ports import ClockDep, MetricsDep, SignalQueueDep, SignalsDep, StrategiesDep, VerdictsDep


async def release_signal(
    verdicts: VerdictsDep,
    signals: SignalsDep,
    strategies: StrategiesDep,
    queue: SignalQueueDep,
    clock: ClockDep,
    metrics: MetricsDep,
) -> ReleaseSignal:
    return ReleaseSignal(verdicts, signals, strategies, PublishSignal(signals, queue, clock, metrics), clock, metrics)


ReleaseSignalDep = Annotated[ReleaseSignal, Depends(release_signal)]
