"""Bodies of the marketplace."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.strategies.listing import MIN_RANKED_TENANTS, MIN_RANKED_TRADES, Card
from candlecast.domain.values.timeframe import Timeframe
from functions.api.schemas.parity_share import ParityShareView
from functions.api.schemas.values import Money, View

VenueKind = Literal["paper", "live"]
SortName = Literal["record", "followers", "newest"]


class CardRecordView(View):
    """The public record over all followers' closed trades. Each tenant counts with the mean of their trades, after fees."""

    is_ranked: bool = Field(
        description=f"False below {MIN_RANKED_TENANTS} tenants or {MIN_RANKED_TRADES} trades: too young to rank, sorted behind."
    )
    tenants: int = Field(description="Tenants whose trades are counted.")
    trades: int = Field(description="Closed trades.")
    mean_return_percent: Money | None = Field(description="Mean return of a trade on capital; null before the first trade.")
    win_rate_percent: Money | None = Field(description="Null before the first trade.")
    profit_factor: Money | None = Field(description="Gains over losses; null before the first loss.")
    return_per_tenant_percent: Money | None = Field(
        description="Mean over tenants of their summed returns; more than thirty trades of a tenant count as thirty mean ones."
    )
    since: datetime | None = Field(description="Opening of the first counted trade; null where that was not kept.")
    buy_and_hold_percent: Money | None = Field(
        description="Change of the market's price since then; null without a market of its own, a start or a price."
    )


class CardBacktestView(View):
    """A backtest by the platform on the same terms for all. Percents are of the cash at the begin, after fees and slippage.

    The author may have known these candles when the code was written; nobody has known those of the record.
    """

    version: int | None = Field(description="Number of the version that decided; null where the strategy has no versions.")
    start: datetime = Field(description="Open of the first candle.")
    until: datetime = Field(description="Close of the last candle.")
    trades: int = Field(description="Closed trades.")
    return_percent: Money | None = Field(description="Null if there are no figures: see `refusal`.")
    max_drawdown_percent: Money | None = Field(description="Deepest fall of the equity; null if there are no figures.")
    buy_and_hold_percent: Money | None = Field(description="Of the market itself over the same candles.")
    win_rate_percent: Money | None = Field(description="Null without a trade.")
    sharpe_ratio: Money | None = Field(description="Of a year; null with fewer than two days.")
    is_ruined: bool = Field(description="Whether the equity was at or below zero at some close.")
    refusal: str | None = Field(description="Code of the reason why there are no figures.")
    made_at: datetime | None = Field(description="When the version was made; null where the strategy has no versions.")
    return_since_made_percent: Money | None = Field(
        description="Return over the candles since `made_at`, which no author knew; null before the first of them."
    )


class CardView(View):
    """A public strategy as everybody sees it: no code, no parameters, and not whose it is."""

    strategy_id: str
    name: str = Field(description="Name for people.")
    description: str = Field(description="Words of its author.")
    tags: tuple[str, ...] = Field(description="Words to find the strategy by.")
    kind: StrategyKind = Field(description="Where its signals come from.")
    venue: str = Field(description="Venue of its market, or of its tickers.")
    market: str | None = Field(description="Null for an external strategy.")
    timeframe: Timeframe | None = Field(description="Null for an external strategy.")
    created_at: datetime = Field(description="When it was created.")
    followers: int = Field(description="Subscriptions that are not cancelled, as of the last refresh.")
    record: CardRecordView = Field(description="Its public record.")
    backtest: CardBacktestView | None = Field(
        description="Null until the platform has computed one, which is asked for within hours, and for an external strategy."
    )

    parity: ParityShareView | None = Field(
        description="Runs of thirty days that decided as a backtest does, as of `compared_at`. Null if none was compared."
    )

    @staticmethod
    def of(card: Card) -> CardView:
        listing, record = card.listing, card.record
        figures = None if card.backtest is None else card.backtest.figures
        return CardView(
            strategy_id=listing.strategy_id,
            name=listing.name,
            description=listing.description,
            tags=listing.tags,
            kind=listing.kind,
            venue=listing.venue,
            market=listing.market,
            timeframe=listing.timeframe,
            created_at=listing.created_at,
            followers=record.followers,
            record=CardRecordView.model_validate(record),
            backtest=None if figures is None else CardBacktestView.model_validate(figures),
            parity=ParityShareView.compared(card.parity),
        )
