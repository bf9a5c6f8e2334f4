"""The catalogue of limits: for each its name, unit, window, how it tightens, its bounds and the code that a denial carries.

One row a limit, so that the API, the documentation, the checks and the tests speak of the same things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from candlecast.domain.values.reasons import Reason


class Measure(StrEnum):
    """The thing that a limit measures."""

    ORDER = "ORDER"
    SUBSCRIPTION = "SUBSCRIPTION"
    ACCOUNT = "ACCOUNT"


class Window(StrEnum):
    """Over which time a limit counts; days, weeks (from Monday) and months are those of UTC."""

    SECOND = "SECOND"
    MINUTE = "MINUTE"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    LIFETIME = "LIFETIME"


class Tightens(StrEnum):
    """Which of two values is tighter, or what becomes of both."""

    LOWER = "LOWER"
    HIGHER = "HIGHER"
    SUBSET = "SUBSET"  # what both allow
    SUPERSET = "SUPERSET"  # what either forbids
    FLAG = "FLAG"  # in force as soon as one says so
    LATEST = "LATEST"
    WINDOWS = "WINDOWS"  # when both are open


class Enforced(StrEnum):
    """Who acts on a limit: a check before an entry, the reconciler on a position, or a change of limits."""

    ENTRY = "ENTRY"
    RECONCILER = "RECONCILER"
    CHANGE = "CHANGE"


@dataclass(frozen=True, kw_only=True)
class LimitSpec:
    """One limit. `least` and `most` bound a number; `part_of` names the limit whose parameter this is."""

    name: str
    title: str
    unit: str
    reason: Reason
    measure: Measure
    tightens: Tightens = Tightens.LOWER
    window: Window | None = None
    least: Decimal = Decimal(0)
    most: Decimal = Decimal(10) ** 15  # above any money or quantity; it keeps sums within Decimal's 28 digits
    enforced: Enforced = Enforced.ENTRY
    part_of: str | None = None


PERCENT = Decimal(100)
MAX_LEVERAGE_BOUND = Decimal(125)  # the highest that any venue of ours offers
MAX_ORDERS_PER_MINUTE = Decimal(100)  # the log of order times in the account's item is as long at most
MAX_CANCELS_PER_MINUTE = Decimal(60)
MEMORY_SECONDS = Decimal(86_400)  # so long an account remembers what has happened in a market
MEMORY_HOURS = Decimal(24)
MAX_COUNT = Decimal(1_000)
MAX_ORDERS_PER_DAY = Decimal(100_000)
MAX_BPS = Decimal(10_000)


def _order(name: str, title: str, unit: str, reason: Reason, **more: object) -> LimitSpec:
    return _spec(name, title, unit, reason, Measure.ORDER, more)


def _subscription(name: str, title: str, unit: str, reason: Reason, **more: object) -> LimitSpec:
    return _spec(name, title, unit, reason, Measure.SUBSCRIPTION, more)


def _account(name: str, title: str, unit: str, reason: Reason, **more: object) -> LimitSpec:
    return _spec(name, title, unit, reason, Measure.ACCOUNT, more)


def _spec(name: str, title: str, unit: str, reason: Reason, measure: Measure, more: Mapping[str, object]) -> LimitSpec:
    return LimitSpec(name=name, title=title, unit=unit, reason=reason, measure=measure, **more)  # type: ignore[arg-type]


_ACCESS = (
    _account("reduce_only", "Exits only", "flag", Reason.REDUCE_ONLY, tightens=Tightens.FLAG),
    _order("allowed_venues", "Allowed venues", "venues", Reason.VENUE_NOT_ALLOWED, tightens=Tightens.SUBSET),
    _order("allowed_markets", "Allowed markets", "markets", Reason.MARKET_NOT_ALLOWED, tightens=Tightens.SUBSET),
    _order("denied_markets", "Forbidden markets", "markets", Reason.MARKET_DENIED, tightens=Tightens.SUPERSET),
    _order("allowed_sides", "Allowed sides", "sides", Reason.SIDE_NOT_ALLOWED, tightens=Tightens.SUBSET),
    _order("trading_windows", "Trading windows", "weekly UTC", Reason.OUTSIDE_TRADING_WINDOW, tightens=Tightens.WINDOWS),
    _order("blackouts", "Blackout calendar", "UTC", Reason.BLACKOUT, tightens=Tightens.SUPERSET),
    _account("max_state_age_seconds", "Age of the account's state", "s", Reason.STATE_STALE, least=Decimal(1)),
    _order(
        "limits_locked_until",
        "Limits may not be loosened before",
        "UTC",
        Reason.LIMITS_LOCKED,
        tightens=Tightens.LATEST,
        enforced=Enforced.CHANGE,
    ),
)
_POSITION = (
    _account("one_position_per_market", "One position per market", "flag", Reason.MARKET_IN_USE, tightens=Tightens.FLAG),
    _subscription("max_adds", "Adds to a position", "count", Reason.MAX_ADDS, most=MAX_COUNT),
    _subscription("max_positions", "Open positions of a subscription", "count", Reason.MAX_POSITIONS, most=MAX_COUNT),
    _account("max_account_positions", "Open positions of an account", "count", Reason.MAX_ACCOUNT_POSITIONS, most=MAX_COUNT),
    _account("max_open_orders", "Open orders", "count", Reason.MAX_OPEN_ORDERS, most=MAX_COUNT),
    _account("self_match_prevention", "No trade with oneself", "flag", Reason.SELF_MATCH, tightens=Tightens.FLAG),
)
_LOSS = (
    _subscription(
        "max_daily_loss_percent",
        "Realised loss of a day",
        "% of capital",
        Reason.MAX_DAILY_LOSS,
        window=Window.DAY,
        most=PERCENT,
    ),
    _subscription("max_daily_loss", "Realised loss of a day", "quote", Reason.MAX_DAILY_LOSS_AMOUNT, window=Window.DAY),
    _subscription(
        "max_weekly_loss_percent",
        "Realised loss of a week",
        "% of capital",
        Reason.MAX_WEEKLY_LOSS,
        window=Window.WEEK,
        most=PERCENT,
    ),
    _subscription(
        "max_monthly_loss_percent",
        "Realised loss of a month",
        "% of capital",
        Reason.MAX_MONTHLY_LOSS,
        window=Window.MONTH,
        most=PERCENT,
    ),
    _account(
        "max_account_daily_loss_percent",
        "Loss of equity since the day began",
        "% of equity",
        Reason.MAX_ACCOUNT_DAILY_LOSS,
        window=Window.DAY,
        most=PERCENT,
    ),
    _account(
        "max_drawdown_percent",
        "Drawdown from the first equity",
        "% of equity",
        Reason.MAX_DRAWDOWN,
        window=Window.LIFETIME,
        most=PERCENT,
    ),
    _account(
        "max_trailing_drawdown_percent",
        "Drawdown from the highest equity",
        "% of equity",
        Reason.TRAILING_DRAWDOWN,
        window=Window.LIFETIME,
        most=PERCENT,
    ),
    _account(
        "max_end_of_day_drawdown_percent",
        "Drawdown from the highest equity at a day's end",
        "% of equity",
        Reason.END_OF_DAY_DRAWDOWN,
        window=Window.LIFETIME,
        most=PERCENT,
    ),
    _account("min_equity", "Equity floor", "quote", Reason.EQUITY_FLOOR, tightens=Tightens.HIGHER),
    _subscription(
        "daily_profit_lock_percent",
        "Realised profit after which a day is over",
        "% of capital",
        Reason.DAILY_PROFIT_LOCK,
        window=Window.DAY,
        most=Decimal(10_000),
    ),
    _subscription(
        "max_consecutive_losses", "Losses in a row", "count", Reason.CONSECUTIVE_LOSSES, least=Decimal(1), most=MAX_COUNT
    ),
    _subscription(
        "consecutive_loss_pause_hours",
        "Pause after losses in a row",
        "h",
        Reason.CONSECUTIVE_LOSSES,
        tightens=Tightens.HIGHER,
        most=Decimal(720),
        part_of="max_consecutive_losses",
    ),
    _subscription(
        "min_market_profit_percent",
        "Least profit in a market over a day",
        "% of capital",
        Reason.MARKET_BANNED,
        tightens=Tightens.HIGHER,
        window=Window.DAY,
        least=-PERCENT,
        most=PERCENT,
    ),
    _subscription(
        "low_profit_ban_hours",
        "Ban of a market with too little profit",
        "h",
        Reason.MARKET_BANNED,
        tightens=Tightens.HIGHER,
        most=MEMORY_HOURS,
        part_of="min_market_profit_percent",
    ),
    _subscription(
        "cooldown_after_trade_seconds",
        "Cool-down after a trade in the market",
        "s",
        Reason.COOL_DOWN,
        tightens=Tightens.HIGHER,
        most=MEMORY_SECONDS,
    ),
    _subscription(
        "cooldown_after_loss_seconds",
        "Cool-down after a loss in the market",
        "s",
        Reason.COOL_DOWN_AFTER_LOSS,
        tightens=Tightens.HIGHER,
        most=MEMORY_SECONDS,
    ),
)
_RATE = (
    _account(
        "quarantine_after_reject_minutes",
        "Quarantine of a market after a rejection",
        "min",
        Reason.MARKET_QUARANTINED,
        tightens=Tightens.HIGHER,
        most=MEMORY_HOURS * 60,
    ),
    _subscription(
        "duplicate_window_seconds",
        "No repeated entry within",
        "s",
        Reason.DUPLICATE_ENTRY,
        tightens=Tightens.HIGHER,
        most=MEMORY_SECONDS,
    ),
    _account(
        "max_orders_per_second",
        "Orders in a second",
        "count",
        Reason.MAX_ORDERS_PER_SECOND,
        window=Window.SECOND,
        most=MAX_ORDERS_PER_MINUTE,
    ),
    _account(
        "max_orders_per_minute",
        "Orders in a minute",
        "count",
        Reason.MAX_ORDERS_PER_MINUTE,
        window=Window.MINUTE,
        most=MAX_ORDERS_PER_MINUTE,
    ),
    _account(
        "max_orders_per_day",
        "Orders in a day",
        "count",
        Reason.MAX_ORDERS_PER_DAY,
        window=Window.DAY,
        most=MAX_ORDERS_PER_DAY,
    ),
    _subscription(
        "max_trades_per_day",
        "Entries in a day",
        "count",
        Reason.MAX_TRADES_PER_DAY,
        window=Window.DAY,
        most=MAX_ORDERS_PER_DAY,
    ),
    _account("max_daily_notional", "Notional entered in a day", "quote", Reason.MAX_DAILY_NOTIONAL, window=Window.DAY),
    _account(
        "max_cancels_per_minute",
        "Cancellations and amendments in a minute",
        "count",
        Reason.MAX_CANCELS_PER_MINUTE,
        window=Window.MINUTE,
        most=MAX_CANCELS_PER_MINUTE,
    ),
)
_ORDER = (
    _order("max_signal_age_seconds", "Age of a signal", "s", Reason.SIGNAL_TOO_OLD, least=Decimal(1)),
    _order("min_confidence", "Least confidence of a signal", "ratio", Reason.MIN_CONFIDENCE, tightens=Tightens.HIGHER),
    _order("stop_required", "A stop is required", "flag", Reason.STOP_REQUIRED, tightens=Tightens.FLAG),
    _order("max_stop_distance_percent", "Longest way to the stop", "% of price", Reason.MAX_STOP_DISTANCE, most=PERCENT),
    _order(
        "min_stop_distance_percent",
        "Shortest way to the stop",
        "% of price",
        Reason.MIN_STOP_DISTANCE,
        tightens=Tightens.HIGHER,
        most=PERCENT,
    ),
    _order("min_reward_to_risk", "Reward to risk", "ratio", Reason.MIN_REWARD_TO_RISK, tightens=Tightens.HIGHER, most=MAX_COUNT),
    _order("max_risk_per_trade_percent", "Risk of one trade", "% of capital", Reason.MAX_RISK_PER_TRADE, most=PERCENT),
    _order("max_order_quantity", "Quantity of an order", "base", Reason.MAX_ORDER_QUANTITY),
    _order("max_order_notional", "Notional of an order", "quote", Reason.MAX_ORDER_NOTIONAL),
    _order("min_order_notional", "Least notional of an order", "quote", Reason.MIN_ORDER_NOTIONAL, tightens=Tightens.HIGHER),
    _order("approval_above_notional", "Notional that needs an approval", "quote", Reason.APPROVAL_REQUIRED),
    _order("max_quote_age_seconds", "Age of the quote", "s", Reason.QUOTE_TOO_OLD, least=Decimal(1)),
    _order("max_price_deviation_percent", "Price collar", "% of mark price", Reason.PRICE_COLLAR, most=PERCENT),
    _order("max_resting_distance_percent", "Way to a resting entry", "% of mark price", Reason.RESTING_DISTANCE, most=PERCENT),
    _order("max_slippage_bps", "Expected slippage", "bps of signal price", Reason.MAX_SLIPPAGE, most=MAX_BPS),
    _order("max_spread_bps", "Spread", "bps of mid price", Reason.MAX_SPREAD, most=MAX_BPS),
    _order("max_funding_rate_percent", "Funding rate to be paid", "% per 8 h", Reason.MAX_FUNDING_RATE, most=PERCENT),
    _order(
        "min_liquidation_distance_percent",
        "Distance to liquidation",
        "% of price",
        Reason.MIN_LIQUIDATION_DISTANCE,
        tightens=Tightens.HIGHER,
        most=PERCENT,
    ),
)
_EXPOSURE = (
    _account("max_position_notional", "Position in a market", "quote", Reason.MAX_POSITION_NOTIONAL),
    _account("max_gross_exposure", "Gross exposure", "quote", Reason.MAX_GROSS_EXPOSURE),
    _account("max_net_exposure", "Net exposure", "quote", Reason.MAX_NET_EXPOSURE),
    _subscription("max_leverage", "Exposure of a subscription", "x of capital", Reason.MAX_LEVERAGE, most=MAX_LEVERAGE_BOUND),
    _account(
        "max_account_leverage", "Exposure of an account", "x of equity", Reason.MAX_ACCOUNT_LEVERAGE, most=MAX_LEVERAGE_BOUND
    ),
    _account(
        "max_concentration_percent",
        "Position in a market",
        "% of equity",
        Reason.MAX_CONCENTRATION,
        most=PERCENT * MAX_LEVERAGE_BOUND,
    ),
    _account(
        "max_correlated_exposure_percent",
        "Exposure of markets that move together",
        "% of equity",
        Reason.MAX_CORRELATED_EXPOSURE,
        most=PERCENT * MAX_LEVERAGE_BOUND,
    ),
    _account(
        "correlated_markets",
        "Groups of markets that move together",
        "groups of markets",
        Reason.MAX_CORRELATED_EXPOSURE,
        tightens=Tightens.SUPERSET,
        part_of="max_correlated_exposure_percent",
    ),
    _account(
        "max_strategy_allocation_percent",
        "Exposure of a strategy",
        "% of equity",
        Reason.MAX_STRATEGY_ALLOCATION,
        most=PERCENT * MAX_LEVERAGE_BOUND,
    ),
    _account("max_portfolio_heat_percent", "Open risk to all stops", "% of equity", Reason.MAX_PORTFOLIO_HEAT, most=PERCENT),
    _account("max_margin_usage_percent", "Margin in use", "% of equity", Reason.MAX_MARGIN_USAGE, most=PERCENT),
)
_HELD = (
    _subscription(
        "max_holding_hours",
        "Time that a position is held",
        "h",
        Reason.HOLDING_TIME_OVER,
        most=Decimal(8_760),
        enforced=Enforced.RECONCILER,
    ),
    _subscription(
        "max_unrealised_loss_percent",
        "Unrealised loss of a position",
        "% of its entry",
        Reason.UNREALISED_LOSS,
        most=PERCENT,
        enforced=Enforced.RECONCILER,
    ),
)

CATALOGUE: Mapping[str, LimitSpec] = {
    spec.name: spec for group in (_ACCESS, _POSITION, _LOSS, _RATE, _ORDER, _EXPOSURE, _HELD) for spec in group
}
"""All limits by name, in the order in which they are evaluated."""

REASONS_OF_LIMITS = frozenset(spec.reason for spec in CATALOGUE.values()) | {
    Reason.EMERGENCY_LIMIT,
    Reason.LIMITS_UNAVAILABLE,
    Reason.POOL_EXHAUSTED,
}
