"""The front of the venue, before its book: a front can be out of order, and counts the requests of an address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from candlecast.adapters.ccxt.clients import REQUEST_TIMEOUT_MS
from candlecast.adapters.ccxt.errors import DEFAULT_RETRY_SECONDS, UNUSABLE
from candlecast.domain.values.errors import Ambiguous, RetryLater
from verification.simulation.chronicle import Chronicle
from verification.simulation.profile import Profile

# https://developers.binance.com/docs/derivatives/usds-margined-futures: "General Info", and each endpoint's "Request Weight"
WEIGHT_PER_MINUTE = 2_400
WEIGHTS = {
    "create_order": 0,
    "cancel_order": 1,
    "cancel_open_order": 1,
    "set_market_settings": 2,
    "set_position_mode": 1,
    "find_order": 6,  # the order, then its trades
    "find_order_by_venue_id": 1,
    "open_orders": 2,  # of one market, plain and conditional
    "trades_since": 5,
    "positions": 5,
    "positions_in": 5,
    "balance": 5,
    "trades_of": 5,
    "funding": 30,
    "fee_rates": 20,
    "leverage_caps": 1,
    "mark_of": 1,
    "key_rights": 0,  # asked at another host, which counts for itself
}
ALL_MARKETS = 78  # more if it is about all markets
TIMEOUT_SECONDS = REQUEST_TIMEOUT_MS / 1_000
ARRIVES = 0.5  # the share of requests that a venue which does not answer carries out all the same
SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 150.0  # of an outage, or of a ban: beyond the pauses of a message


class OutageKind(StrEnum):
    """How a venue can be out of order."""

    UNREACHABLE = "unreachable"  # no connection is made
    SILENT = "silent"  # requests arrive, answers do not
    OVERLOADED = "overloaded"  # Binance: -1008


@dataclass(slots=True)
class Front:
    """All requests pass here. `neighbours` is what others behind our address use of each minute."""

    chronicle: Chronicle
    random: Random
    profile: Profile
    neighbours: int = 0
    most_used: int = 0  # by us, in any one minute
    used_in_all: int = 0
    _outage: tuple[OutageKind, datetime] | None = None
    _banned_until: datetime | None = None
    _minute: datetime | None = None
    _used: int = 0

    def break_down(self) -> None:
        """Now and then the venue is out of order for a while, or bans our address."""
        now = self.chronicle.clock.now()
        until = now + timedelta(seconds=self.random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        if self.random.random() < self.profile.outage:
            self._outage = self.random.choice(list(OutageKind)), until
            self.chronicle.fault(f"venue_{self._outage[0]}", f"until {until.time()}")
        if self.random.random() < self.profile.ban:
            self._ban(until)
        self.neighbours = int(self.random.uniform(0, WEIGHT_PER_MINUTE * self.profile.neighbours))

    def recover(self) -> None:
        """Everything works again, and nobody else uses our address."""
        self._outage = self._banned_until = None
        self.neighbours = 0

    @property
    def used_weight(self) -> int:
        """The used weight of our address in this minute, as the venue reports it."""
        return self._used + self.neighbours

    def admit(self, method: str) -> None:
        """Let a request in, or say why not."""
        now, outage = self.chronicle.clock.now(), self._out_of_order()
        if outage is OutageKind.UNREACHABLE:
            raise RetryLater("VENUE_UNREACHABLE", "no connection", after_seconds=DEFAULT_RETRY_SECONDS)
        if outage is OutageKind.OVERLOADED:
            raise RetryLater("VENUE_OVERLOADED", "-1008", after_seconds=DEFAULT_RETRY_SECONDS)
        self.count(WEIGHTS[method])
        if self._banned_until is not None and now < self._banned_until:
            self.chronicle.fault("venue_429")
            left = (self._banned_until - now).total_seconds()
            raise RetryLater("RATE_LIMITED", "429", after_seconds=int(left) + 1)

    def change[T](self, action: Callable[[], T]) -> T:
        """Have something changed at the venue; nobody knows whether it was if the venue is silent or answers with nonsense."""
        if self.random.random() < self.profile.unusable_answer:
            self.chronicle.fault("answer_to_change_unusable")
            if self.random.random() < ARRIVES:
                action()
            raise Ambiguous(UNUSABLE, "an empty, cut or foreign body")
        if self._out_of_order() is not OutageKind.SILENT:
            return action()
        self.chronicle.fault("venue_silence")
        self.chronicle.clock.advance(TIMEOUT_SECONDS)
        if self.random.random() < ARRIVES:
            action()
        raise Ambiguous("OUTCOME_UNKNOWN", "no answer")

    def ask[T](self, question: Callable[[], T]) -> T:
        if self.random.random() < self.profile.unusable_answer:
            self.chronicle.fault("answer_to_question_unusable")
            raise RetryLater(UNUSABLE, "an empty, cut or foreign body", after_seconds=DEFAULT_RETRY_SECONDS)
        if self._out_of_order() is OutageKind.SILENT:
            self.chronicle.fault("venue_silence")
            self.chronicle.clock.advance(TIMEOUT_SECONDS)
            raise RetryLater("VENUE_UNAVAILABLE", "no answer", after_seconds=DEFAULT_RETRY_SECONDS)
        return question()

    def _out_of_order(self) -> OutageKind | None:
        if self._outage is None or self.chronicle.clock.now() >= self._outage[1]:
            return None
        return self._outage[0]

    def count(self, weight: int) -> None:
        """Have so much of the minute used; who uses more than there is gets banned until it ends."""
        minute = self.chronicle.clock.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        self._used += weight
        self.used_in_all += weight
        self.most_used = max(self.most_used, self._used)
        if self._used > WEIGHT_PER_MINUTE:
            self.chronicle.fail(f"10: our address has used {self._used} of {WEIGHT_PER_MINUTE} in a minute")
        if self.used_weight > WEIGHT_PER_MINUTE:
            self._ban(minute + timedelta(minutes=1))

    def _ban(self, until: datetime) -> None:
        if self._banned_until is None or until > self._banned_until:
            self._banned_until = until
            self.chronicle.fault("venue_ban", f"until {until.time()}")
