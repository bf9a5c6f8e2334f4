"""Limit records in memory; told to fail, the store does not answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from candlecast.domain.limits.record import LimitPlace, LimitRecord
from candlecast.domain.values.errors import Conflict, RetryLater
from candlecast.ports.clock import Clock
from candlecast.services.limits.read_limits import ReadLimits
from tests.support.fakes.clock import RecordingMetrics


class FakeLimitStore:
    def __init__(self) -> None:
        self.records: dict[LimitPlace, LimitRecord] = {}
        self.requests = 0
        self.unavailable = False

    def read(self, places: Collection[LimitPlace]) -> Mapping[LimitPlace, LimitRecord]:
        self.requests += 1
        if self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
        return {place: self.records[place] for place in places if place in self.records}

    def save(self, record: LimitRecord) -> LimitRecord:
        held = self.records.get(record.place)
        if (held.version if held is not None else 0) != record.version:
            raise Conflict("VERSION_CONFLICT", "the limits have changed since they were read")
        stored = self.records[record.place] = replace(record, version=record.version + 1)
        return stored


def read_limits(clock: Clock, store: FakeLimitStore | None = None) -> ReadLimits:
    """The authority on limits of a fresh environment."""
    return ReadLimits(store or FakeLimitStore(), clock, RecordingMetrics())
