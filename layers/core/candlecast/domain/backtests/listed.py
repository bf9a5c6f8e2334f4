"""The backtest that the platform makes of each listed strategy, on the same terms for all."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from candlecast.domain.backtests.backtest import DEFAULT_CASH, Backtest, BacktestPlan, BacktestSummary
from candlecast.domain.backtests.market_fill import PLATFORM_SLIPPAGE
from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.strategies.listing import BacktestFigures
from candlecast.domain.strategies.record import public_until
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.errors import Reject
from candlecast.domain.values.money import HUNDRED

PLATFORM = "platform"  # in the place of tenant and id; nothing of it is stored among backtests
LONGEST = timedelta(days=365)
MOST_ROWS = 30_000  # three weeks of minutes: decided and traded within a minute or two
PLACES = Decimal("0.01")
NO_LOSS_LIMIT = HUNDRED  # the limit of a day would hide losses that followers with other limits have


def listed_backtest(definition: StrategyDefinition, version: int | None, now: datetime) -> Backtest:
    """The backtest of a listed strategy's version, up to the end of its public record; each entry is worth the cash.

    Raises `Reject` (NO_CODE) for signals from outside.
    """
    market, timeframe = definition.market, definition.timeframe
    if market is None or timeframe is None:
        raise Reject("NO_CODE", "signals of an outside source cannot be computed again")
    until = timeframe.floor(public_until(definition, now))
    plan = BacktestPlan(
        strategy_id=definition.strategy_id,
        venue=definition.venue,
        market=market,
        timeframe=timeframe,
        start=timeframe.floor(until - min(LONGEST, timeframe.length * MOST_ROWS)),
        until=until,
        settings=Settings(
            capital=DEFAULT_CASH,
            sizing=Sizing(SizingMode.FIXED_NOTIONAL, DEFAULT_CASH),
            max_daily_loss_percent=NO_LOSS_LIMIT,
        ),
        cash=DEFAULT_CASH,
        version=version,
        slippage_bps=PLATFORM_SLIPPAGE.bps,
    )
    return Backtest(
        tenant_id=PLATFORM, backtest_id=PLATFORM, plan=plan, shows_code=False, asked_at=now, correlation_id=definition.strategy_id
    )


def figures_of(
    plan: BacktestPlan, summary: BacktestSummary, made_at: datetime | None, return_since_made: Decimal | None
) -> BacktestFigures:
    """The figures of a result, as a card shows them."""
    return BacktestFigures(
        version=plan.version,
        start=plan.start,
        until=plan.until,
        trades=summary.trades,
        return_percent=_percent(summary.total_return),
        max_drawdown_percent=_percent(summary.max_drawdown),
        buy_and_hold_percent=_percent(summary.buy_and_hold_return),
        win_rate_percent=None if summary.win_rate is None else _percent(summary.win_rate),
        sharpe_ratio=None if summary.sharpe_ratio is None else summary.sharpe_ratio.quantize(PLACES, ROUND_HALF_EVEN),
        is_ruined=summary.is_ruined,
        made_at=made_at,
        return_since_made_percent=None if return_since_made is None else _percent(return_since_made),
    )


def refused(plan: BacktestPlan, code: str) -> BacktestFigures:
    """No figures, and why."""
    return BacktestFigures(version=plan.version, start=plan.start, until=plan.until, refusal=code)


def _percent(share: Decimal) -> Decimal:
    return (HUNDRED * share).quantize(PLACES, ROUND_HALF_EVEN)
