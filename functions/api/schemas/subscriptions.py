"""Bodies of subscriptions and their settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from candlecast.domain.signals.entry_order import MAX_REST_SECONDS, EntryPreference, EntryType
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
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
from candlecast.domain.values.terms import MarginMode, TimeInForce
from candlecast.services.subscriptions.cancel_subscription import Cancelled
from functions.api.schemas.limits import LimitsInput, ShownLimits
from functions.api.schemas.values import Body, Identifier, Money, Symbol, View

DEFAULTS = Settings(capital=MAX_LEVERAGE)  # any capital: it has no default, the others' defaults are the domain's own


class SizingInput(Body):
    """How an entry's quantity follows; `value` has the mode's unit (base units, quote units, or per cent of capital)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "FIXED_NOTIONAL", "value": "250"}]})

    mode: SizingMode
    value: Money | None = None

    def to_domain(self) -> Sizing:
        return Sizing(self.mode, self.value)


def _without_defaults(schema: dict[str, Any]) -> None:
    """A change has no defaults: what is absent stays as it is."""
    for described in schema["properties"].values():
        described.pop("default", None)
    schema["examples"] = [{"leverage": 5, "max_daily_loss_percent": "2.5"}]


class EntryPreferenceInput(Body):
    """How entries are ordered that their signal asks nothing of: MARKET, or LIMIT `offset_bps` better than its price."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "LIMIT", "offset_bps": "5", "post_only": True}]})

    type: EntryType
    offset_bps: Money = Decimal(0)
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = Field(default=False, strict=True)
    rests_seconds: int | None = Field(default=None, ge=1, le=MAX_REST_SECONDS, strict=True)

    def to_domain(self) -> EntryPreference:
        return EntryPreference(**dict(self))


class SettingsChange(Body):
    """Settings to change; what is absent stays. Money in the market's quote currency, percentages as numbers (5 means 5 %)."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    capital: Money = DEFAULTS.capital
    sizing: SizingInput = SizingInput(mode=DEFAULTS.sizing.mode, value=DEFAULTS.sizing.value)
    risk_per_trade_percent: Money = DEFAULTS.risk_per_trade_percent
    leverage: Money = Field(default=DEFAULTS.leverage, description=f"A whole number from 1 to {MAX_LEVERAGE}.")
    margin_mode: MarginMode = DEFAULTS.margin_mode
    max_positions: int = Field(default=DEFAULTS.max_positions, ge=1, le=MAX_POSITIONS, strict=True)
    max_daily_loss_percent: Money = DEFAULTS.max_daily_loss_percent
    max_order_notional: Money | None = DEFAULTS.max_order_notional
    max_signal_age_seconds: int = Field(
        default=DEFAULTS.max_signal_age_seconds, ge=MIN_SIGNAL_AGE_SECONDS, le=MAX_SIGNAL_AGE_SECONDS, strict=True
    )
    stop_atr_multiplier: Money | None = DEFAULTS.stop_atr_multiplier
    target_atr_multiplier: Money | None = DEFAULTS.target_atr_multiplier
    allowed_sides: AllowedSides = DEFAULTS.allowed_sides
    allowed_markets: Annotated[tuple[Symbol, ...], Field(max_length=MAX_ALLOWED_MARKETS)] = DEFAULTS.allowed_markets
    win_rate: Money | None = Field(default=DEFAULTS.win_rate, description="For KELLY: share of trades that win, 0 to 1.")
    payoff_ratio: Money | None = Field(default=DEFAULTS.payoff_ratio, description="For KELLY: average win over average loss.")
    kelly_cap_percent: Money = Field(default=DEFAULTS.kelly_cap_percent, description="For KELLY: the most that a trade may risk.")
    entry: EntryPreferenceInput | None = None
    trailing_stop_percent: Money | None = DEFAULTS.trailing_stop_percent
    trailing_stop_atr_multiplier: Money | None = DEFAULTS.trailing_stop_atr_multiplier
    trailing_activation_percent: Money | None = DEFAULTS.trailing_activation_percent
    break_even_after_r: Money | None = DEFAULTS.break_even_after_r
    break_even_after_target: bool = Field(default=DEFAULTS.break_even_after_target, strict=True)
    limit_targets: bool = Field(default=DEFAULTS.limit_targets, strict=True)
    limits: LimitsInput = Field(default_factory=LimitsInput, description="Further limits; a change replaces them all.")

    def apply(self, settings: Settings) -> Settings:
        """`settings` with what was given; raises `InvalidValue` where the domain refuses."""
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

    capital: Money

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

    strategy_id: Identifier
    account_id: Identifier | None = None
    settings: NewSettings


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
    limits: ShownLimits


class SubscriptionView(View):
    """One use of one strategy on one account; `version` grows with every change."""

    subscription_id: str
    strategy_id: str
    account_id: str | None
    status: SubscriptionStatus
    settings: SettingsView
    created_at: datetime
    version: int

    @staticmethod
    def of(subscription: Subscription) -> SubscriptionView:
        return SubscriptionView.model_validate(subscription)


class CancelledView(View):
    """The cancelled subscription, and the markets in which an exit was ordered."""

    subscription: SubscriptionView
    closing_markets: tuple[str, ...]

    @staticmethod
    def of(cancelled: Cancelled) -> CancelledView:
        return CancelledView(subscription=SubscriptionView.of(cancelled.subscription), closing_markets=cancelled.closing)
