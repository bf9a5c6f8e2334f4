"""Bodies of track records, computed from closed trades and never typed in."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from candlecast.domain.strategies.record import StrategyRecord
from candlecast.domain.strategies.statistics import Statistics
from candlecast.services.subscriptions.measure_subscription import Performance
from functions.api.schemas.values import Money, View


class StatisticsView(View):
    """The sums over closed trades."""

    trades: int = Field(description="Closed trades.")
    wins: int = Field(description="Trades with a profit after fees and funding.")
    losses: int = Field(description="All other trades.")
    pnl: Money = Field(description="Quote units before fees and funding.")
    fees: Money = Field(description="Quote units.")
    funding: Money = Field(description="Quote units received less quote units paid.")
    net_pnl: Money = Field(description="Quote units after fees and funding.")
    win_rate_percent: Money | None = Field(description="Null before the first trade.")
    profit_factor: Money | None = Field(description="Gross profit over gross loss, after fees; null before the first loss.")

    @staticmethod
    def of(statistics: Statistics) -> StatisticsView:
        return StatisticsView.model_validate(statistics)


class StrategyRecordView(View):
    """The record of a strategy on its venue, over all followers: returns on capital, and no money of anybody.

    Each tenant counts with the mean of their trades; thirty trades give a tenant the full weight.
    """

    venue: str = Field(description="Venue of the strategy; trades on other venues never count.")
    is_paper: bool = Field(description="Whether the venue trades with play money.")
    tenants: int = Field(description="Tenants whose trades are counted.")
    trades: int = Field(description="Closed trades.")
    mean_return_percent: Money | None = Field(
        description="Mean return of a trade on the subscription's capital, after fees; null before the first trade."
    )
    win_rate_percent: Money | None = Field(description="Null before the first trade.")
    profit_factor: Money | None = Field(description="Gains over losses; null before the first loss.")
    closed_before: datetime | None = Field(description="Trades that closed later are left out; null: none is left out.")
    earlier_trades: int = Field(description="Trades from before records were kept by venue; they count in nothing else.")

    @staticmethod
    def of(record: StrategyRecord) -> StrategyRecordView:
        return StrategyRecordView(
            venue=record.venue,
            is_paper=record.is_paper,
            tenants=record.sums.tenants,
            trades=record.sums.trades,
            mean_return_percent=record.mean_return_percent,
            win_rate_percent=record.win_rate_percent,
            profit_factor=record.profit_factor,
            closed_before=record.closed_before,
            earlier_trades=record.earlier.trades,
        )


class PerformanceView(View):
    """A subscription's track record with its drawdown and slippage."""

    statistics: StatisticsView = Field(description="Sums over all closed trades.")
    max_drawdown: Money | None = Field(description="Deepest fall of the running result, quote units after fees.")
    drawdown_trades: int = Field(description="Newest trades that it covers.")
    slippage_bps: Money | None = Field(
        description="Mean over filled market and limit orders; positive is worse than the signal's price."
    )
    slippage_orders: int = Field(description="Orders that it covers.")

    @staticmethod
    def of(performance: Performance) -> PerformanceView:
        return PerformanceView.model_validate(performance)
