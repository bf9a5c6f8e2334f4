"""Announce the candles that are about to close, by messages that are delayed to land on the close.

Each followed market has one message for its built-in strategies, and each followed uploaded strategy one of its own.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

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
        markets = [_candle(timeframe, close, venue, market) for venue, market in self.store.followed_markets(timeframe)]
        self.queue.send_candles(markets, delay)  # first: no number of uploads delays them
        uploads = [_candle(timeframe, close, *upload) for upload in self.store.followed_uploads(timeframe)]
        self.uploads.send_candles(uploads, delay)
        with suppress(RetryLater):  # all candles are announced: a repeat would announce them again, and the watch tells a person
            self.firings.note_firing(timeframe, scheduled_at)
        self.metrics.seconds("ScheduleDriftSeconds", (now - scheduled_at).total_seconds())
        return len(markets) + len(uploads)


def _candle(timeframe: Timeframe, close: datetime, venue: str, market: str, strategy_id: str | None = None) -> CandleClosed:
    own = () if strategy_id is None else (strategy_id,)
    return CandleClosed(
        venue=venue,
        market=market,
        timeframe=timeframe,
        candle_close=close,
        correlation_id=digest("candle", venue, market, timeframe.interval_key(close), *own),
        strategy_id=strategy_id,
    )
