"""How much of each limit that counts something is used, before any entry: for people who want to see what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property

from candlecast.domain.account.account import Account
from candlecast.domain.account.usage import EquityMarks, Results
from candlecast.domain.decide.risk.entry import Exposure, exposures_of, positions_of
from candlecast.domain.decide.risk.finding import percent
from candlecast.domain.limits.limits import EffectiveLimits, Scope
from candlecast.domain.subscriptions.subscription import Subscription
from candlecast.domain.values.money import ZERO


@dataclass(frozen=True)
class LimitUse:
    """One limit of the catalogue, in its unit. `used` is None where nothing was measured yet; `bound` and `origin` are None where
    nobody has limited it.
    """

    limit: str
    used: Decimal | None
    bound: Decimal | None
    origin: Scope | None


def uses_of(account: Account, subscription: Subscription, effective: EffectiveLimits, now: datetime) -> tuple[LimitUse, ...]:
    """Every limit that counts what a subscription or its account has done or holds, in the catalogue's order."""
    state, given = _State(account, subscription, now), dict(effective.limits.given())
    return tuple(
        LimitUse(name, measure(state), None if name not in given else Decimal(given[name]), effective.origins.get(name))
        for name, measure in MEASURES.items()
    )


class _State:
    """An account and one of its subscriptions at an instant."""

    def __init__(self, account: Account, subscription: Subscription, now: datetime) -> None:
        self.account, self.subscription, self.now = account, subscription, now
        self.usage = account.usage

    @cached_property
    def results(self) -> Results:
        return self.usage.results_of(self.subscription.subscription_id, self.now)

    @cached_property
    def exposures(self) -> tuple[Exposure, ...]:
        return exposures_of(self.account)

    @property
    def own(self) -> list[Exposure]:
        """The subscription's."""
        return [each for each in self.exposures if each.subscription_id == self.subscription.subscription_id]

    def of_capital(self, money: Decimal) -> Decimal:
        return percent(money, self.subscription.settings.capital)

    def fallen(self, mark: Callable[[EquityMarks], Decimal]) -> Decimal | None:
        """By how many per cent the equity is below one of its marks."""
        marks, balance = self.usage.equity_marks(self.now), self.account.balance
        if marks is None or balance is None or mark(marks) <= 0:
            return None
        return max(ZERO, percent(mark(marks) - balance.total, mark(marks)))


def _gross(exposures: tuple[Exposure, ...] | list[Exposure]) -> Decimal:
    return sum((each.notional for each in exposures), ZERO)


def _net(s: _State) -> Decimal:
    return abs(sum((each.notional * each.side.sign for each in s.exposures), ZERO))


def _account_leverage(s: _State) -> Decimal | None:
    balance = s.account.balance
    return _gross(s.exposures) / balance.total if balance is not None and balance.total > 0 else None


def _loss_today(s: _State) -> Decimal:
    return max(ZERO, -s.account.realised_today(s.subscription.subscription_id, s.now))


MEASURES: Mapping[str, Callable[[_State], Decimal | None]] = {
    "max_positions": lambda s: Decimal(positions_of(s.account, s.subscription.subscription_id)),
    "max_account_positions": lambda s: Decimal(positions_of(s.account)),
    "max_open_orders": lambda s: Decimal(len(s.account.intents)),
    "max_daily_loss_percent": lambda s: s.of_capital(_loss_today(s)),
    "max_daily_loss": _loss_today,
    "max_weekly_loss_percent": lambda s: s.of_capital(max(ZERO, -s.results.week_pnl)),
    "max_monthly_loss_percent": lambda s: s.of_capital(max(ZERO, -s.results.month_pnl)),
    "max_account_daily_loss_percent": lambda s: s.fallen(lambda marks: marks.day_start),
    "max_drawdown_percent": lambda s: s.fallen(lambda marks: marks.start),
    "max_trailing_drawdown_percent": lambda s: s.fallen(lambda marks: marks.high),
    "max_end_of_day_drawdown_percent": lambda s: s.fallen(lambda marks: marks.end_of_day_high),
    "max_consecutive_losses": lambda s: Decimal(s.results.losses),
    "max_orders_per_second": lambda s: Decimal(s.usage.orders_within(timedelta(seconds=1), s.now)),
    "max_orders_per_minute": lambda s: Decimal(s.usage.orders_within(timedelta(minutes=1), s.now)),
    "max_orders_per_day": lambda s: Decimal(s.usage.today(s.now).orders),
    "max_trades_per_day": lambda s: Decimal(s.results.entries),
    "max_daily_notional": lambda s: s.usage.today(s.now).notional,
    "max_cancels_per_minute": lambda s: Decimal(s.usage.cancels_within(timedelta(minutes=1), s.now)),
    "max_gross_exposure": lambda s: _gross(s.exposures),
    "max_net_exposure": _net,
    "max_leverage": lambda s: _gross(s.own) / s.subscription.settings.capital,
    "max_account_leverage": _account_leverage,
}
"""The used part of a limit, by its name; entries under way count in full, as they do when an entry is decided."""
