"""Findings of looks at the venue, as the account remembers them: foreign orders and positions, and differences.

One look proves little, since a fill may come between two requests of the same look. And a person is told once, not every minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from candlecast.domain.orders.retries import ATTEMPTS_BEFORE_ALERT
from candlecast.domain.values.copying import replace
from candlecast.domain.values.money import require_decimal, require_utc
from candlecast.domain.values.terms import Side

# So many are shown. A grid bot on the same keys has more than anybody reads, and every write pays for them.
MAX_EXTERNAL_ORDERS = 8
MAX_DRIFTS = 10  # markets; later looks find the others again when there is room
MAX_MENDS = 20
QUICK_LOOKS = 3  # so often a difference that keeps changing is looked at again at once, then at the account's usual pace
SLOW_PACE = timedelta(minutes=5)  # of a repair that failed three times
MEND_MEMORY = timedelta(hours=1)  # trouble that comes back later than this counts as new


@dataclass(frozen=True, kw_only=True)
class ExternalOrder:
    """An open order at the venue that none of our intents explains; it is shown, and never touched unless its id is ours."""

    client_order_id: str
    venue_order_id: str
    market: str
    side: Side
    quantity: Decimal
    seen_at: datetime

    def __post_init__(self) -> None:
        require_utc("seen_at", self.seen_at)
        require_decimal("quantity", self.quantity, non_negative=True)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The venue holds `difference` (signed, base units) more in a market than we do; `reported` once a person was told.

    `changes` counts how often in a row it was another one: somebody trades there by hand, and looking again at once is no use.
    `agreed_at` is the last comparison before a difference was first seen; None if there was none. `counts` is False for one
    that was seen while an order of ours was under way there: the difference may be its fill.
    """

    difference: Decimal
    seen_at: datetime
    changes: int = 0
    reported: bool = False
    agreed_at: datetime | None = None
    counts: bool = True

    def __post_init__(self) -> None:
        require_utc("seen_at", self.seen_at)
        if self.agreed_at is not None:
            require_utc("agreed_at", self.agreed_at)
        require_decimal("difference", self.difference)


@dataclass(frozen=True, kw_only=True)
class Mend:
    """How often in a row the same thing was put right, and when last."""

    attempts: int
    last_at: datetime

    def again(self, now: datetime) -> Self:
        """After one more attempt; trouble that stayed away for long begins to count anew."""
        attempts = self.attempts if now - self.last_at <= MEND_MEMORY else 0
        return replace(self, attempts=attempts + 1, last_at=now)

    def may_go_on(self, now: datetime) -> bool:
        """Whether a retry may run now: freely at first, at the slow pace after three attempts in vain."""
        return self.attempts < ATTEMPTS_BEFORE_ALERT or now - self.last_at >= SLOW_PACE
