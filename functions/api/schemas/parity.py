"""Bodies of parity: runs of a strategy compared with a backtest."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import ConfigDict, Field

from candlecast.domain.parity.parity import ParityCause, ParityDay
from candlecast.services.parity.show_parity import ShownParity
from functions.api.schemas.parity_share import ParityShareView
from functions.api.schemas.values import Body, CandleView, Day, View


class AskedParity(Body):
    """The days to compare."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"since": "2026-11-20"}]})

    since: Day = Field(description="First day (UTC); the last one is today. At most 31 days.")


class ParityTaskView(View):
    """The days that will be compared, as soon as there is room.

    None of those that were compared in the last ten minutes. For authors, none that was compared as a whole in the last day.
    """

    strategy_id: str
    days: list[date] = Field(description="Days (UTC) that will be compared.")


class DifferenceView(View):
    """A run that differs from the backtest."""

    candle_close: datetime = Field(description="Close of the candle that was decided.")
    cause: ParityCause = Field(description="Why it differs: see the guide of the API.")
    version: int | None = Field(description="Number of the version that ran; null without versions.")
    recorded: str | None = Field(description="The decision of live; null if there was no run.")
    recomputed: str | None = Field(description="The decision of the backtest; null if it was not made.")
    decides_otherwise: bool = Field(description="Whether the decisions differ. A revised candle often changes none.")
    row: datetime | None = Field(description="Opening of the first candle that differs, where it is known.")
    before: CandleView | None = Field(description="That candle as live saw it; null if missing or unknown.")
    after: CandleView | None = Field(description="That candle as it is told now; null if missing.")


class ParityDayView(View):
    """The candles that closed on one day."""

    day: date = Field(description="Day (UTC) on which the candles closed.")
    is_whole: bool = Field(description="Whether the day had ended when it was compared.")
    until: datetime = Field(description="Closes before this were compared.")
    checked_at: datetime = Field(description="When the runs were compared.")
    checked: int = Field(description="Runs that were compared, and candles without a run.")
    equal: int = Field(description="Runs with the same decision on the same candles.")
    otherwise: int = Field(description="Runs whose decision is another one, or is missing.")
    causes: dict[ParityCause, int] = Field(
        description="How many runs differ, by cause. `checked` has none of `CODE`, nor of `UNEXAMINED` without a backtest."
    )
    missing: int = Field(description="Candles that the venue lacks between others.")
    refusal: str | None = Field(
        description="Code with which the strategy refused to decide the day at once. Only its first runs' differences count then."
    )
    differences: list[DifferenceView] | None = Field(
        description="The first twenty. Null for readers who see no decisions: others than followers, authors and operators."
    )

    @staticmethod
    def of(day: ParityDay, *, sees_differences: bool) -> ParityDayView:
        return ParityDayView(
            day=day.day,
            is_whole=day.is_whole,
            until=day.until,
            checked_at=day.checked_at,
            checked=day.checked,
            equal=day.equal,
            otherwise=day.otherwise,
            causes=dict(day.causes),
            missing=day.missing,
            refusal=day.refusal,
            differences=[DifferenceView.model_validate(each) for each in day.differences] if sees_differences else None,
        )


class ParityView(View):
    """Live compared with a backtest over the same candles."""

    share: ParityShareView = Field(description="All days of this answer together.")
    days: list[ParityDayView] = Field(description="Days that were compared, newest first.")

    @staticmethod
    def of(shown: ShownParity) -> ParityView:
        days = [ParityDayView.of(day, sees_differences=shown.sees_differences) for day in shown.days]
        return ParityView(share=ParityShareView.model_validate(shown.share), days=days)
