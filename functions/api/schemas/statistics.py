"""Bodies of track records, computed from closed trades and never typed in."""

from __future__ import annotations

from pydantic import Field

from candlecast.domain.strategies.statistics import Statistics
from candlecast.services.subscriptions.measure_subscription import Performance
from functions.api.schemas.values import Money, View


class StatisticsView(View):
    """The sums over closed trades."""

    trades: int = Field(description="Closed trades.")
    wins: int = Field(description="Trades with a profit after fees.")
    losses: int = Field(description="All other trades.")
    pnl: Money = Field(description="Quote units before fees.")
    fees: Money = Field(description="Quote units.")
    net_pnl: Money = Field(description="Quote units after fees.")
    win_rate_percent: Money | None = Field(description="Null before the first trade.")
    profit_factor: Money | None = Field(description="Gross profit over gross loss, after fees; null before the first loss.")

    @staticmethod
    def of(statistics: Statistics) -> StatisticsView:
        return StatisticsView.model_validate(statistics)


class PerformanceView(View):
    """A subscription's track record with its drawdown and slippage."""

    statistics: StatisticsView
    max_drawdown: Money | None = Field(description="Deepest fall of the running result, quote units after fees.")
    drawdown_trades: int = Field(description="Newest trades that it covers.")
    slippage_bps: Money | None = Field(
        description="Mean over filled market and limit orders; positive is worse than the signal's price."
    )
    slippage_orders: int = Field(description="Orders that it covers.")

    @staticmethod
    def of(performance: Performance) -> PerformanceView:
        return PerformanceView.model_validate(performance)
