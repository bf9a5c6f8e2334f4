"""A sender and one follower on fakes, from the published signal to the venue, for tests of the whole way of an entry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from candlecast.domain.limits.limits import Limits
from candlecast.domain.limits.record import PLATFORM, LimitRecord
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import Verdict
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.services.signals.fan_out import FanOut
from candlecast.services.signals.judge_signal import JudgeSignal
from candlecast.services.signals.publish_signal import PublishSignal
from tests.support.builders import BTC, SUBSCRIPTION, VENUE, a_quote, a_signal, a_strategy, a_subscription, settings
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.decisions import FakeDecisions
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.limits import FakeLimitStore, read_limits
from tests.support.fakes.queues import FakeSignalQueue, FakeTradeQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.subscriptions import FakeSubscriptionStore
from tests.support.fakes.verdicts import FakeVerdictStore
from tests.support.money_path import MoneyPath


class Desk:
    """The market stands at `mark`. The platform, the account and the subscription each have the limits that are given."""

    def __init__(self, limits: Limits | None = None, **follower: Any) -> None:
        bounds = limits or Limits()
        self.path = MoneyPath(limits=bounds, reconciled_at=None)
        self.path.accounts.save(replace(self.path.account, reconciled_at=self.path.clock.now()))
        self.settings: Settings = settings(**{"max_positions": 2, "limits": bounds, **follower})
        database, clock = self.path.database, self.path.clock
        self.verdicts, self.signals, self.limits = FakeVerdictStore(database), FakeSignalStore(database), FakeLimitStore()
        self.limits.save(LimitRecord(place=PLATFORM, limits=bounds))
        FakeStrategyStore(database).create_strategy(a_strategy())
        subscriptions = FakeSubscriptionStore(database, clock)
        subscriptions.write(a_subscription(settings=self.settings), None, follower_change=1)
        self.shards, self.orders, self.sent = FakeSignalQueue(), FakeTradeQueue(), 0
        self.publish = PublishSignal(self.signals, self.shards, clock, RecordingMetrics())
        self.fan_out = FanOut(
            subscriptions=subscriptions,
            signals=self.signals,
            history=FakeHistory(database),
            decisions=FakeDecisions(),
            queue=self.orders,
            limits=read_limits(clock, self.limits),
            judge=JudgeSignal(
                self.verdicts,
                lambda _venue, market, at: a_quote(self.path.exchange.prices[market], as_of=at),
                clock,
                RecordingMetrics(),
            ),
            clock=clock,
            metrics=RecordingMetrics(),
        )

    @property
    def mark(self) -> Decimal:
        return self.path.exchange.prices[BTC]

    def send(self, action: Action = Action.LONG, **signal: Any) -> str:
        """Send a signal all the way to the venue; its id. An order that has to wait is given up."""
        self.sent += 1
        signal_id = f"signal-{self.sent}"
        issued = self.path.clock.now()
        self.publish(a_signal(action, signal_id=signal_id, issued_at=issued, **signal), VENUE, 1)
        for shard in self.shards.sent:
            self.fan_out(shard)
        for order in self.orders.sent:
            try:
                self.path.executor(order)
            except RetryLater:
                continue
        self.shards.sent.clear()
        self.orders.sent.clear()
        return signal_id

    def verdict(self, signal_id: str) -> Verdict:
        found = self.verdicts.find_verdict(signal_id)
        assert found is not None
        return found

    def entries_sent(self, signal_id: str) -> list[Intent]:
        """The entries of a signal that may have reached the venue."""
        entries = (intent for intent in self.path.told(LegKind.ENTRY) if intent.signal_id == signal_id)
        return [intent for intent in entries if intent.state not in NOT_SENT]

    @property
    def held(self) -> Decimal:
        """Base units that the subscription holds."""
        position = self.path.account.position(SUBSCRIPTION, BTC)
        return Decimal(0) if position is None else position.quantity


NOT_SENT = {IntentState.DENIED, IntentState.EXPIRED, IntentState.SKIPPED}
