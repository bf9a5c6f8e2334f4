"""Bodies of totals over all accounts, by currency and with play money apart."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from candlecast.services.reconcile.sum_accounts import Currency, Total, TotalDays
from functions.api.schemas.equity import NEXT_DAYS, SINCE_DAY, UNTIL_DAY
from functions.api.schemas.values import Money, View

VenueKind = Literal["live", "paper"]
_KIND = "Whether the accounts trade with real money (`live`) or play money (`paper`)."
_QUOTE = (
    "Quote asset, in which this entry's money is told. Null for results of subscriptions that trade in several, "
    "and of those without a trade since this was kept."
)


def _kind(currency: Currency) -> VenueKind:
    return "paper" if currency.is_paper else "live"


class TotalView(View):
    """Holdings and results of all your accounts of one kind, in one currency."""

    venue_kind: VenueKind = Field(description=_KIND)
    quote: str | None = Field(description=_QUOTE)
    accounts: int = Field(description="Accounts in service with a balance in this currency.")
    equity: Money = Field(
        description="Sum of their margin balances, unrealised profit included. One total of all assets together "
        "is counted under USDT."
    )
    balances_as_of: datetime | None = Field(description="When the oldest of these balances was told; null without one.")
    open_positions: int = Field(description="Positions that are held.")
    unpriced_positions: int = Field(description="Positions without a last price. They are not in `unrealised_pnl`.")
    unrealised_pnl: Money = Field(description="Of open positions at the last prices, before fees.")
    trades: int = Field(description="Closed trades.")
    wins: int = Field(description="Trades with a profit after fees and funding.")
    losses: int = Field(description="All other trades.")
    realised_pnl: Money = Field(description="Of closed trades, before fees and funding.")
    fees: Money = Field(description="Of closed trades and open positions.")
    funding: Money = Field(description="Received less paid, of closed trades and open positions.")
    net_pnl: Money = Field(description="Realised and unrealised profit, less fees, plus funding.")

    @staticmethod
    def of(total: Total) -> TotalView:
        return TotalView(
            venue_kind=_kind(total.currency),
            quote=total.currency.quote or None,
            accounts=total.accounts,
            equity=total.equity,
            balances_as_of=total.balances_as_of,
            open_positions=total.open_positions,
            unpriced_positions=total.unpriced_positions,
            unrealised_pnl=total.unrealised_pnl,
            trades=total.closed.trades,
            wins=total.closed.wins,
            losses=total.closed.losses,
            realised_pnl=total.closed.pnl,
            fees=total.fees,
            funding=total.funding,
            net_pnl=total.net_pnl,
        )


class TotalList(View):
    """The totals over all accounts, as of when they were read."""

    items: list[TotalView] = Field(description="An entry for each kind and currency, real money first.")
    as_of: datetime = Field(description="When the totals were read.")


class TotalDayView(View):
    """The trades of all your accounts of one kind that closed on one day in one currency."""

    day: date = Field(description="Day (UTC) on which the trades closed.")
    venue_kind: VenueKind = Field(description=_KIND)
    quote: str | None = Field(description=_QUOTE)
    trades: int = Field(description="Trades that closed.")
    wins: int = Field(description="Trades with a profit after fees and funding.")
    losses: int = Field(description="All other trades.")
    pnl: Money = Field(description="Before fees and funding.")
    fees: Money = Field(description="Fees of these trades.")
    funding: Money = Field(description="Received less paid.")
    net_pnl: Money = Field(description="After fees and funding.")
    cumulative_net_pnl: Money = Field(
        description="The same of this kind and currency, of all days of this answer up to this one."
    )


class TotalDaysView(View):
    """The results of all accounts by day, from closed trades. Open positions are in no day."""

    since: date = Field(description=SINCE_DAY)
    until: date = Field(description=UNTIL_DAY)
    next_from: date | None = Field(description=NEXT_DAYS)
    days: list[TotalDayView] = Field(description="Days with closed trades, oldest first; one entry for each kind and currency.")

    @staticmethod
    def of(totals: TotalDays) -> TotalDaysView:
        days = [
            TotalDayView(
                day=it.day,
                venue_kind=_kind(it.currency),
                quote=it.currency.quote or None,
                trades=it.statistics.trades,
                wins=it.statistics.wins,
                losses=it.statistics.losses,
                pnl=it.statistics.pnl,
                fees=it.statistics.fees,
                funding=it.statistics.funding,
                net_pnl=it.statistics.net_pnl,
                cumulative_net_pnl=it.cumulative_net_pnl,
            )
            for it in totals.days
        ]
        page = totals.page
        return TotalDaysView(since=page.first, until=page.last, next_from=page.following, days=days)
