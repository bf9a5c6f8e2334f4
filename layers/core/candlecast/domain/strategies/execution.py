"""The record of a strategy's run on a candle, which is also its lock (decision 0001), and the reports of a signal's shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.market.seen import SeenCandles
from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.signal import Signal
from candlecast.domain.values.copying import replace

LEASE = timedelta(seconds=60)  # the hard time-out of strategy_runner: a holder that is older is dead
MAX_LOG_LINES = 50  # what a strategy may log per run
MAX_LOG_CHARACTERS = 500
MAX_UPLOADED_LOG_BYTES = (
    8_000  # of all lines of uploaded code: each candle's run keeps them, and the author does not pay for them
)


# Reasons of a SKIPPED run on a candle that no firing announced in its time.
MISSED = "CANDLE_MISSED"
CAUGHT_UP = "CANDLE_CAUGHT_UP"  # the strategy has decided it afterwards: the record has the decision, which was not published


class ExecutionStatus(StrEnum):
    """RUNNING holds the lock; the others are final, and a repeat after them is a no-op for ever."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    NO_SIGNAL = "NO_SIGNAL"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run: `scheduled_at` is the candle's close, `drift_seconds` how much later the run began, `worker` who ran it."""

    strategy_id: str
    candle_close: datetime
    scheduled_at: datetime
    started_at: datetime
    worker: str
    status: ExecutionStatus
    drift_seconds: float
    lease_expires_at: datetime
    correlation_id: str
    finished_at: datetime | None = None
    duration_ms: float | None = None
    signal: Signal | None = None
    subscriber_count: int = 0
    reason: str | None = None
    error: str | None = None
    logs: tuple[str, ...] = ()
    audience: Audience | None = None
    """The version that ran, and whom its signal goes to, as it stood when the run began; None: all followers, no versions."""
    leads: bool = True
    """Whether this is the record that the candle's first write has made; a run of another version has a record behind it."""
    beside: tuple[Audience, ...] = ()
    """Of the record that leads: the other versions that run on the candle, whether or not they are released later."""
    seen: SeenCandles | None = None
    """The candles that the code was asked about; None for a run that ended before, and in older records."""
    strategy_version: str | None = None
    """Hash of the code and parameters that were asked (`domain/strategies/version.py`), as a signal has it."""

    @property
    def version(self) -> int | None:
        """Number of the version that ran; None where the strategy has no versions."""
        return None if self.audience is None else self.audience.number

    def continuing(self, held: Execution) -> Execution:
        """This run in the place of a run whose holder is dead. That run's decision stays, with its candles and its audience."""
        return replace(
            self,
            audience=held.audience,
            beside=held.beside,
            signal=held.signal,
            seen=held.seen,
            strategy_version=held.strategy_version,
        )


@dataclass(frozen=True, kw_only=True)
class ShardReport:
    """How far the fan-out of one shard has come: order messages sent, and subscriptions skipped by reason.

    `reached` is the turn (`turn` in `domain/values/ids.py`) of the last follower served, and empty before the first.
    `quarantined` says that the verdict on the signal let nothing be sent.
    `began_at` and `sent_at` are when the first and the last of these messages were sent; older reports do not know.
    """

    shard: int
    orders: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    is_complete: bool = True
    reached: str = ""
    quarantined: bool = False
    began_at: datetime | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ReceivedAs:
    """Where the receipt of a message from outside is found."""

    source_id: str
    sender_key: str
    """The key by which a repeat of the message is recognised."""


@dataclass(frozen=True, kw_only=True)
class SignalRecord:
    """A signal as it was published, with the number of its shards and the report of each."""

    signal: Signal
    venue: str
    shards: int
    subscriber_count: int
    published_at: datetime
    reports: Mapping[int, ShardReport] = field(default_factory=dict)
    max_notional: Decimal | None = None
    """Quote units that the orders of all subscribers may have together; None for a signal of our own code."""
    audience: Audience | None = None
    """The followers whom the signal goes to; None: all of them."""
    received_as: ReceivedAs | None = None
    """The message that the signal was made of; None for a signal of our own code, and in older records."""

    @property
    def shard_notional(self) -> Decimal | None:
        """Quote units that the orders of one shard may have together: an equal share of `max_notional`; None without a bound."""
        return None if self.max_notional is None else self.max_notional / self.shards

    @property
    def orders(self) -> int:
        return sum(report.orders for report in self.reports.values())

    @property
    def shards_done(self) -> int:
        return sum(report.is_complete for report in self.reports.values())

    @property
    def is_quarantined(self) -> bool:
        return any(report.quarantined for report in self.reports.values())

    @property
    def spread_seconds(self) -> float | None:
        """How much later than the first message of the signal its last one was sent, so far; None before any."""
        began = [report.began_at for report in self.reports.values() if report.began_at is not None]
        sent = [report.sent_at for report in self.reports.values() if report.sent_at is not None]
        return (max(sent) - min(began)).total_seconds() if began and sent else None
