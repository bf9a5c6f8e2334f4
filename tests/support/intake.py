"""The webhook function on fakes, with one source of signals."""

from __future__ import annotations

from dataclasses import dataclass, field

from candlecast.services.signals.find_source import FindSource
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.receive_signal import ReceiveSignal
from tests.support.builders import BTC, SOURCE, a_market, a_source, an_external_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import FakeMarkets
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.source_use import FakeSourceUse
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.vault import FakeVault

SECRET = "canary-4f0c9d2b7e1a"


@dataclass
class Intake:
    """The function on fakes."""

    clock: FakeClock = field(default_factory=FakeClock)
    signals: FakeSignalStore = field(default_factory=FakeSignalStore)
    queue: FakeSignalQueue = field(default_factory=FakeSignalQueue)
    use: FakeSourceUse = field(default_factory=FakeSourceUse)

    def service(self) -> ReceiveSignal:
        strategies, vault, metrics = FakeStrategyStore(), FakeVault(), RecordingMetrics()
        version = vault.write_source(SOURCE, SECRET, "secret-version-1")
        strategies.create_strategy(an_external_strategy(subscriber_count=1), a_source(secret_version=version))
        publish = PublishSignal(self.signals, self.queue, self.clock, metrics)
        return ReceiveSignal(
            strategies,
            FindSource(strategies),
            self.use,
            self.signals,
            vault,
            FakeMarkets(a_market(BTC)),
            publish,
            self.clock,
            metrics,
        )
