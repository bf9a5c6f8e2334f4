"""Keep a failure of a look to its market: the account's other markets are looked at, protected and closed all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from candlecast.domain.reconcile.adopt import count_mend, forget_mends, may_mend
from candlecast.domain.values.errors import Conflict, DomainError, Fatal, RetryLater
from candlecast.domain.venue.refusals import OF_THE_WHOLE_VENUE
from candlecast.services.orders.changes import Changes

MAX_SILENCES = 3  # questions of a look that may stay without an answer: each takes seconds, and a look has half a minute
NOT_LOOKED_AT = "MARKET_NOT_LOOKED_AT"  # the alert, after three looks in a row that failed for the market
NOT_ASKED = "NOT_ASKED"  # why a step failed that was not taken, because too many questions before it had no answer


@dataclass(slots=True)
class Failures:
    """The failures of one look.

    A refusal and an answer that cannot be read concern the market that the question was about. A venue that answers nothing at
    all is no failure of a market: then the look itself fails, and no market is reported.
    """

    codes: dict[str | None, str] = field(default_factory=dict)
    """Market to the code of its newest failure in this look; None is a question about all markets."""
    answered: bool = False
    """Whether the venue has answered any question of this look."""
    _asked: set[str | None] = field(default_factory=set)
    _silences: list[RetryLater] = field(default_factory=list)

    def attempt(self, market: str | None, step: Callable[[], None]) -> bool:
        """Take one step of the look, which is about `market` (None: about all of them); whether it came to its end.

        Raises `Fatal`, `Conflict`, and a `RetryLater` that concerns the whole venue (`OF_THE_WHOLE_VENUE`).
        """
        self._asked.add(market)
        if len(self._silences) >= MAX_SILENCES:
            self.codes.setdefault(market, NOT_ASKED)
            return False
        try:
            step()
        except (Fatal, Conflict):
            raise
        except RetryLater as error:
            if error.code in OF_THE_WHOLE_VENUE:
                raise
            self._silences.append(error)
            self.codes[market] = error.code
            return False
        except DomainError as error:
            self.answered = True
            self.codes[market] = error.code
            return False
        self.answered = True
        return True

    def tell(self, changes: Changes, now: datetime) -> None:
        """Count the markets that failed; the third failure in a row tells a person, once. Those that did not fail are forgotten.

        Raises the last `RetryLater` if the venue has answered nothing at all.
        """
        if self._silences and not self.answered:
            raise self._silences[-1]
        for market in sorted(self.codes, key=str):
            what, failure = looking_at(market), self.codes[market]
            if may_mend(changes.account, what, now):
                changes.make(partial(count_mend, what=what, code=NOT_LOOKED_AT, now=now, market=market, failure=failure))
        done = {looking_at(market) for market in self._asked - self.codes.keys()}
        if done & changes.account.mends.keys():
            changes.make(partial(forget_mends, done=done))


def looking_at(market: str | None) -> str:
    """The trouble that looking at a market is."""
    return f"look|{market or ''}"
