"""Verdicts on signals: one per signal, and the list of those that wait for a person."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.signals.verdict import Release, Verdict
    from candlecast.ports.store import Page


class VerdictStore(Protocol):
    """Verdicts; the platform's own, so without a tenant."""

    def find_verdict(self, signal_id: str) -> Verdict | None:
        """The verdict on a signal, strongly consistent; None before there is one."""
        ...

    def claim(self, signal_id: str, now: datetime, until: datetime) -> bool:
        """Whether the caller alone is to judge the signal until then; never while somebody else's claim stands."""
        ...

    def put_verdict(self, verdict: Verdict) -> Verdict:
        """Store the verdict unless the signal has one already; returns the one in force."""
        ...

    def release(self, signal_id: str, release: Release) -> Verdict:
        """Note who releases a quarantined signal; the first release stays. Returns the verdict in force.

        Raises `NotFound` for a signal without a verdict, `Conflict` (NOT_QUARANTINED) for one that has passed.
        """
        ...

    def list_quarantined(self, cursor: str | None = None, limit: int = 50) -> Page[Verdict]:
        """Quarantined signals, newest first, released ones among them."""
        ...
