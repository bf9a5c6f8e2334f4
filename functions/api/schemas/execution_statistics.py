"""Bodies of the statistics of a strategy's runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import zip_longest

from pydantic import Field

from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.execution_statistics import Bounds, ExecutionSums, Spread
from candlecast.services.strategies.show_execution_statistics import RecentExecutions
from functions.api.schemas.values import View


class BoundsView(View):
    """Milliseconds between which a value lies."""

    above: int = Field(description="The value is greater, or 0.")
    up_to: int | None = Field(description="The value is at most this; null where nothing bounds it.")

    @staticmethod
    def of(bounds: Bounds | None) -> BoundsView | None:
        return None if bounds is None else BoundsView.model_validate(bounds)


class BucketView(View):
    """One bucket of a histogram."""

    up_to: int | None = Field(description="Upper bound in milliseconds, included; null in the last bucket.")
    count: int = Field(description="Runs above the bound before, up to this bound.")


class SpreadView(View):
    """How many runs took how long. Only sums are kept, so a quantile is told as the bounds that it lies between."""

    count: int = Field(description="Runs that are counted.")
    mean_ms: int | None = Field(description="Mean in milliseconds; null without runs.")
    median: BoundsView | None = Field(description="Half of the runs took no longer.")
    p95: BoundsView | None = Field(description="95 of 100 runs took no longer.")
    p99: BoundsView | None = Field(description="99 of 100 runs took no longer.")
    maximum: BoundsView | None = Field(description="No run took longer.")
    histogram: list[BucketView] = Field(description="Runs by bucket, shortest first.")

    @staticmethod
    def of(spread: Spread) -> SpreadView:
        return SpreadView(
            count=spread.count,
            mean_ms=spread.mean,
            median=BoundsView.of(spread.quantile(50)),
            p95=BoundsView.of(spread.quantile(95)),
            p99=BoundsView.of(spread.quantile(99)),
            maximum=BoundsView.of(spread.quantile(100)),
            histogram=[BucketView(up_to=bound, count=count) for bound, count in zip_longest(spread.bounds, spread.buckets)],
        )


class ExecutionSumsView(View):
    """Runs that have ended."""

    runs: int = Field(description="Runs that have ended.")
    states: Mapping[ExecutionStatus, int] = Field(description="Runs by final state; a state without runs is left out.")
    duration: SpreadView = Field(description="Milliseconds from the beginning of a run to its end.")
    drift: SpreadView = Field(description="Milliseconds from the candle's close to the beginning of the run.")

    @staticmethod
    def of(sums: ExecutionSums) -> ExecutionSumsView:
        return ExecutionSumsView(
            runs=sums.runs, states=sums.states, duration=SpreadView.of(sums.duration), drift=SpreadView.of(sums.drift)
        )


class DayView(View):
    """Runs that have ended on one day."""

    day: date = Field(description="Day (UTC) on which the runs ended.")
    sums: ExecutionSumsView = Field(description="Sums over the runs of the day.")


class ExecutionStatisticsView(View):
    """A strategy's runs by day, together, and since the beginning."""

    since: date = Field(description="First day (UTC) that is shown: the one asked for, and none from before 90 days ago.")
    days: list[DayView] = Field(description="Days with runs, oldest first.")
    window: ExecutionSumsView = Field(description="The sum of these days.")
    total: ExecutionSumsView = Field(description="All runs since statistics are kept.")

    @staticmethod
    def of(recent: RecentExecutions) -> ExecutionStatisticsView:
        statistics = recent.statistics
        days = [DayView(day=day, sums=ExecutionSumsView.of(sums)) for day, sums in sorted(statistics.days.items())]
        window, total = ExecutionSumsView.of(statistics.window), ExecutionSumsView.of(statistics.total)
        return ExecutionStatisticsView(since=recent.since, days=days, window=window, total=total)
