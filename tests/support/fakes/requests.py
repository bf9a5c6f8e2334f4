"""Requests that carry a key, and counts of requests, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from candlecast.domain.people.kept_request import KEPT_FOR, KeptAnswer, KeptRequest
from candlecast.domain.people.request_rate import RequestKind
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater

Place = tuple[str, str, str]


@dataclass
class FakeKeptRequests:
    """`ports.requests.KeptRequests`; `unavailable` are the methods that fail now."""

    requests: dict[Place, KeptRequest] = field(default_factory=dict)
    unavailable: set[str] = field(default_factory=set)

    def begin_request(self, tenant_id: str, operation: str, key: str, request: KeptRequest, now: datetime) -> KeptRequest:
        self._fail("begin_request")
        known = self.requests.get((tenant_id, operation, key))
        is_free = known is None or now >= known.begun_at + KEPT_FOR
        if is_free or (known is not None and known.is_dead(now) and known.asked_for == request.asked_for):
            self.requests[tenant_id, operation, key] = request
        return self.requests[tenant_id, operation, key]

    def end_request(self, tenant_id: str, operation: str, key: str, attempt: str, answer: KeptAnswer) -> None:
        self._fail("end_request")
        known = self.requests.get((tenant_id, operation, key))
        if known is not None and known.attempt == attempt:
            self.requests[tenant_id, operation, key] = replace(known, answer=answer)

    def forget_request(self, tenant_id: str, operation: str, key: str, attempt: str) -> None:
        self._fail("forget_request")
        known = self.requests.get((tenant_id, operation, key))
        if known is not None and known.attempt == attempt:
            del self.requests[tenant_id, operation, key]

    def _fail(self, method: str) -> None:
        if method in self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)


@dataclass
class FakeRequestCounts:
    """`ports.requests.RequestCounts`; counts how often it is asked."""

    taken: dict[tuple[str, RequestKind, datetime], int] = field(default_factory=dict)
    asked: int = 0
    unavailable: bool = False

    def take_requests(self, tenant_id: str, kind: RequestKind, window: datetime, count: int, most: int) -> int | None:
        self.asked += 1
        if self.unavailable:
            raise RetryLater("STORE_UNAVAILABLE", "told to fail", after_seconds=1)
        taken = self.taken.get((tenant_id, kind, window), 0) + count
        if taken > most:
            return None
        self.taken[tenant_id, kind, window] = taken
        return taken
