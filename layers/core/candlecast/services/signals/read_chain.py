"""Read the steps of a published signal before its orders: its origin, its verdict, its fan-out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from candlecast.domain.decide.outcome import in_quote, told_signal
from candlecast.domain.signals.signal import Signal
from candlecast.domain.signals.verdict import Verdict
from candlecast.domain.strategies.execution import ShardReport, SignalRecord
from candlecast.domain.values.ids import shard_position
from candlecast.domain.values.sentences import STEPS, clause_of
from candlecast.ports.clock import Clock
from candlecast.ports.store import MESSAGES_KEPT, ReceivedMessage, SignalStore
from candlecast.ports.verdicts import VerdictStore
from candlecast.services.signals.publish_signal import shard_bounds

FIREWALL = "the platform's bound"
Origin = Literal["CANDLE", "MESSAGE", "RELEASE"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a signal in a sentence, with its time. None is a time that nobody has kept."""

    at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A published signal with everything that happened to it before its orders."""

    record: SignalRecord
    verdict: Verdict | None
    """None for an exit, and before an entry is judged."""
    message: ReceivedMessage | None
    """The message that it was made of, while that is kept; its body is its sender's alone."""
    now: datetime

    @property
    def signal(self) -> Signal:
        return self.record.signal

    @property
    def is_held_back(self) -> bool:
        return self.verdict is not None and self.verdict.is_quarantined

    @property
    def origin(self) -> Origin:
        if self.signal.released_from is not None:
            return "RELEASE"
        return "MESSAGE" if self.signal.candle_close is None else "CANDLE"

    @property
    def received(self) -> Step:
        """Where the signal came from. A receipt that is gone leaves no time behind."""
        signal, close = self.signal, self.signal.candle_close
        if self.origin == "RELEASE":
            return Step(signal.issued_at, STEPS["RELEASE"])
        if close is not None:
            return Step(close, STEPS["CANDLE"].format(market=signal.market, at=moment(close)))
        if self.message is not None:
            at = self.message.received_at
            return Step(at, STEPS["MESSAGE"].format(at=moment(at)))
        is_old = self.now - self.record.published_at > MESSAGES_KEPT
        return Step(None, STEPS["MESSAGE_NOT_KEPT" if is_old else "MESSAGE_UNKNOWN"].format(days=MESSAGES_KEPT.days))

    @property
    def understood(self) -> Step:
        return Step(self.signal.issued_at, told_signal(self.signal))

    @property
    def judged(self) -> Step:
        """The verdict of the firewall. An exit is never judged."""
        verdict = self.verdict
        if not self.signal.action.is_entry:
            return Step(None, STEPS["NOT_JUDGED"])
        if verdict is None:
            done = self.record.shards_done > 0
            return Step(None, STEPS["VERDICT_MISSING" if done else "JUDGED_LATER"])
        if verdict.denial is not None:
            why = clause_of(verdict.denial, verdict.market, FIREWALL)
            return Step(verdict.judged_at, STEPS["HELD_BACK"].format(why=why))
        mark = "unknown" if verdict.mark_price is None else in_quote(verdict.mark_price, verdict.market)
        return Step(verdict.judged_at, STEPS["PASSED"].format(mark=mark))

    def sent(self, subscription_ids: Collection[str]) -> Step:
        """When the signal went to these subscriptions: in their shards, since single ones are not noted. None of them: to all."""
        reports, whole = self._reports(subscription_ids)
        began = [report.began_at for report in reports if report.began_at is not None]
        ended = [report.sent_at for report in reports if report.sent_at is not None]
        who = "your part of the followers" if subscription_ids else "the followers"
        if self.is_held_back:
            return Step(None, STEPS["SENT_TO_NOBODY"])
        if not began or not ended:
            return Step(None, STEPS["QUEUED"].format(began=moment(self.record.published_at)))
        sentence = STEPS["SENT" if whole else "BEING_SENT"]
        return Step(max(ended), sentence.format(who=who, began=moment(min(began)), ended=moment(max(ended))))

    def _reports(self, subscription_ids: Collection[str]) -> tuple[Sequence[ShardReport], bool]:
        """The reports of the shards of these subscriptions, of all without any; and whether all of these shards are done."""
        bounds = shard_bounds(self.record.shards)
        places = [shard_position(each) for each in subscription_ids]
        wanted = [
            number for number, (start, end) in enumerate(bounds) if not places or any(start <= place < end for place in places)
        ]
        found = [self.record.reports[number] for number in wanted if number in self.record.reports]
        return found, len(found) == len(wanted) and all(report.is_complete for report in found)


@dataclass(frozen=True, slots=True)
class ReadChain:
    """Reads a chain: the signal, its shards (a request for every hundred), an entry's verdict, and a message's receipt."""

    signals: SignalStore
    verdicts: VerdictStore
    clock: Clock

    def __call__(self, signal_id: str) -> Chain:
        """Raises `NotFound`. The caller sees to it that nobody gets the chain who may not."""
        return self.of(self.signals.get_signal(signal_id))

    def of(self, record: SignalRecord) -> Chain:
        signal, received_as = record.signal, record.received_as
        return Chain(
            record=record,
            verdict=self.verdicts.find_verdict(signal.signal_id) if signal.action.is_entry else None,
            message=None if received_as is None else self.signals.find_message(received_as),
            now=self.clock.now(),
        )


def moment(at: datetime) -> str:
    """A moment as sentences tell it."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
