"""Verdicts in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from candlecast.domain.signals.verdict import Release, Verdict
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.clock import Clock
from candlecast.ports.store import Page
from candlecast.services.signals.judge_signal import JudgeSignal
from tests.support.builders import a_quote
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.store import FakeDatabase, page_of


class FakeVerdictStore:
    def __init__(self, database: FakeDatabase | None = None) -> None:
        self.database = database or FakeDatabase()

    def find_verdict(self, signal_id: str) -> Verdict | None:
        return self.database.verdicts.get(signal_id)

    def claim(self, signal_id: str, now: datetime, until: datetime) -> bool:
        claimed_until = self.database.claims.get(signal_id)
        if signal_id in self.database.verdicts or (claimed_until is not None and claimed_until > now):
            return False
        self.database.claims[signal_id] = until
        return True

    def put_verdict(self, verdict: Verdict) -> Verdict:
        return self.database.verdicts.setdefault(verdict.signal_id, replace(verdict, release=None))

    def release(self, signal_id: str, release: Release) -> Verdict:
        known = self.find_verdict(signal_id)
        if known is None:
            raise NotFound("no verdict on such a signal")
        if not known.is_quarantined:
            raise Conflict("NOT_QUARANTINED", "the signal has passed, or was never held back")
        if known.release is None:
            known = self.database.verdicts[signal_id] = replace(known, release=release)
        return known

    def list_quarantined(self, cursor: str | None = None, limit: int = 50) -> Page[Verdict]:
        found = [verdict for verdict in self.database.verdicts.values() if verdict.is_quarantined]
        ordered = sorted(found, key=lambda verdict: (verdict.judged_at, verdict.signal_id), reverse=True)
        return page_of("QUARANTINE", ordered, cursor, limit)


def judge_signal(clock: Clock, verdicts: FakeVerdictStore | None = None, mark: Decimal = Decimal(100)) -> JudgeSignal:
    """The use case in a world where every market stands at one mark."""
    return JudgeSignal(
        verdicts or FakeVerdictStore(), lambda _venue, _market, at: a_quote(mark, as_of=at), clock, RecordingMetrics()
    )
