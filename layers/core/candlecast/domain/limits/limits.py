"""Limits as somebody sets them, and the limits in force for one order: a lower level can only tighten.

The meaning of each limit stands in `catalogue.py`, its check in `domain/decide/risk/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import attrgetter
from typing import Any

from candlecast.domain.limits.catalogue import CATALOGUE, LimitSpec, Tightens
from candlecast.domain.limits.trading_window import (
    MAX_COMMON_WINDOWS,
    MAX_OPENINGS_PER_WEEK,
    Blackout,
    TradingWindow,
    common_windows,
    openings_per_week,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.money import require_decimal, require_utc
from candlecast.domain.values.terms import PositionSide

__all__ = ["CATALOGUE", "NAMES", "Authority", "ClosingLimits", "EffectiveLimits", "LimitSpec", "Limits", "Scope"]

MAX_SET_SIZE = 50  # in the set of one level, and in each set inside: settings travel in every order message
MAX_MERGED_SIZE = MAX_COMMON_WINDOWS  # in the merged set of all levels
QUOTES_AND_COMMA = 3
CHARACTERS_OF_A_BLACKOUT = 90  # `{"starts_at":"2026-11-20T12:00:00.000000Z","ends_at":"2026-11-20T12:00:00.000000Z","name":""},`
CHARACTERS_OF_A_WINDOW = 50  # `{"days":[],"opens":"08:00:00","closes":"16:00:00"},`
MAX_CHARACTERS_OF_SETS = 8_000  # in all sets of one level as JSON: the four levels above an account travel together


class Scope(StrEnum):
    """Whose limit it is, widest first. OPERATIONS is an operator's word about one user, USER that user's own word."""

    PLATFORM = "PLATFORM"
    ORGANISATION = "ORGANISATION"
    GROUP = "GROUP"
    OPERATIONS = "OPERATIONS"
    USER = "USER"
    ACCOUNT = "ACCOUNT"
    SUBSCRIPTION = "SUBSCRIPTION"


class Authority(StrEnum):
    """How well the limits above the account are known.

    LIVE: read just now. CACHED: read in the last minutes. EMERGENCY: unknown, the emergency limits count. LOST: unknown for too
    long, no entry is taken.
    """

    LIVE = "LIVE"
    CACHED = "CACHED"
    EMERGENCY = "EMERGENCY"
    LOST = "LOST"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """One level's limits by their standard names; None is not limited at this level. Units stand in the catalogue.

    An empty `allowed_...` allows nothing. Raises `InvalidValue` (LIMIT_OUT_OF_BOUNDS) for a value beyond the catalogue's bounds.
    """

    # access
    reduce_only: bool | None = None
    allowed_venues: tuple[str, ...] | None = None
    allowed_markets: tuple[str, ...] | None = None
    denied_markets: tuple[str, ...] | None = None
    allowed_sides: tuple[PositionSide, ...] | None = None
    trading_windows: tuple[TradingWindow, ...] | None = None
    blackouts: tuple[Blackout, ...] | None = None
    max_state_age_seconds: int | None = None
    limits_locked_until: datetime | None = None
    # positions
    one_position_per_market: bool | None = None
    max_adds: int | None = None
    max_positions: int | None = None
    max_account_positions: int | None = None
    max_open_orders: int | None = None
    self_match_prevention: bool | None = None
    # losses
    max_daily_loss_percent: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_weekly_loss_percent: Decimal | None = None
    max_monthly_loss_percent: Decimal | None = None
    max_account_daily_loss_percent: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    max_trailing_drawdown_percent: Decimal | None = None
    max_end_of_day_drawdown_percent: Decimal | None = None
    min_equity: Decimal | None = None
    daily_profit_lock_percent: Decimal | None = None
    max_consecutive_losses: int | None = None
    consecutive_loss_pause_hours: Decimal | None = None
    min_market_profit_percent: Decimal | None = None
    low_profit_ban_hours: Decimal | None = None
    cooldown_after_trade_seconds: int | None = None
    cooldown_after_loss_seconds: int | None = None
    # rates
    quarantine_after_reject_minutes: int | None = None
    duplicate_window_seconds: int | None = None
    max_orders_per_second: int | None = None
    max_orders_per_minute: int | None = None
    max_orders_per_day: int | None = None
    max_trades_per_day: int | None = None
    max_daily_notional: Decimal | None = None
    max_cancels_per_minute: int | None = None
    # the order itself
    max_signal_age_seconds: int | None = None
    min_confidence: Decimal | None = None
    stop_required: bool | None = None
    max_stop_distance_percent: Decimal | None = None
    min_stop_distance_percent: Decimal | None = None
    min_reward_to_risk: Decimal | None = None
    max_risk_per_trade_percent: Decimal | None = None
    max_order_quantity: Decimal | None = None
    max_order_notional: Decimal | None = None
    min_order_notional: Decimal | None = None
    approval_above_notional: Decimal | None = None
    max_quote_age_seconds: int | None = None
    max_price_deviation_percent: Decimal | None = None
    max_resting_distance_percent: Decimal | None = None
    max_slippage_bps: Decimal | None = None
    max_spread_bps: Decimal | None = None
    max_funding_rate_percent: Decimal | None = None
    min_liquidation_distance_percent: Decimal | None = None
    # exposure
    max_position_notional: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_leverage: Decimal | None = None
    max_account_leverage: Decimal | None = None
    max_concentration_percent: Decimal | None = None
    max_correlated_exposure_percent: Decimal | None = None
    correlated_markets: tuple[tuple[str, ...], ...] | None = None
    max_strategy_allocation_percent: Decimal | None = None
    max_portfolio_heat_percent: Decimal | None = None
    max_margin_usage_percent: Decimal | None = None
    # what is held
    max_holding_hours: Decimal | None = None
    max_unrealised_loss_percent: Decimal | None = None

    def __post_init__(self) -> None:
        for name, value in self.given():
            if isinstance(value, tuple):
                object.__setattr__(self, name, _canonical(name, value))
            elif isinstance(value, datetime):
                require_utc(name, value)
            elif not isinstance(value, bool):
                _require_number(name, value)

    def given(self) -> tuple[tuple[str, Any], ...]:
        """Name and value of each limit that is set, in the catalogue's order."""
        values = _VALUES(self)
        if values.count(None) == len(values):  # most users set none, and a fan-out asks thousands of them
            return ()
        return tuple((name, value) for name, value in zip(NAMES, values, strict=True) if value is not None)

    def require_few_entries(self) -> Limits:
        """These limits if one level may hold them, as stored ones do; raises `InvalidValue` (TOO_MANY_ENTRIES)."""
        for name, value in self.given():
            if isinstance(value, tuple) and len(value) > MAX_SET_SIZE:
                raise InvalidValue(f"{name} has over {MAX_SET_SIZE} entries", code="TOO_MANY_ENTRIES")
        return self

    def require_settable(self) -> Limits:
        """These limits if one level may set them now.

        Older limits are read although they would be refused here. Raises `InvalidValue`: TOO_MANY_ENTRIES for sets that are too
        large, TEXT_INVALID for a name that no person can read.
        """
        from candlecast.domain.values.text import require_text  # here, since no order needs it: every start would pay

        self.require_few_entries()
        if any(len(group) > MAX_SET_SIZE for group in self.correlated_markets or ()):
            raise InvalidValue(f"a group of correlated_markets has over {MAX_SET_SIZE} entries", code="TOO_MANY_ENTRIES")
        if openings_per_week(self.trading_windows or ()) > MAX_OPENINGS_PER_WEEK:
            raise InvalidValue(f"trading_windows open over {MAX_OPENINGS_PER_WEEK} times a week", code="TOO_MANY_ENTRIES")
        if self.characters_of_sets() > MAX_CHARACTERS_OF_SETS:
            raise InvalidValue(f"all lists together have over {MAX_CHARACTERS_OF_SETS} characters", code="TOO_MANY_ENTRIES")
        for blackout in self.blackouts or ():
            require_text("a blackout's name", blackout.name)
        return self

    def characters_of_sets(self) -> int:
        """About how many characters of JSON the sets take."""
        return sum(_characters(value) for _, value in self.given() if isinstance(value, tuple))


NAMES: tuple[str, ...] = tuple(each.name for each in fields(Limits))
_VALUES = attrgetter(*NAMES)
NO_LIMITS = Limits()  # shared by all values without a limit, because a new value takes longer than most decisions


@dataclass(frozen=True)
class EffectiveLimits:
    """The limits in force under several levels: the tightest value of each limit, and the widest level that gives it."""

    limits: Limits = NO_LIMITS
    origins: Mapping[str, Scope] = field(default_factory=dict)
    authority: Authority = Authority.LIVE

    @property
    def emergency(self) -> bool:
        """Whether the authority on limits could not be asked, so that the emergency limits count."""
        return self.authority is Authority.EMERGENCY


@dataclass(frozen=True)
class ClosingLimits:
    """The limits on a position, which the reconciler acts on: hours, and per cent of the position's cost."""

    max_holding_hours: Decimal | None = None
    max_unrealised_loss_percent: Decimal | None = None


def tighten(layers: Sequence[tuple[Scope, Limits]], *, authority: Authority = Authority.LIVE) -> EffectiveLimits:
    """The tightest of all layers, limit by limit; their order does not matter."""
    by_name: dict[str, list[tuple[Scope, Any]]] = {}
    for scope, limits in layers:
        for name, value in limits.given():
            by_name.setdefault(name, []).append((scope, value))
    return _effective(by_name, authority)


def tighten_further(above: EffectiveLimits, layers: Sequence[tuple[Scope, Limits]]) -> EffectiveLimits:
    """The limits of `above`, tightened by further layers."""
    by_name = {name: [(above.origins.get(name, Scope.PLATFORM), value)] for name, value in above.limits.given()}
    for scope, limits in layers:
        for name, value in limits.given():
            by_name.setdefault(name, []).append((scope, value))
    return _effective(by_name, above.authority)


def loosened(old: Limits, new: Limits) -> tuple[str, ...]:
    """Names of the limits that a change from `old` to `new` would loosen; a limit that was not set cannot be loosened."""
    after = dict(new.given())
    return tuple(name for name, value in old.given() if name not in after or _combine(name, value, after[name]) != after[name])


def acted_on(limits: Limits) -> ClosingLimits | None:
    """The limits on a position, for the position to remember; None if there are none."""
    if limits.max_holding_hours is None and limits.max_unrealised_loss_percent is None:
        return None
    return ClosingLimits(limits.max_holding_hours, limits.max_unrealised_loss_percent)


def _effective(by_name: Mapping[str, Sequence[tuple[Scope, Any]]], authority: Authority) -> EffectiveLimits:
    values: dict[str, Any] = {}
    origins: dict[str, Scope] = {}
    for name in filter(by_name.__contains__, NAMES):
        given = by_name[name]
        value = reduce(_COMBINE[CATALOGUE[name].tightens], (each for _, each in given))
        values[name] = value
        origins[name] = _origin(given, value)
    return EffectiveLimits(Limits(**values), origins, authority)


def _origin(given: Sequence[tuple[Scope, Any]], value: Any) -> Scope:
    """The widest level with this very value; for a merged set, the narrowest level with a value."""
    giving = [scope for scope, each in given if each == value]
    return min(giving, key=_WIDTH.__getitem__) if giving else max((scope for scope, _ in given), key=_WIDTH.__getitem__)


_WIDTH = {scope: width for width, scope in enumerate(Scope)}
_COMBINE: Mapping[Tightens, Callable[[Any, Any], Any]] = {
    Tightens.LOWER: min,
    Tightens.HIGHER: max,
    Tightens.LATEST: max,
    Tightens.FLAG: lambda one, other: one or other,
    Tightens.SUBSET: lambda one, other: tuple(sorted(set(one) & set(other))),
    Tightens.SUPERSET: lambda one, other: tuple(sorted(set(one) | set(other))),
    Tightens.WINDOWS: common_windows,
}


def _combine(name: str, one: Any, other: Any) -> Any:
    return _COMBINE[CATALOGUE[name].tightens](one, other)


def _characters(value: Any) -> int:
    """About how many characters of JSON a value of a set takes, with quotes and comma."""
    match value:
        case str():
            return len(value) + QUOTES_AND_COMMA
        case tuple():
            return QUOTES_AND_COMMA + sum(map(_characters, value))
        case Blackout():
            return CHARACTERS_OF_A_BLACKOUT + len(value.name)
        case TradingWindow():
            return CHARACTERS_OF_A_WINDOW + 2 * len(value.days)
    raise TypeError(f"no set holds a {type(value).__name__}")


def _canonical(name: str, value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sorted and without repeats, so that equal sets are equal values."""
    if name == "correlated_markets":
        value = tuple(tuple(sorted(set(group))) for group in value)
    if any(isinstance(each, (str, tuple)) and not each for each in value):
        raise InvalidValue(f"{name} has an empty entry", code="LIMIT_OUT_OF_BOUNDS")
    if len(value) > MAX_MERGED_SIZE:
        raise InvalidValue(f"{name} has over {MAX_MERGED_SIZE} entries", code="TOO_MANY_ENTRIES")
    return tuple(sorted(set(value)))


def _require_number(name: str, value: int | Decimal) -> None:
    number = value if isinstance(value, int) else require_decimal(name, value)
    spec = CATALOGUE[name]
    if not spec.least <= number <= spec.most:
        raise InvalidValue(f"{name} must be between {spec.least} and {spec.most}", code="LIMIT_OUT_OF_BOUNDS")
