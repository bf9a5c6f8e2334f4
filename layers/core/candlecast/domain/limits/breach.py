"""A limit that stopped an entry, as it is reported to its user and to operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candlecast.domain.values.reasons import Denial, Reason


@dataclass(frozen=True, kw_only=True)
class Breach:
    """Which limit stopped which entry; `breach_id` is the event's, so a repeat is the same breach."""

    breach_id: str
    tenant_id: str
    account_id: str
    subscription_id: str
    signal_id: str
    market: str
    denial: Denial
    occurred_at: datetime

    @property
    def reason(self) -> Reason:
        """The code of the limit."""
        return self.denial.reason
