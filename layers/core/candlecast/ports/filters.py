"""Filters of listings: a span of time, a direction, and the values that an entry must have.

Apart from the stores' protocols, since the functions that trade list nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from candlecast.domain.values.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The entries of `[since, until)`, newest first unless they are to ascend. None is no bound.

    Raises `InvalidValue` (WINDOW_EMPTY) if nothing can lie within.
    """

    since: datetime | None = None
    until: datetime | None = None
    ascending: bool = False

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise InvalidValue("until must be later than since", code="WINDOW_EMPTY")

    @property
    def is_bounded(self) -> bool:
        return self.since is not None or self.until is not None

    def covers(self, instant: datetime) -> bool:
        return (self.since is None or self.since <= instant) and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions of a listing. Each field but a window is named as the value's own attribute; None means any."""

    @property
    def conditions(self) -> Mapping[str, object]:
        """The values that are asked for."""
        asked = ((it.name, getattr(self, it.name)) for it in fields(self) if it.name != "window")
        return {name: value for name, value in asked if value is not None}

    def fits(self, value: object) -> bool:
        """Whether a value of the window is one that is asked for."""
        return all(getattr(value, name) == wanted for name, wanted in self.conditions.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFilter(Filter):
    """Conditions of a listing by time."""

    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter(TimedFilter):
    """Of orders, by the time at which the leg was recorded."""

    subscription_id: str | None = None
    account_id: str | None = None
    strategy_id: str | None = None
    signal_id: str | None = None
    market: str | None = None
    kind: str | None = None
    state: str | None = None
    reason: str | None = None
    is_filled: bool | None = None
    is_of_signal: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFilter(TimedFilter):
    """Of trades, by the time of their close."""

    subscription_id: str | None = None
    account_id: str | None = None
    strategy_id: str | None = None
    market: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFilter(TradeFilter):
    """Of open positions, by the time of their opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter(TimedFilter):
    """Of a strategy's runs, by the close of their candle."""

    status: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter(TimedFilter):
    """Of a strategy's signals, by the time at which they were published. The conditions are on the signal itself."""

    market: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFilter(TimedFilter):
    """Of breaches of limits, by their time."""

    subscription_id: str | None = None
    account_id: str | None = None
    signal_id: str | None = None
    market: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestFilter(TimedFilter):
    """Of backtests, by the time at which they were asked for."""

    strategy_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFilter(TimedFilter):
    """Of a strategy's versions, by the time at which they were added."""

    digest: str | None = None
    source_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFilter(Filter):
    """Of subscriptions."""

    strategy_id: str | None = None
    account_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter(Filter):
    """Of accounts, by their fields in the API: `status` is the shown status."""

    venue: str | None = None
    status: str | None = None
