"""A request that carries a key, with its answer once it is done. A repeat gets the answer and does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.values.errors import Conflict
from candlecast.domain.values.money import require_utc

KEPT_FOR = timedelta(days=1)  # programs repeat within minutes; a person's second click comes within hours
UNDER_WAY_FOR = timedelta(seconds=40)  # the function of the API ends after 29 s: a request that is older has died
MAX_ANSWER_CHARACTERS = 100_000  # an item of the table has 400 kB, and the longest answer to an act some ten
RETRY_SECONDS = 2.0  # most acts take less


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """The answer to an act that was done. `text` is None where it shows a secret, or is too long: then it is not kept."""

    status: int
    text: str | None


@dataclass(frozen=True, kw_only=True)
class KeptRequest:
    """One use of a key."""

    asked_for: str
    """Digest of the request and of the caller's roles."""
    attempt: str
    """Id of the run that does it."""
    begun_at: datetime
    answer: KeptAnswer | None = None
    """None while it is under way, and for ever if its run has died."""

    def __post_init__(self) -> None:
        require_utc("begun_at", self.begun_at)

    def is_dead(self, now: datetime) -> bool:
        """Whether its run has ended without a word."""
        return self.answer is None and now >= self.begun_at + UNDER_WAY_FOR


class RequestInProgress(Conflict):
    """The first request with the key is under way; a repeat after `after_seconds` gets its answer."""

    def __init__(self) -> None:
        super().__init__("REQUEST_IN_PROGRESS", "the first request with this key is under way")
        self.after_seconds = RETRY_SECONDS
