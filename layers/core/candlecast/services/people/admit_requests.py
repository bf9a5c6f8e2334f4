"""Admit a tenant's requests by its quota, over all environments of the API (decision 0140)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from candlecast.domain.people.request_rate import QUOTAS, WINDOW, Admission, Quota, RequestKind, window_of
from candlecast.ports.clock import Clock
from candlecast.ports.requests import RequestCounts


@dataclass(slots=True)
class Chunk:
    """Requests of a window that this environment may still admit, and how many the tenant has taken when that was told."""

    left: int = 0
    taken: int = 0
    spent: bool = False


@dataclass(slots=True)
class AdmitRequests:
    """Takes requests from the tenant's count in chunks, so that most requests ask nobody. Never admits more than the quota.

    It may refuse earlier, by the chunks that other environments have begun. It remembers one window alone.
    """

    counts: RequestCounts
    clock: Clock
    quotas: Mapping[RequestKind, Quota] = field(default_factory=lambda: QUOTAS)
    _window: datetime | None = None
    _chunks: dict[tuple[str, RequestKind], Chunk] = field(default_factory=dict)

    def __call__(self, tenant_id: str, kind: RequestKind) -> Admission:
        """Count a request. Raises `RetryLater` if the count cannot be asked: then nobody knows."""
        now, quota = self.clock.now(), self.quotas[kind]
        window = window_of(now)
        if window != self._window:
            self._window, self._chunks = window, {}
        chunk = self._chunks.setdefault((tenant_id, kind), Chunk())
        if chunk.left == 0 and not chunk.spent:
            taken = self.counts.take_requests(tenant_id, kind, window, quota.chunk, quota.requests)
            chunk.spent = taken is None
            chunk.left, chunk.taken = (0, quota.requests) if taken is None else (quota.chunk, taken)
        admitted = chunk.left > 0
        chunk.left -= admitted
        return Admission(
            kind=kind,
            quota=quota,
            left=quota.requests - chunk.taken + chunk.left,
            resets_in=max(1, ceil((window + WINDOW - now).total_seconds())),
            admitted=admitted,
        )
