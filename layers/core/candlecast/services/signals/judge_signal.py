"""Judge a signal by its venue's quote, once for all shards of its followers and all repeats of their messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from candlecast.domain.market.quote import Quote
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.signals.verdict import Verdict, judge
from candlecast.domain.values.errors import DomainError, Reject, RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.verdicts import VerdictStore

QuoteOf = Callable[[str, str, datetime], Quote]  # (venue, market, now), as `ports.venue.MarketData.quote`

# A shard's message is received five times, with pauses that double. A quote is asked for again while a receive is still to come.
# At the last receive the signal is refused, so that no message is dead-lettered for want of a quote.
QUOTE_PATIENCE = timedelta(seconds=45)
QUOTE_RETRY_SECONDS = 4.0
CLAIM = timedelta(seconds=3)  # longer than two quick requests, shorter than the pause of a worker who asks again
CLAIM_RETRY_SECONDS = 1.0  # a verdict that somebody else makes is there by then
CLAIMS_COUNT = timedelta(seconds=2)  # while a signal is so young; later, shards wait as for a quote
WHOLE_RING = ("0000", "g")


@dataclass(frozen=True, slots=True)
class JudgeSignal:
    """Reads the verdict, or makes it: one read and one write of the store, and one quote, for all followers together."""

    verdicts: VerdictStore
    quote: QuoteOf
    clock: Clock
    metrics: Metrics

    def __call__(self, message: SignalShard) -> Verdict:
        """The verdict in force on an entry.

        Raises `RetryLater` while the venue gives no quote and the signal is young (QUOTE_MISSING), and while another shard's
        worker makes the verdict (BEING_JUDGED). An entry that nobody could quote for too long is quarantined.
        """
        signal = message.signal
        known = self.verdicts.find_verdict(signal.signal_id)
        if known is not None:
            return known
        now = self.clock.now()
        age = now - (message.published_at or signal.issued_at)  # the sender's own time may lie far back
        if age <= QUOTE_PATIENCE and not self._is_mine(message, now):
            pause = CLAIM_RETRY_SECONDS if age <= CLAIMS_COUNT else QUOTE_RETRY_SECONDS
            raise RetryLater("BEING_JUDGED", "another shard's worker makes the verdict", after_seconds=pause)
        verdict = self.verdicts.put_verdict(self._judged(message, age))
        self.metrics.count("SignalsQuarantined" if verdict.is_quarantined else "SignalsPassed")
        return verdict

    def _is_mine(self, message: SignalShard, now: datetime) -> bool:
        """Whether no other shard can be judging now. A signal with one shard needs no claim."""
        alone = (message.start, message.end) == WHOLE_RING
        return alone or self.verdicts.claim(message.signal.signal_id, now, now + CLAIM)

    def _judged(self, message: SignalShard, age: timedelta) -> Verdict:
        signal, venue = message.signal, message.venue
        try:
            quote = self.quote(venue, signal.market, self.clock.now())
        except Reject:  # the venue answers, and has no such market
            return judge(signal, venue, None, self.clock.now(), Reason.UNKNOWN_MARKET)
        except DomainError as error:
            self.metrics.count("QuotesMissing")
            if age > QUOTE_PATIENCE:
                return judge(signal, venue, None, self.clock.now())
            raise RetryLater(
                "QUOTE_MISSING", "no entry without a quote of its market", after_seconds=QUOTE_RETRY_SECONDS
            ) from error
        return judge(signal, venue, quote, self.clock.now())
