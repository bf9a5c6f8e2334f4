"""Limits on losses, of a subscription by realised results, of an account by its equity. A loss that reaches its bound denies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from operator import attrgetter

from candlecast.domain.account.usage import EquityMarks
from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.decide.risk.finding import Check, Finding, at_least, below, long_enough, percent, unknown
from candlecast.domain.values.money import percent_of

DEFAULT_PAUSE_HOURS = Decimal(24)  # of a pause or ban whose own length nobody has set


def _loss_of_capital(s: Situation, pnl: Decimal, bound_percent: Decimal) -> Finding:
    """In quote units, so that a user sees the money."""
    return below(-pnl, percent_of(s.entry.settings.capital, bound_percent))


def _max_daily_loss_percent(s: Situation, bound: Decimal) -> Finding:
    return _loss_of_capital(s, s.realised_today, bound)


def _max_daily_loss(s: Situation, bound: Decimal) -> Finding:
    return below(-s.realised_today, bound)


def _max_weekly_loss(s: Situation, bound: Decimal) -> Finding:
    return _loss_of_capital(s, s.results.week_pnl, bound)


def _max_monthly_loss(s: Situation, bound: Decimal) -> Finding:
    return _loss_of_capital(s, s.results.month_pnl, bound)


def _fallen(s: Situation, mark: Callable[[EquityMarks], Decimal], bound: Decimal) -> Finding:
    """By how many per cent the equity is below one of its marks."""
    marks, balance = s.account.usage.equity_marks(s.now), s.account.balance
    if marks is None or balance is None or mark(marks) <= 0:
        return unknown(bound)
    return below(percent(mark(marks) - balance.total, mark(marks)), bound)


def _max_account_daily_loss(s: Situation, bound: Decimal) -> Finding:
    return _fallen(s, attrgetter("day_start"), bound)


def _max_drawdown(s: Situation, bound: Decimal) -> Finding:
    return _fallen(s, attrgetter("start"), bound)


def _max_trailing_drawdown(s: Situation, bound: Decimal) -> Finding:
    return _fallen(s, attrgetter("high"), bound)


def _max_end_of_day_drawdown(s: Situation, bound: Decimal) -> Finding:
    return _fallen(s, attrgetter("end_of_day_high"), bound)


def _min_equity(s: Situation, bound: Decimal) -> Finding:
    balance = s.account.balance
    return unknown(bound) if balance is None else at_least(balance.total, bound)


def _daily_profit_lock(s: Situation, bound: Decimal) -> Finding:
    return below(s.realised_today, percent_of(s.entry.settings.capital, bound))


def _max_consecutive_losses(s: Situation, bound: int) -> Finding:
    """After freqtrade's StoplossGuard: so many losses in a row, then a pause; a loss after the pause begins another."""
    finding = below(s.results.losses, bound)
    pause = timedelta(hours=float(_or_default(s.limits.consecutive_loss_pause_hours)))
    over = s.results.lost_at is None or s.now >= s.results.lost_at + pause
    return finding._replace(passed=finding.passed or over)


def _min_market_profit(s: Situation, bound: Decimal) -> Finding:
    """After freqtrade's LowProfitPairs: too little profit within a day, then a ban from the last close on."""
    use = s.account.usage.market(s.entry.key)
    if use.closed_at is None:
        return Finding(True, None, bound)
    finding = at_least(percent(use.profit, s.entry.settings.capital), bound)
    over = s.now >= use.closed_at + timedelta(hours=float(_or_default(s.limits.low_profit_ban_hours)))
    return finding._replace(passed=finding.passed or over)


def _or_default(hours: Decimal | None) -> Decimal:
    return DEFAULT_PAUSE_HOURS if hours is None else hours


def _cooldown_after_trade(s: Situation, bound: int) -> Finding:
    return long_enough(s.account.usage.market(s.entry.key).closed_at, bound, s.now)


def _cooldown_after_loss(s: Situation, bound: int) -> Finding:
    return long_enough(s.account.usage.market(s.entry.key).lost_at, bound, s.now)


CHECKS: Mapping[str, Check] = {
    "max_daily_loss_percent": _max_daily_loss_percent,
    "max_daily_loss": _max_daily_loss,
    "max_weekly_loss_percent": _max_weekly_loss,
    "max_monthly_loss_percent": _max_monthly_loss,
    "max_account_daily_loss_percent": _max_account_daily_loss,
    "max_drawdown_percent": _max_drawdown,
    "max_trailing_drawdown_percent": _max_trailing_drawdown,
    "max_end_of_day_drawdown_percent": _max_end_of_day_drawdown,
    "min_equity": _min_equity,
    "daily_profit_lock_percent": _daily_profit_lock,
    "max_consecutive_losses": _max_consecutive_losses,
    "min_market_profit_percent": _min_market_profit,
    "cooldown_after_trade_seconds": _cooldown_after_trade,
    "cooldown_after_loss_seconds": _cooldown_after_loss,
}
