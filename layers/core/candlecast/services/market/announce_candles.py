"""Announce the candles that are about to close, by messages that are delayed to land on the close.

Each followed market has one message for its built-in strategies, and each followed uploaded strategy one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from candlecast.domain.market.firings import MAX_MISSED
from candlecast.domain.signals.messages import CandleClosed
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import require_recent
from candlecast.domain.values.ids import digest
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.firings import FiringStore
from candlecast.ports.queue import CandleQueue
from candlecast.ports.store import StrategyStore

# Scheduler and Lambda retry for five minutes each, so an older event was redriven. Up to then the runner records each strategy's
# candle as skipped (MaxCandleLatenessSeconds), which its owner sees.
MAX_FIRING_AGE = timedelta(minutes=15)
MAX_DELAY_SECONDS = 900  # the most that SQS allows for one message; a firing is one minute early, so this is never near

# A missed candle may have a firing still to come. Its messages wait as long as a firing may be late.
MISSED_DELAY_SECONDS = MAX_DELAY_SECONDS
MAX_MISSED_MESSAGES = 5_000  # of one firing: some seconds of sending in the half minute that the function has


@dataclass(frozen=True, slots=True)
class AnnounceCandles:
    """Turns one firing of a schedule into candle messages. A late or repeated firing names the same candles."""

    store: StrategyStore
    queue: CandleQueue
    uploads: CandleQueue
    firings: FiringStore
    clock: Clock
    metrics: Metrics

    def __call__(self, timeframe: Timeframe, scheduled_at: datetime) -> int:
        """Send a message for each followed market and each followed upload; returns how many.

        `scheduled_at` is the schedule's own time. A retry sends all of them again, which their records make harmless.
        Raises `FiringRefused` for a firing that is too old or still to come.
        """
        close = timeframe.candle_close_for_schedule(scheduled_at)
        now = self.clock.now()
        require_recent(scheduled_at, now, MAX_FIRING_AGE)
        delay = min(MAX_DELAY_SECONDS, max(0, ceil((close - now).total_seconds())))
        markets = list(self.store.followed_markets(timeframe))
        self.queue.send_candles(
            [_candle(timeframe, close, *it) for it in markets], delay
        )  # first: no number of uploads delays them
        uploads = list(self.store.followed_uploads(timeframe))
        self.uploads.send_candles([_candle(timeframe, close, *it) for it in uploads], delay)
        with suppress(RetryLater):  # all candles are announced: a repeat would announce them again, and the watch tells a person
            self._tell_missed(timeframe, close, markets, uploads)
            self.firings.note_firing(timeframe, scheduled_at)
        self.metrics.seconds("ScheduleDriftSeconds", (now - scheduled_at).total_seconds())
        return len(markets) + len(uploads)

    def _tell_missed(
        self,
        timeframe: Timeframe,
        close: datetime,
        markets: Sequence[tuple[str, str]],
        uploads: Sequence[tuple[str, str, str]],
    ) -> None:
        """Send the messages of candles that closed since the newest firing, so that each strategy has a record of each."""
        if not (markets or uploads):
            return
        most = min(MAX_MISSED, MAX_MISSED_MESSAGES // (len(markets) + len(uploads)))
        missed = self.firings.load_firings().missed(timeframe, close, most)
        for each in missed:
            self.queue.send_candles([_candle(timeframe, each, *it, missed=True) for it in markets], MISSED_DELAY_SECONDS)
            self.uploads.send_candles([_candle(timeframe, each, *it, missed=True) for it in uploads], MISSED_DELAY_SECONDS)


def _candle(
    timeframe: Timeframe, close: datetime, venue: str, market: str, strategy_id: str | None = None, *, missed: bool = False
) -> CandleClosed:
    own = () if strategy_id is None else (strategy_id,)
    return CandleClosed(
        venue=venue,
        market=market,
        timeframe=timeframe,
        candle_close=close,
        correlation_id=digest("candle", venue, market, timeframe.interval_key(close), *own),
        strategy_id=strategy_id,
        missed=missed,
    )
