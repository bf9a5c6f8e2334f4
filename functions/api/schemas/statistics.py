"""Bodies of track records, computed from closed trades and never typed in."""

from __future__ import annotations

from candlecast.domain.strategies.statistics import Statistics
from candlecast.services.subscriptions.measure_subscription import Performance
from functions.api.schemas.values import Money, View


class StatisticsView(View):
    """What closed trades add up to; money in quote units, `pnl` before and `net_pnl` after fees; None where undefined yet."""

    trades: int
    wins: int
    losses: int
    pnl: Money
    fees: Money
    net_pnl: Money
    win_rate_percent: Money | None
    profit_factor: Money | None

    @staticmethod
    def of(statistics: Statistics) -> StatisticsView:
        return StatisticsView.model_validate(statistics)


class PerformanceView(View):
    """A subscription's track record with its drawdown and slippage.

    `max_drawdown` (quote units, after fees) is over the newest `drawdown_trades` trades; `slippage_bps` is the mean over the
    newest `slippage_orders` filled market orders, positive is worse than the signal's price.
    """

    statistics: StatisticsView
    max_drawdown: Money | None
    drawdown_trades: int
    slippage_bps: Money | None
    slippage_orders: int

    @staticmethod
    def of(performance: Performance) -> PerformanceView:
        return PerformanceView.model_validate(performance)
