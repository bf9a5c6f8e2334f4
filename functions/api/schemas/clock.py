"""Bodies of the candle clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market.show_clock import ShownTimeframe
from functions.api.schemas.values import View


class TimeframeView(View):
    """A timeframe's schedule; it fires a minute before the close of the candle that it announces."""

    timeframe: Timeframe
    last_firing: datetime | None = Field(description="Scheduled time of the newest firing that was announced; null before any.")
    next_firing: datetime = Field(description="Scheduled time of the next firing.")
    next_close: datetime = Field(description="Close of the candle that the next firing announces.")
    is_overdue: bool = Field(description="Whether a firing that was due has not come.")


class ClockView(View):
    """All timeframes, shortest first."""

    timeframes: list[TimeframeView] = Field(description="Schedule of each timeframe, shortest first.")

    @staticmethod
    def of(timeframes: Sequence[ShownTimeframe]) -> ClockView:
        return ClockView(timeframes=[TimeframeView.model_validate(shown) for shown in timeframes])


class ClockEntryView(View):
    """A followed strategy that runs on each candle of the timeframe."""

    venue: str
    market: str
    strategy_id: str
