"""Bodies of backtests: the question, the progress, the results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import ConfigDict, Field

from candlecast.domain.backtests.backtest import (
    DEFAULT_CASH,
    MAX_CASH,
    MAX_FEE,
    MAX_ROWS,
    Backtest,
    BacktestStatus,
)
from candlecast.domain.backtests.market_fill import MAX_SLIPPAGE_BPS
from candlecast.domain.backtests.sweep import MAX_AXES, MAX_SEED, MAX_TRIALS, METRICS, RandomSearch, WalkForwardPlan
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import ResultLinks
from candlecast.services.backtests.ask_backtest import WantedBacktest, WantedSweep
from functions.api.schemas.parameters import Parameter
from functions.api.schemas.subscriptions import NewSettings, PinnedVersion, SettingsView
from functions.api.schemas.values import Body, Identifier, Instant, Money, Symbol, View, bounded

MAX_HOURS = 100_000  # eleven years; a span has 58,500 candles at most
OF_AN_AXIS = Field(json_schema_extra={"maxItems": MAX_TRIALS})  # only described: the domain checks it, with a code


class NewWalkForward(Body):
    """Parameters are chosen on each training window and traded on the window behind it."""

    train_hours: int = Field(ge=1, le=MAX_HOURS, description="Length of a training window.")
    test_hours: int = Field(ge=1, le=MAX_HOURS, description="Length of the test window that follows.")
    anchored: bool = Field(default=False, description="Whether each training begins with the first candle.")

    def to_domain(self) -> WalkForwardPlan:
        return WalkForwardPlan(train_hours=self.train_hours, test_hours=self.test_hours, anchored=self.anchored)


class NewRandomSearch(Body):
    """Some of the combinations are tried, drawn by chance; the same seed draws the same ones."""

    count: int = Field(ge=1, le=MAX_TRIALS, description="How many; all, if there are no more.")
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="The same seed draws the same ones.")

    def to_domain(self) -> RandomSearch:
        return RandomSearch(count=self.count, seed=self.seed)


class NewSweep(Body):
    """Parameters that vary: a backtest for each combination of their values, and a judgement on the best."""

    axes: dict[Annotated[str, Field(max_length=64)], Annotated[list[Parameter], OF_AN_AXIS]] = Field(
        max_length=MAX_AXES,
        description=f"Values of each parameter that varies, for at most {MAX_TRIALS} combinations. The others stay as they are.",
    )
    metric: str = Field(
        default=METRICS[0], max_length=64, description=f"Combinations are ranked by it: one of {', '.join(METRICS)}."
    )
    walk_forward: NewWalkForward | None = Field(
        default=None, description="Windows on which the parameters are chosen anew; null is one choice on the whole span."
    )
    random: NewRandomSearch | None = Field(default=None, description="Which combinations are tried; null is all.")

    def to_domain(self) -> WantedSweep:
        return WantedSweep(
            axes=self.axes,
            metric=self.metric,
            walk_forward=None if self.walk_forward is None else self.walk_forward.to_domain(),
            random=None if self.random is None else self.random.to_domain(),
        )


class NewBacktest(Body):
    """Try a strategy on past candles of its venue, as it would have traded with these settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "strategy_id": "sma-cross-btc-1m",
                    "start": "2026-11-01T00:00:00Z",
                    "until": "2026-11-15T00:00:00Z",
                    "settings": {"capital": "10000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "1000"}},
                    "slippage_bps": "2",
                }
            ]
        }
    )

    strategy_id: Identifier = Field(description="Strategy to try.")
    version: PinnedVersion = Field(default=None, description="Number of the version; null is the one that all followers get.")
    market: Symbol | None = Field(default=None, description="Another market of the strategy's venue; null is its own.")
    timeframe: Timeframe | None = Field(default=None, description="Another length of candles; null is its own.")
    start: Instant = Field(description=f"Open of the first candle, rounded down; at most {MAX_ROWS} candles are tried.")
    until: Instant | None = Field(
        default=None, description="Close of the last candle, rounded down; null, or later than you may see, is the newest."
    )
    cash: Money | None = Field(
        default=None,
        description=f"Quote units at the begin, above 0, at most {MAX_CASH}; null is the capital of the settings.",
        json_schema_extra=bounded(1, MAX_CASH),
    )
    settings: NewSettings | None = Field(
        default=None,
        description=f"Settings as of a subscription; null is the defaults with `cash` as their capital, else {DEFAULT_CASH}.",
    )
    taker_fee: Money | None = Field(
        default=None,
        description=f"Share of the notional, 0 to {MAX_FEE}; null is the market's own fee of a taker.",
        json_schema_extra=bounded(0, MAX_FEE),
    )
    maker_fee: Money | None = Field(
        default=None,
        description=f"Of limit orders that have rested, 0 to {MAX_FEE}; null is that of a taker.",
        json_schema_extra=bounded(0, MAX_FEE),
    )
    slippage_bps: Money = Field(
        default=Decimal(0),
        description=f"Basis points by which a fill at market is worse than its price, 0 to {MAX_SLIPPAGE_BPS}.",
        json_schema_extra=bounded(0, MAX_SLIPPAGE_BPS),
    )
    sweep: NewSweep | None = Field(
        default=None, description="For those who see the strategy's parameters; null is a backtest with them as they are."
    )
    link_key: str | None = Field(default=None, max_length=64, description="Secret part of the link to a strategy.")

    def to_domain(self) -> WantedBacktest:
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in ("settings", "sweep", "link_key")}
        return WantedBacktest(
            **given,
            settings=None if self.settings is None else self.settings.to_domain(),
            sweep=None if self.sweep is None else self.sweep.to_domain(),
        )


class WalkForwardView(View):
    """Windows of a walk-forward."""

    train_hours: int
    test_hours: int
    anchored: bool


class RandomSearchView(View):
    """Combinations that were drawn by chance."""

    count: int = Field(description="How many; all, if there are no more.")
    seed: int = Field(description="The same seed draws the same ones.")


class SweepView(View):
    """The combinations of a sweep."""

    axes: Mapping[str, tuple[str | int | float | bool, ...]] = Field(description="Values of each parameter that varies.")
    metric: str = Field(description="Combinations are ranked by it.")
    walk_forward: WalkForwardView | None = Field(description="Windows on which the parameters are chosen anew; null without.")
    random: RandomSearchView | None = Field(description="Which combinations were drawn; null: all are tried.")
    trials: int = Field(description="Combinations that are tried.")
    parts: int = Field(description="Tasks that compute them. Each counts for the day.")


class BacktestPlanView(View):
    """Everything that the backtest computes with, but for code and candles."""

    strategy_id: str
    version: int | None = Field(description="Null for a strategy without versions.")
    venue: str
    market: str
    timeframe: Timeframe
    start: datetime = Field(description="Open of the first candle.")
    until: datetime = Field(description="Close of the last candle.")
    rows: int = Field(description="Candles of the span, if the market has no gap.")
    cash: Money = Field(description="Quote units at the begin.")
    settings: SettingsView = Field(description="Settings as of a subscription.")
    taker_fee: Money | None = Field(description="Share of the notional; null is the market's own.")
    maker_fee: Money | None = Field(description="Of limit orders that have rested; null is that of a taker.")
    slippage_bps: Money = Field(description="Basis points by which a fill at market is worse than its price.")
    sweep: SweepView | None = Field(description="Null for a single backtest.")


class BacktestSummaryView(View):
    """The result in brief: of a sweep that of its best combination, of a walk-forward that of its tests.

    Money in quote units, returns and drawdown as shares: 0.05 is five per cent.
    """

    rows: int = Field(description="Candles that were there.")
    trades: int = Field(description="Closed trades.")
    final_equity: Money = Field(description="With the open position at the last close.")
    fees: Money = Field(description="Quote units.")
    total_return: Money = Field(description="Change of the equity over the whole span.")
    max_drawdown: Money = Field(description="Deepest fall of the equity from a height before.")
    sharpe_ratio: Money | None = Field(description="Of a year; null with fewer than two days.")
    win_rate: Money | None = Field(description="Null without a trade.")
    buy_and_hold_return: Money = Field(description="Of the market itself, without fees.")
    denials: dict[str, int] = Field(description="How many orders were refused, by reason: without trades, look here first.")
    is_ruined: bool = Field(description="Whether the equity was at or below zero at some close: returns say nothing then.")


class BacktestView(View):
    """One backtest. It is kept until `expires_at`."""

    backtest_id: str
    status: BacktestStatus = Field(description="Whether the backtest waits, runs or has ended.")
    plan: BacktestPlanView = Field(description="Everything that the backtest computes with.")
    rows_done: int = Field(description="Candles that are behind, of those of the plan; of a sweep none before its end.")
    trials_done: int = Field(description="Combinations of a sweep that are behind.")
    tries: int = Field(description="How often it was begun: a lost worker's is begun again.")
    asked_at: datetime = Field(description="When the backtest was asked for.")
    started_at: datetime | None = Field(description="When the last try began.")
    ended_at: datetime | None = Field(description="When the backtest ended; null before.")
    expires_at: datetime = Field(description="When it and its results are forgotten, once it has ended.")
    code_version: str | None = Field(description="Hash of the code and parameters that decided; null before the end.")
    summary: BacktestSummaryView | None = Field(description="Null unless it is DONE.")
    error_code: str | None = Field(description="Why it FAILED.")
    error_message: str = Field(description="The same in words, for those who may see the strategy's code.")

    @staticmethod
    def of(backtest: Backtest) -> BacktestView:
        return BacktestView.model_validate(backtest)


class ResultLinksView(View):
    """Addresses of the results. Everybody who has a link can follow it until `expires_at`; then ask again."""

    document: str = Field(description="JSON: all numbers and all trades.")
    page: str = Field(description="HTML: the charts and the same numbers, for people.")
    trades: str = Field(description="CSV: the trades; of a sweep its combinations, of a walk-forward the trades of its tests.")
    expires_at: datetime = Field(description="Until when the links can be followed.")

    @staticmethod
    def of(links: ResultLinks) -> ResultLinksView:
        return ResultLinksView.model_validate(links)
