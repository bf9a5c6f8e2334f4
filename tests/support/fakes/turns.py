"""Turns in memory."""

from __future__ import annotations

from datetime import datetime


class FakeTurns:
    def __init__(self) -> None:
        self.held: dict[str, tuple[str, datetime]] = {}

    def take(self, tenant_id: str, run_id: str, now: datetime, until: datetime) -> bool:
        holder, ends = self.held.get(tenant_id, (run_id, now))
        if holder != run_id and ends > now:
            return False
        self.held[tenant_id] = (run_id, until)
        return True

    def give_back(self, tenant_id: str, run_id: str, now: datetime) -> None:
        if self.held.get(tenant_id, ("", now))[0] == run_id:
            self.held[tenant_id] = (run_id, now)
