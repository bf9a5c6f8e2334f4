"""Bodies of subscriptions and their settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictInt

from candlecast.domain.signals.entry_order import MAX_OFFSET_BPS, MAX_REST_SECONDS, EntryPreference, EntryType
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.strategies.versions import MAX_VERSIONS
from candlecast.domain.subscriptions.subscription import (
    MAX_ALLOWED_MARKETS,
    MAX_LEVERAGE,
    MAX_POSITIONS,
    MIN_SIGNAL_AGE_SECONDS,
    AllowedSides,
    Settings,
    Sizing,
    SizingMode,
    Subscription,
    SubscriptionStatus,
)
from candlecast.domain.values.money import HUNDRED
from candlecast.domain.values.terms import MarginMode, TimeInForce, WorkingType
from candlecast.services.subscriptions.cancel_subscription import Cancelled
from functions.api.schemas.limits import LimitsInput, ShownLimits
from functions.api.schemas.values import ABOVE_ZERO, Body, Identifier, ListedMarket, Money, View, bounded

DEFAULTS = Settings(capital=MAX_LEVERAGE)  # any capital: it has no default, the others' defaults are the domain's own
SHARE = bounded(1, HUNDRED)  # per cent, above 0
BELOW_HUNDRED = bounded(1, HUNDRED - 1)
PinnedVersion = Annotated[StrictInt, Field(ge=1, le=MAX_VERSIONS)] | None


class SizingInput(Body):
    """How the quantity of an entry follows from the settings."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "FIXED_NOTIONAL", "value": "250"}]})

    mode: SizingMode = Field(description="How the quantity is worked out.")
    value: Money | None = Field(
        default=None,
        description=(
            f"Above 0, in the unit of the mode; percentages at most {100 * MAX_LEVERAGE}. "
            "Every mode but RISK_PERCENT needs it; there null means "
            "`risk_per_trade_percent`."
        ),
        json_schema_extra=ABOVE_ZERO,
    )

    def to_domain(self) -> Sizing:
        return Sizing(self.mode, self.value)


def _without_defaults(schema: dict[str, Any]) -> None:
    """A change has no defaults: an absent setting stays as it is."""
    for described in schema["properties"].values():
        described.pop("default", None)
    schema["examples"] = [{"leverage": 5, "max_daily_loss_percent": "2.5"}]


class EntryPreferenceInput(Body):
    """How an entry is ordered when its signal does not say: at market, or as a limit order near the signal's price."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "LIMIT", "offset_bps": "5", "post_only": True}]})

    type: EntryType = Field(description="MARKET or LIMIT; only a signal may ask for the stop types.")
    offset_bps: Money = Field(
        default=Decimal(0),
        description=(
            f"Basis points by which the limit is better than the signal's price, -{MAX_OFFSET_BPS} to {MAX_OFFSET_BPS}; "
            "negative is worse, so that it fills sooner."
        ),
        json_schema_extra=bounded(-MAX_OFFSET_BPS, MAX_OFFSET_BPS),
    )
    time_in_force: TimeInForce = Field(
        default=TimeInForce.GTC, description="IOC and FOK only with LIMIT, and not with `post_only`."
    )
    post_only: bool = Field(default=False, strict=True, description="Refuse to be filled at once; only with LIMIT.")
    rests_seconds: int | None = Field(
        default=None,
        ge=1,
        le=MAX_REST_SECONDS,
        strict=True,
        description="How long the order may rest, from the signal's time; null is as long as the signal is fresh.",
    )

    def to_domain(self) -> EntryPreference:
        return EntryPreference(**dict(self))


class SettingsChange(Body):
    """Settings to change; an absent setting stays. Money in the market's quote currency, percentages as numbers (5 means 5 %)."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    capital: Money = Field(
        default=DEFAULTS.capital,
        description="Quote units that sizing, losses and exposure of the subscription are measured on; above 0.",
        json_schema_extra=ABOVE_ZERO,
    )
    sizing: SizingInput = Field(
        default=SizingInput(mode=DEFAULTS.sizing.mode, value=DEFAULTS.sizing.value),
        description="How the quantity of an entry follows. The default loses `risk_per_trade_percent` at the stop.",
    )
    risk_per_trade_percent: Money = Field(
        default=DEFAULTS.risk_per_trade_percent,
        description="Per cent of the capital lost at the stop, for RISK_PERCENT without a value; above 0, at most 100.",
        json_schema_extra=SHARE,
    )
    leverage: Money = Field(
        default=DEFAULTS.leverage,
        description=(
            f"A whole number from 1 to {MAX_LEVERAGE}. The venue is told before an entry; all positions of the subscription "
            "together are at most the capital times this."
        ),
        json_schema_extra=bounded(1, MAX_LEVERAGE),
    )
    margin_mode: MarginMode = Field(
        default=DEFAULTS.margin_mode, description="CROSS backs a position with the whole account, ISOLATED with its own margin."
    )
    max_positions: int = Field(
        default=DEFAULTS.max_positions, ge=1, le=MAX_POSITIONS, strict=True, description="Open positions of the subscription."
    )
    max_daily_loss_percent: Money = Field(
        default=DEFAULTS.max_daily_loss_percent,
        description="Realised loss of a UTC day, per cent of the capital, that ends entries for the day; above 0, at most 100.",
        json_schema_extra=SHARE,
    )
    max_order_notional: Money | None = Field(
        default=DEFAULTS.max_order_notional,
        description="Largest entry in quote units, above 0; null is no limit.",
        json_schema_extra=ABOVE_ZERO,
    )
    max_signal_age_seconds: int = Field(
        default=DEFAULTS.max_signal_age_seconds,
        ge=MIN_SIGNAL_AGE_SECONDS,
        le=MAX_SIGNAL_AGE_SECONDS,
        strict=True,
        description="Age of a signal beyond which an entry expires. Exits never expire.",
    )
    stop_atr_multiplier: Money | None = Field(
        default=DEFAULTS.stop_atr_multiplier,
        description=(
            "Stop at so many average true ranges from the reference price instead of at the signal's own stop; above 0. "
            "Only signals of built-in strategies carry the range."
        ),
        json_schema_extra=ABOVE_ZERO,
    )
    target_atr_multiplier: Money | None = Field(
        default=DEFAULTS.target_atr_multiplier,
        description="One target at so many average true ranges instead of the signal's own targets; above 0.",
        json_schema_extra=ABOVE_ZERO,
    )
    allowed_sides: AllowedSides = Field(default=DEFAULTS.allowed_sides, description="Sides that the subscription may open.")
    allowed_markets: Annotated[tuple[ListedMarket, ...], Field(max_length=MAX_ALLOWED_MARKETS)] = Field(
        default=DEFAULTS.allowed_markets, description="Markets that may be entered; an empty list is every one of the strategy."
    )
    win_rate: Money | None = Field(
        default=DEFAULTS.win_rate,
        description="For KELLY: share of trades that win, above 0, at most 1.",
        json_schema_extra=bounded(1, 1),
    )
    payoff_ratio: Money | None = Field(
        default=DEFAULTS.payoff_ratio,
        description="For KELLY: average win over average loss, above 0.",
        json_schema_extra=ABOVE_ZERO,
    )
    kelly_cap_percent: Money = Field(
        default=DEFAULTS.kelly_cap_percent,
        description="For KELLY: per cent of the capital that a trade may risk at most; above 0, at most 100.",
        json_schema_extra=SHARE,
    )
    entry: EntryPreferenceInput | None = Field(
        default=None, description="How an entry is ordered when its signal does not say; null is at market."
    )
    trailing_stop_percent: Money | None = Field(
        default=DEFAULTS.trailing_stop_percent,
        description=(
            "The stop follows the best price at this distance in per cent; above 0, below 100. It is the first stop of an entry "
            "without one, unless `trailing_activation_percent` is set."
        ),
        json_schema_extra=BELOW_HUNDRED,
    )
    trailing_stop_atr_multiplier: Money | None = Field(
        default=DEFAULTS.trailing_stop_atr_multiplier,
        description="The same in average true ranges of the signal; above 0, below 100. Not together with the percentage.",
        json_schema_extra=BELOW_HUNDRED,
    )
    trailing_activation_percent: Money | None = Field(
        default=DEFAULTS.trailing_activation_percent,
        description="Profit in per cent from which the stop begins to trail; above 0, below 100; null is at once.",
        json_schema_extra=BELOW_HUNDRED,
    )
    break_even_after_r: Money | None = Field(
        default=DEFAULTS.break_even_after_r,
        description="The stop goes to break-even after a move of so many first stop distances; above 0, below 100.",
        json_schema_extra=BELOW_HUNDRED,
    )
    break_even_after_target: bool = Field(
        default=DEFAULTS.break_even_after_target,
        strict=True,
        description="The stop goes to break-even once a target was filled.",
    )
    limit_targets: bool = Field(
        default=DEFAULTS.limit_targets,
        strict=True,
        description="Targets are closed at their price or better instead of at market.",
    )
    stop_working_type: WorkingType = Field(
        default=DEFAULTS.stop_working_type,
        description="The price that triggers stops: CONTRACT_PRICE is the last trade's, MARK_PRICE the venue's mark.",
    )
    stop_price_protect: bool = Field(
        default=DEFAULTS.stop_price_protect,
        strict=True,
        description="The venue holds stops back while mark and last price are far apart.",
    )
    limits: LimitsInput = Field(default_factory=LimitsInput, description="Further limits; a change replaces them all.")

    def apply(self, settings: Settings) -> Settings:
        """`settings` with the given ones; raises `InvalidValue` where the domain refuses."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"sizing", "limits", "entry"}}
        if "entry" in self.model_fields_set:
            given["entry"] = None if self.entry is None else self.entry.to_domain()
        if "limits" in self.model_fields_set:
            given["limits"] = self.limits.to_domain()
        sizing = self.sizing.to_domain() if "sizing" in self.model_fields_set else settings.sizing
        return replace(settings, sizing=sizing, **given)


class NewSettings(SettingsChange):
    """A subscription's settings; only `capital` has no default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"capital": "1000", "leverage": 5}]})

    capital: Money = Field(
        description="Quote units that sizing, losses and exposure of the subscription are measured on; above 0.",
        json_schema_extra=ABOVE_ZERO,
    )

    def to_domain(self) -> Settings:
        return self.apply(replace(DEFAULTS, capital=self.capital))


class NewSubscription(Body):
    """Follow a strategy. Without an account its signals are skipped, with the reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "strategy_id": "sma-cross-btc-1m",
                    "account_id": "0f8fad5bd9cb469fa16570867728950e",
                    "settings": {"capital": "1000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "250"}, "leverage": 5},
                }
            ]
        }
    )

    strategy_id: Identifier = Field(description="Strategy to follow.")
    account_id: Identifier | None = Field(
        default=None, description="One of your accounts; null skips every signal with `NO_ACCOUNT`. It cannot be changed later."
    )
    settings: NewSettings = Field(description="Your own settings; only `capital` has no default.")
    version: PinnedVersion = Field(default=None, description="The strategy's version to stay with; null follows the latest.")
    link_key: str | None = Field(default=None, max_length=64, description="Secret part of the link to a strategy.")


class Pin(Body):
    """Which version of the strategy the subscription stays with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 2}]})

    version: PinnedVersion = Field(description="Number of the version; null follows the latest.")


class Cancellation(Body):
    """How to cancel."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"close_position": True}]})

    close_position: bool = Field(default=False, strict=True, description="Close what the subscription holds at market.")


class SizingView(View):
    """How an entry's quantity follows."""

    mode: SizingMode
    value: Money | None


class EntryPreferenceView(View):
    """How entries are ordered that their signal asks nothing of."""

    type: EntryType
    offset_bps: Money
    time_in_force: TimeInForce
    post_only: bool
    rests_seconds: int | None


class SettingsView(View):
    """All settings in force."""

    capital: Money
    sizing: SizingView
    risk_per_trade_percent: Money
    leverage: Money
    margin_mode: MarginMode
    max_positions: int
    max_daily_loss_percent: Money
    max_order_notional: Money | None
    max_signal_age_seconds: int
    stop_atr_multiplier: Money | None
    target_atr_multiplier: Money | None
    allowed_sides: AllowedSides
    allowed_markets: tuple[str, ...]
    win_rate: Money | None
    payoff_ratio: Money | None
    kelly_cap_percent: Money
    entry: EntryPreferenceView | None
    trailing_stop_percent: Money | None
    trailing_stop_atr_multiplier: Money | None
    trailing_activation_percent: Money | None
    break_even_after_r: Money | None
    break_even_after_target: bool
    limit_targets: bool
    stop_working_type: WorkingType
    stop_price_protect: bool
    limits: ShownLimits


class SubscriptionView(View):
    """One use of one strategy on one account; `version` grows with every change."""

    subscription_id: str
    strategy_id: str
    account_id: str | None = Field(description="Null if its signals are skipped.")
    status: SubscriptionStatus = Field(description="Whether it takes entries and exits.")
    settings: SettingsView = Field(description="Settings in force, defaults included.")
    created_at: datetime = Field(description="When you began to follow.")
    version: int = Field(description="Grows with every change.")
    pinned_version: int | None = Field(description="The strategy's version that it stays with; null follows the latest.")

    @staticmethod
    def of(subscription: Subscription) -> SubscriptionView:
        return SubscriptionView.model_validate(subscription)


class CancelledView(View):
    """The cancelled subscription, and the markets in which an exit was ordered."""

    subscription: SubscriptionView = Field(description="The subscription as it is now.")
    closing_markets: tuple[str, ...] = Field(description="Markets in which an exit was ordered.")

    @staticmethod
    def of(cancelled: Cancelled) -> CancelledView:
        return CancelledView(subscription=SubscriptionView.of(cancelled.subscription), closing_markets=cancelled.closing)
