"""The participants of a replay: strategies on the markets of the files, and users who differ in all their choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

from infra.local.candle_files import CandleFile

VENUE = "paper"
DEFAULT_USERS = 50
MAX_USERS = 2_000  # each is a person in the user pool, an account, a secret and a subscription, all made through the API
STABLE_QUOTES = frozenset({"USDT", "USDC", "BUSD", "FDUSD", "USD"})
STABLE_CAPITAL = Decimal(10_000)
COIN_CAPITAL = Decimal(10)  # in a quote currency such as BTC

# Code, parameters: chosen so that an hour or two of minute candles holds entries, reversals, exits, stops and targets.
STRATEGIES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("sma_cross", {}),
    ("ema_atr_trend", {}),
    ("donchian_breakout", {}),
)


class Case(StrEnum):
    """How a user differs from an ordinary user."""

    ORDINARY = "ordinary"
    WITHOUT_ACCOUNT = "without an account"
    WITHOUT_KEY = "without a key"
    PAUSED = "paused"
    OVER_LIMIT = "over a limit"
    REVOKED_KEY = "revoked key"


SPECIAL_CASES = (Case.WITHOUT_KEY, Case.PAUSED, Case.OVER_LIMIT, Case.REVOKED_KEY, Case.WITHOUT_ACCOUNT)


@dataclass(frozen=True, slots=True)
class PlannedStrategy:
    """A strategy on a file's market."""

    strategy_id: str
    code: str
    parameters: Mapping[str, Any]
    file: CandleFile

    @property
    def body(self) -> dict[str, Any]:
        """The request that creates it."""
        return {
            "kind": "BUILT_IN",
            "strategy_id": self.strategy_id,
            "name": f"{self.code} on {self.file.market}",
            "venue": VENUE,
            "market": self.file.market,
            "timeframe": self.file.timeframe.value,
            "code": self.code,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True)
class PlannedUser:
    """A user with one account and one subscription; `settings` is the subscription's request body."""

    name: str
    case: Case
    strategy: PlannedStrategy
    balance: Decimal
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def quote(self) -> str:
        return quote_of(self.strategy.file.market)


def quote_of(market: str) -> str:
    """Quote currency of a unified symbol."""
    return market.partition("/")[2].partition(":")[0]


def plan_strategies(files: Sequence[CandleFile]) -> tuple[PlannedStrategy, ...]:
    """Every strategy once, dealt out over the files in turn."""
    dealt = zip(STRATEGIES, cycle(files), strict=False)
    return tuple(
        PlannedStrategy(f"{code.replace('_', '-')}-{_slug(file)}", code, parameters, file) for (code, parameters), file in dealt
    )


def plan_users(strategies: Sequence[PlannedStrategy], count: int) -> tuple[PlannedUser, ...]:
    """`count` users dealt out over the strategies; the first ones are the special cases, one each."""
    cases = [*SPECIAL_CASES, *[Case.ORDINARY] * count][:count]
    return tuple(
        _user(number, case, strategy)
        for number, (case, strategy) in enumerate(zip(cases, islice(cycle(strategies), count), strict=True))
    )


def _user(number: int, case: Case, strategy: PlannedStrategy) -> PlannedUser:
    capital = STABLE_CAPITAL if quote_of(strategy.file.market) in STABLE_QUOTES else COIN_CAPITAL
    settings = _settings(number, capital, strategy.file.candles[-1].close)
    if case is not Case.ORDINARY:
        settings.pop("allowed_sides", None)  # a special case shows at the first signal, on either side
    if case is Case.OVER_LIMIT:
        settings["max_order_notional"] = _text(capital / 10_000)
    return PlannedUser(f"user-{number:04d}", case, strategy, capital * 2, settings)


def _settings(number: int, capital: Decimal, price: Decimal) -> dict[str, Any]:
    """Settings that differ from user to user in size, risk, leverage, sides and exits."""
    sizings = (
        {"mode": "FIXED_NOTIONAL", "value": _text(capital / 10)},
        {"mode": "PERCENT_OF_CAPITAL", "value": "25"},
        {"mode": "RISK_PERCENT"},
        {"mode": "FIXED_QUANTITY", "value": _text((capital / 5 / price).quantize(Decimal("0.001")))},
        {"mode": "RISK_PERCENT", "value": "0.5"},
    )
    settings: dict[str, Any] = {
        "capital": _text(capital),
        "sizing": sizings[number % len(sizings)],
        "leverage": (5, 10, 20)[number % 3],
        "margin_mode": ("CROSS", "ISOLATED")[number % 2],
        "max_signal_age_seconds": 300,  # a crashed executor's message comes back after 90 s, and must still be fresh
    }
    if number % 4 == 1:
        settings |= {"stop_atr_multiplier": "2", "target_atr_multiplier": "3"}
    if number % 7 == 3:
        settings["allowed_sides"] = "LONG"
    return settings


def _slug(file: CandleFile) -> str:
    base = file.market.partition("/")[0]
    return f"{base}-{quote_of(file.market)}-{file.timeframe.value}".lower()


def _text(value: Decimal) -> str:
    return format(value.normalize(), "f")
