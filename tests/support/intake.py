"""The webhook function on fakes, with one external strategy and its source."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from candlecast.domain.signals.signal import Signal
from candlecast.domain.strategies.definition import SignalSource
from candlecast.services.signals.find_source import FindSource
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.receive_signal import Receipt, ReceiveSignal
from candlecast.signals.authentication import WebhookRequest
from candlecast.signals.refusal import RefusedMessage
from tests.support.builders import BTC, ETH, SOURCE, a_market, a_source, an_external_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.vault import FakeVault

SECRET = "canary-4f0c9d2b7e1a"


class CountedStrategyStore(FakeStrategyStore):
    """Counts the reads of sources by id."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()

    def get_source(self, source_id: str) -> SignalSource:
        self.reads[source_id] += 1
        return super().get_source(source_id)


@dataclass
class Intake:
    """The function on fakes; `followers` is how many follow its strategy."""

    clock: FakeClock = field(default_factory=FakeClock)
    strategies: CountedStrategyStore = field(default_factory=CountedStrategyStore)
    signals: FakeSignalStore = field(default_factory=FakeSignalStore)
    vault: FakeVault = field(default_factory=FakeVault)
    queue: FakeSignalQueue = field(default_factory=FakeSignalQueue)
    metrics: RecordingMetrics = field(default_factory=RecordingMetrics)
    use: FakeSourceUse = field(default_factory=FakeSourceUse)
    followers: int = 1

    def __post_init__(self) -> None:
        version = self.vault.write_source(SOURCE, SECRET, "secret-version-1")
        strategy = an_external_strategy(subscriber_count=self.followers)
        self.strategies.create_strategy(strategy, a_source(secret_version=version))
        self.sources = FindSource(self.strategies)

    def service(self) -> ReceiveSignal:
        return ReceiveSignal(
            strategies=self.strategies,
            sources=self.sources,
            use=self.use,
            signals=self.signals,
            secrets=self.vault,
            markets=FakeMarkets(a_market(BTC), a_market(ETH)),
            publish=PublishSignal(self.signals, self.queue, self.clock, self.metrics),
            clock=self.clock,
            metrics=self.metrics,
        )

    def post(
        self, body: dict[str, Any] | bytes = b"", source: str = SOURCE, secret: str | None = SECRET, **request: Any
    ) -> Receipt:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.service()(WebhookRequest(source_id=source, body=raw, path_secret=secret, **request))

    def refusal(self, body: dict[str, Any] | bytes = b"", **request: Any) -> RefusedMessage:
        with pytest.raises(RefusedMessage) as caught:
            self.post(body, **request)
        return caught.value

    @property
    def published(self) -> list[Signal]:
        return [shard.signal for shard in self.queue.sent if shard.shard == 0]
