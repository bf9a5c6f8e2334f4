"""A subscription: one user's use of one strategy, with their own risk settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.limits.limits import NO_LIMITS, QUOTES_AND_COMMA, Limits, Scope, tighten
from candlecast.domain.signals.entry_order import EntryPreference
from candlecast.domain.signals.signal import MAX_SIGNAL_AGE_SECONDS
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import HUNDRED, ZERO, require_decimal, require_utc
from candlecast.domain.values.terms import MarginMode, PositionSide, WorkingType

MAX_LEVERAGE = Decimal(125)  # the highest that any venue of ours offers
MAX_POSITIONS = 20  # positions live in the account's one item, which stays small
MAX_ALLOWED_MARKETS = 50  # the same reason: settings travel in every order message
MAX_CHARACTERS_OF_LISTS = 4_000  # of the settings as JSON: with every number at its longest they stay within 10 kB
MIN_SIGNAL_AGE_SECONDS = 5
DEFAULT_SIGNAL_AGE_SECONDS = 120  # outlasts one redelivery of a crashed executor's message (visibility time-out 90 s)


class SubscriptionStatus(StrEnum):
    """ACTIVE takes entries; PAUSED and CANCELLED take none, but their exits still close what they hold."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"


class SizingMode(StrEnum):
    """How an entry's quantity follows from the settings; `Sizing.value` has the unit named here."""

    FIXED_QUANTITY = "FIXED_QUANTITY"  # base units
    FIXED_NOTIONAL = "FIXED_NOTIONAL"  # quote units
    PERCENT_OF_CAPITAL = "PERCENT_OF_CAPITAL"  # notional as per cent of capital
    RISK_PERCENT = "RISK_PERCENT"  # per cent of capital lost when the stop is hit
    PERCENT_OF_EQUITY = "PERCENT_OF_EQUITY"  # notional as per cent of the account's equity
    RISK_AMOUNT = "RISK_AMOUNT"  # quote units lost when the stop is hit
    VOLATILITY_TARGET = "VOLATILITY_TARGET"  # per cent of capital that a move of one average true range is worth
    KELLY = "KELLY"  # per cent of Kelly's fraction (50: half Kelly), lost when the stop is hit


PERCENTAGES = (
    SizingMode.PERCENT_OF_CAPITAL,
    SizingMode.RISK_PERCENT,
    SizingMode.PERCENT_OF_EQUITY,
    SizingMode.VOLATILITY_TARGET,
    SizingMode.KELLY,
)


class AllowedSides(StrEnum):
    """Which sides a subscription may open."""

    LONG = "LONG"
    SHORT = "SHORT"
    BOTH = "BOTH"

    def allows(self, side: PositionSide) -> bool:
        return self is AllowedSides.BOTH or self.value == side.value


@dataclass(frozen=True)
class Sizing:
    """Sizing mode with its value; in RISK_PERCENT mode a None value means the subscription's `risk_per_trade_percent`."""

    mode: SizingMode = SizingMode.RISK_PERCENT
    value: Decimal | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            require_decimal("sizing value", self.value, positive=True)
        elif self.mode is not SizingMode.RISK_PERCENT:
            raise InvalidValue(f"sizing mode {self.mode} needs a value", code="SIZING_VALUE_MISSING")
        if self.mode in PERCENTAGES and (self.value or ZERO) > HUNDRED * MAX_LEVERAGE:
            raise InvalidValue("sizing value is beyond any leverage", code="SIZING_VALUE_TOO_LARGE")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A subscription's own settings; money in the market's quote currency, percentages as numbers (5 means 5 %).

    Raises `InvalidValue` for a value beyond the bounds that stand at the fields.
    """

    capital: Decimal
    """Money that sizing and percentages of capital count with, above 0."""
    sizing: Sizing = field(default_factory=Sizing)
    """How an entry's quantity is found."""
    risk_per_trade_percent: Decimal = Decimal(1)
    """Per cent of the capital that is lost at the stop, for RISK_PERCENT without a value; above 0, at most 100."""
    leverage: Decimal = Decimal(10)
    """Leverage that is put in force at the venue before an entry: a whole number from 1 to `MAX_LEVERAGE`."""
    margin_mode: MarginMode = MarginMode.CROSS
    """Margin mode that is put in force at the venue before an entry."""
    max_positions: int = 1
    """How many positions the subscription may hold at once, from 1 to `MAX_POSITIONS`."""
    max_daily_loss_percent: Decimal = Decimal(5)
    """Realised loss of a UTC day that stops entries, in per cent of the capital; above 0, at most 100."""
    max_order_notional: Decimal | None = None
    """Largest notional of an entry, in quote units, above 0; None: no such limit."""
    max_signal_age_seconds: int = DEFAULT_SIGNAL_AGE_SECONDS
    """Age in seconds beyond which an entry expires, from `MIN_SIGNAL_AGE_SECONDS` to `MAX_SIGNAL_AGE_SECONDS`."""
    stop_atr_multiplier: Decimal | None = None
    """Distance of the stop in average true ranges of the signal, above 0; None: the signal's own stop."""
    target_atr_multiplier: Decimal | None = None
    """Distance of the only target in average true ranges of the signal, above 0; None: the signal's own targets."""
    allowed_sides: AllowedSides = AllowedSides.BOTH
    """Sides that the subscription may open."""
    allowed_markets: tuple[str, ...] = ()
    """Markets that the subscription may open, at most `MAX_ALLOWED_MARKETS`; empty: every market of the strategy."""
    limits: Limits = NO_LIMITS
    """Further limits under their standard names; each tightens what the other settings allow."""
    win_rate: Decimal | None = None
    """For KELLY: share of trades that win, above 0, at most 1. None: KELLY opens nothing."""
    payoff_ratio: Decimal | None = None
    """For KELLY: average win over average loss, above 0. None: KELLY opens nothing."""
    kelly_cap_percent: Decimal = Decimal(5)
    """For KELLY: per cent of the capital that one trade risks at most; above 0, at most 100."""
    entry: EntryPreference | None = None
    """How an entry is ordered if its signal does not say; None: at market."""
    trailing_stop_percent: Decimal | None = None
    """Per cent by which the stop trails the best price; above 0, below 100. None: no trailing by a percentage."""
    trailing_stop_atr_multiplier: Decimal | None = None
    """Average true ranges by which the stop trails the best price; above 0, below 100. Not beside a percentage."""
    trailing_activation_percent: Decimal | None = None
    """Profit in per cent of the entry price from which the stop trails; above 0, below 100. None: at once."""
    break_even_after_r: Decimal | None = None
    """Profit that moves the stop to break-even, in distances from entry to first stop; above 0, below 100. None: never."""
    break_even_after_target: bool = False
    """Whether the stop moves to break-even once a first part of the position was closed."""
    limit_targets: bool = False
    """Whether targets are closed at their price or better; otherwise at market once their price is reached."""
    stop_working_type: WorkingType = WorkingType.CONTRACT_PRICE
    """The price that triggers stops: the last trade's, or the mark price."""
    stop_price_protect: bool = False
    """Whether the venue holds a stop back while mark and last price are far apart."""

    def __post_init__(self) -> None:
        require_decimal("capital", self.capital, positive=True)
        for name in ("risk_per_trade_percent", "max_daily_loss_percent", "kelly_cap_percent"):
            if require_decimal(name, getattr(self, name), positive=True) > HUNDRED:
                raise InvalidValue(f"{name} must be at most 100")
        for name in ("max_order_notional", "stop_atr_multiplier", "target_atr_multiplier", "win_rate", "payoff_ratio"):
            value = getattr(self, name)
            if value is not None:
                require_decimal(name, value, positive=True)
        self._require_stop_rules()
        if self.win_rate is not None and self.win_rate > 1:
            raise InvalidValue("win_rate is a share from 0 to 1")
        self._require_ranges()
        self.limits.require_few_entries()

    def _require_stop_rules(self) -> None:
        names = ("trailing_stop_percent", "trailing_stop_atr_multiplier", "trailing_activation_percent", "break_even_after_r")
        for name in names:
            value = getattr(self, name)
            if value is not None and require_decimal(name, value, positive=True) >= HUNDRED:
                raise InvalidValue(f"{name} must be below 100")
        if self.trailing_stop_percent is not None and self.trailing_stop_atr_multiplier is not None:
            raise InvalidValue("a stop trails by a percentage or by a multiple of the range, not by both")

    def _require_ranges(self) -> None:
        if not 1 <= require_decimal("leverage", self.leverage) <= MAX_LEVERAGE:
            raise InvalidValue(f"leverage must be between 1 and {MAX_LEVERAGE}")
        if self.leverage != self.leverage.to_integral_value():
            raise InvalidValue("leverage must be a whole number: venues take no other")
        if not 1 <= self.max_positions <= MAX_POSITIONS:
            raise InvalidValue(f"max_positions must be between 1 and {MAX_POSITIONS}")
        if not MIN_SIGNAL_AGE_SECONDS <= self.max_signal_age_seconds <= MAX_SIGNAL_AGE_SECONDS:
            raise InvalidValue(f"max_signal_age_seconds must be between {MIN_SIGNAL_AGE_SECONDS} and {MAX_SIGNAL_AGE_SECONDS}")
        if len(self.allowed_markets) > MAX_ALLOWED_MARKETS:
            raise InvalidValue(f"at most {MAX_ALLOWED_MARKETS} allowed markets")

    def require_settable(self) -> Settings:
        """These settings if they may be set now; older ones are read although they would be refused here.

        Raises `InvalidValue`: TOO_MANY_ENTRIES for lists that are too large, LIMIT_OUT_OF_BOUNDS for a number that no limit may
        have. Each entry would be refused for it.
        """
        self.limits.require_settable()
        self.layer()
        markets = sum(len(market) + QUOTES_AND_COMMA for market in self.allowed_markets)
        if markets + self.limits.characters_of_sets() > MAX_CHARACTERS_OF_LISTS:
            raise InvalidValue(f"all lists together have over {MAX_CHARACTERS_OF_LISTS} characters", code="TOO_MANY_ENTRIES")
        return self

    def layer(self) -> Limits:
        """The subscription's own limits, under the standard names: from its settings and its `limits`."""
        own = Limits(
            allowed_markets=self.allowed_markets or None,
            allowed_sides=None if self.allowed_sides is AllowedSides.BOTH else (PositionSide(self.allowed_sides.value),),
            max_positions=self.max_positions,
            max_daily_loss_percent=self.max_daily_loss_percent,
            max_leverage=self.leverage,
            max_order_notional=self.max_order_notional,
            max_signal_age_seconds=self.max_signal_age_seconds,
        )
        if not self.limits.given():
            return own
        return tighten(((Scope.SUBSCRIPTION, own), (Scope.SUBSCRIPTION, self.limits))).limits


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One user's use of one strategy on one account. `account_id` is None until the user has named one.

    `settings_set_at` is when the settings were set, from which their lock is bounded; None from before locks were bounded.
    """

    tenant_id: str
    subscription_id: str
    strategy_id: str
    account_id: str | None = None
    settings: Settings
    status: SubscriptionStatus
    created_at: datetime
    settings_set_at: datetime | None = None
    version: int = 0
    pinned_version: int | None = None
    """Number of the strategy's version that it stays with; None follows the latest."""

    def __post_init__(self) -> None:
        require_utc("created_at", self.created_at)
