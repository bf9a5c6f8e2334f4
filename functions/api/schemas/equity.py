"""Bodies of results by day, computed from closed trades."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query
from pydantic import Field

from candlecast.services.strategies.show_strategy_equity import StrategyEquity
from candlecast.services.subscriptions.show_equity import Equity
from functions.api.schemas.values import Day, Money, View

FirstDay = Annotated[Day | None, Query(alias="from", description="First day (UTC); without it, thirty days up to the last.")]
LastDay = Annotated[Day | None, Query(alias="to", description="Last day (UTC), included; without it, today.")]

SINCE_DAY = "First day (UTC) of this answer."
UNTIL_DAY = "Last day of this answer, included. An answer has at most 366 days."
NEXT_DAYS = "`from` of the answer that follows; null on the last one."


class EquityDayView(View):
    """The trades that closed on one day."""

    day: date = Field(description="Day (UTC) on which the trades closed.")
    trades: int = Field(description="Trades that closed.")
    wins: int = Field(description="Trades with a profit after fees and funding.")
    losses: int = Field(description="All other trades.")
    pnl: Money = Field(description="Quote units before fees and funding.")
    fees: Money = Field(description="Quote units.")
    funding: Money = Field(description="Quote units received less quote units paid.")
    net_pnl: Money = Field(description="Quote units after fees and funding.")
    cumulative_net_pnl: Money = Field(description="The same, of all days of this answer up to this one.")


class EquityTotalView(View):
    """The trades that closed on all days of an answer."""

    trades: int = Field(description="Trades that closed.")
    wins: int = Field(description="Trades with a profit after fees and funding.")
    losses: int = Field(description="All other trades.")
    pnl: Money = Field(description="Quote units before fees and funding.")
    fees: Money = Field(description="Quote units.")
    funding: Money = Field(description="Quote units received less quote units paid.")
    net_pnl: Money = Field(description="Quote units after fees and funding.")


class EquityView(View):
    """The results of a subscription or an account by day. Open positions are in no day."""

    since: date = Field(description=SINCE_DAY)
    until: date = Field(description=UNTIL_DAY)
    next_from: date | None = Field(description=NEXT_DAYS)
    total: EquityTotalView = Field(description="Sums over the days of this answer.")
    days: list[EquityDayView] = Field(description="Days with closed trades, oldest first.")

    @staticmethod
    def of(equity: Equity) -> EquityView:
        days = [
            EquityDayView(
                day=it.day,
                trades=it.statistics.trades,
                wins=it.statistics.wins,
                losses=it.statistics.losses,
                pnl=it.statistics.pnl,
                fees=it.statistics.fees,
                funding=it.statistics.funding,
                net_pnl=it.statistics.net_pnl,
                cumulative_net_pnl=it.cumulative_net_pnl,
            )
            for it in equity.days
        ]
        page = equity.page
        total = EquityTotalView.model_validate(equity.total)
        return EquityView(since=page.first, until=page.last, next_from=page.following, total=total, days=days)


class StrategyDayView(View):
    """The trades of all followers that closed on one day."""

    day: date = Field(description="Day (UTC) on which the trades closed.")
    tenants: int = Field(description="Tenants with such a trade; each counts with the mean of their subscriptions.")
    trades: int = Field(description="Trades that closed, of all followers.")
    return_percent: Money = Field(description="Mean return of these tenants on their capital, after fees and funding.")
    cumulative_return_percent: Money = Field(
        description="Sum of the returns of all days of this answer up to this one, not compounded."
    )


class StrategyEquityView(View):
    """The results of a strategy's followers by day, on its venue: returns on capital, and no money of anybody."""

    venue: str = Field(description="Venue of the strategy; trades on other venues never count.")
    since: date = Field(description=SINCE_DAY)
    until: date = Field(description=UNTIL_DAY)
    next_from: date | None = Field(description=NEXT_DAYS)
    days: list[StrategyDayView] = Field(description="Days with closed trades, oldest first.")

    @staticmethod
    def of(equity: StrategyEquity) -> StrategyEquityView:
        days = [
            StrategyDayView(
                day=it.day,
                tenants=it.sums.tenants,
                trades=it.sums.trades,
                return_percent=it.sums.return_percent,
                cumulative_return_percent=it.cumulative_return_percent,
            )
            for it in equity.days
        ]
        page = equity.page
        return StrategyEquityView(venue=equity.venue, since=page.first, until=page.last, next_from=page.following, days=days)
