"""Trading windows: their bounds, and the work that the largest ones make."""

from __future__ import annotations

import json
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_terse_json
from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import MAX_CHARACTERS_OF_SETS, MAX_SET_SIZE, Limits, Scope, loosened, tighten
from candlecast.domain.limits.trading_window import (
    MAX_COMMON_WINDOWS,
    MAX_OPENINGS_PER_WEEK,
    MINUTES_PER_WEEK,
    Blackout,
    TradingWindow,
    common_windows,
    is_open,
    openings_per_week,
)
from candlecast.domain.subscriptions.subscription import MAX_ALLOWED_MARKETS, MAX_CHARACTERS_OF_LISTS, Settings
from candlecast.domain.values.errors import InvalidValue
from tests.support.builders import NOW, after, settings
from tests.support.steps import steps_of

MAX_SETTINGS_BYTES = 10_000  # what the queue's batch of ten messages assumes
MAX_STEPS = 60_000  # of one look at, or one merge of, the largest stored windows
MONDAY = NOW.replace(hour=0, minute=0) - timedelta(days=NOW.weekday())


def stored(days: int, count: int = MAX_SET_SIZE, shift: int = 0) -> Limits:
    """Windows as older code stored them: some 30 kB, most of it repeated days."""
    windows = [
        {
            "days": [day % 7 for day in range(days)],
            "opens": f"{at // 60:02}:{at % 60:02}:00",
            "closes": f"{at // 60:02}:{at % 60 + 5:02}:00",
        }
        for at in range(shift, shift + 20 * count, 20)
    ]
    return from_json(Limits, json.dumps({"trading_windows": windows}))


def test_days_are_a_sorted_set_of_seven_at_most() -> None:
    assert TradingWindow((4, 0, 4, 0), time(8), time(9)).days == (0, 4)
    assert len(TradingWindow(tuple(day % 7 for day in range(280)), time(8), time(9)).minutes()) == 7


@pytest.mark.parametrize("days", [(), (7,), (-1,), (True,), (1.0,), ("0",)])
def test_a_day_is_a_whole_number_from_0_to_6(days: Any) -> None:
    with pytest.raises(InvalidValue):
        TradingWindow(days, time(8), time(9))


def test_the_largest_stored_windows_cost_a_bounded_number_of_steps() -> None:
    one, other = stored(280), stored(280, shift=3)
    assert steps_of(lambda: is_open(one.trading_windows or (), NOW), MAX_STEPS) > 0
    assert steps_of(lambda: tighten(((Scope.USER, one), (Scope.SUBSCRIPTION, other))), MAX_STEPS) > 0
    assert steps_of(lambda: loosened(one, other), MAX_STEPS) > 0


def test_the_work_grows_with_the_number_of_windows_and_not_with_its_square() -> None:
    few = steps_of(lambda: tighten(((Scope.USER, stored(7, 10)), (Scope.SUBSCRIPTION, stored(7, 10, shift=3)))))
    many = steps_of(lambda: tighten(((Scope.USER, stored(7, 50)), (Scope.SUBSCRIPTION, stored(7, 50, shift=3)))))
    assert many < 7 * few


def test_common_windows_are_open_exactly_when_both_are() -> None:
    one = (TradingWindow((0, 2, 6), time(22), time(3)), TradingWindow((3,), time(8), time(12)))
    other = (TradingWindow((0, 1, 2, 3, 4, 5, 6), time(23), time(10)),)
    both = common_windows(one, other)
    for minute in range(0, MINUTES_PER_WEEK, 30):
        at = MONDAY + timedelta(minutes=minute)
        assert is_open(both, at) == (is_open(one, at) and is_open(other, at))


def test_windows_that_older_code_stored_without_bounds_tighten_and_never_stop_a_message() -> None:
    odd = tuple(
        TradingWindow((day,), time(at // 60, at % 60), time(at // 60 + (at % 60 == 59), (at + 1) % 60))
        for day in range(7)
        for at in range(day, 23 * 60, 18)
    )
    assert len(odd) > MAX_COMMON_WINDOWS
    always = (TradingWindow(tuple(range(7)), time(0), time(0)),)
    both = common_windows(odd, always)
    assert len(both) == MAX_COMMON_WINDOWS
    assert set(both) < set(odd)
    assert Limits(trading_windows=both)


def test_a_level_may_open_only_so_often_in_a_week() -> None:
    def hourly(count: int) -> Limits:
        return Limits(trading_windows=tuple(TradingWindow((n % 7,), time(n // 7), time(n // 7, 30)) for n in range(count)))

    assert hourly(MAX_OPENINGS_PER_WEEK).require_settable()
    seven_days = tuple(TradingWindow(tuple(range(7)), time(hour), time(hour, 30)) for hour in range(8))
    assert openings_per_week(seven_days) > MAX_OPENINGS_PER_WEEK
    with pytest.raises(InvalidValue, match="TOO_MANY_ENTRIES"):
        Limits(trading_windows=seven_days).require_settable()


def test_the_windows_of_six_levels_stay_below_the_bound_of_merged_ones() -> None:
    levels = [
        (
            scope,
            Limits(
                trading_windows=tuple(
                    TradingWindow((n % 7,), time(n // 7 * 3, shift), time(n // 7 * 3 + 2, 59)) for n in range(50)
                )
            ),
        )
        for shift, scope in enumerate(Scope)
    ]
    for _, limits in levels:
        assert limits.require_settable()
    windows = tighten(levels).limits.trading_windows or ()
    assert 0 < len(windows) < MAX_COMMON_WINDOWS


@pytest.mark.parametrize(
    "limits",
    [
        Limits(correlated_markets=(tuple(f"M{number}" for number in range(MAX_SET_SIZE + 1)),)),
        Limits(correlated_markets=tuple(tuple(f"M{n}-{m}" for m in range(MAX_SET_SIZE)) for n in range(MAX_SET_SIZE))),
        Limits(denied_markets=tuple("X" * 200 + str(number) for number in range(MAX_SET_SIZE))),
        Limits(blackouts=tuple(Blackout(after(n), after(n + 1), "n" * 60) for n in range(0, 120, 2))[:MAX_SET_SIZE]),
    ],
)
def test_lists_within_a_limit_are_bounded_too_yet_stored_ones_are_read(limits: Limits) -> None:
    if limits.characters_of_sets() > MAX_CHARACTERS_OF_LISTS:
        assert settings(limits=limits)
        with pytest.raises(InvalidValue, match="TOO_MANY_ENTRIES"):
            settings(limits=limits).require_settable()
    if limits.characters_of_sets() > MAX_CHARACTERS_OF_SETS:
        with pytest.raises(InvalidValue, match="TOO_MANY_ENTRIES"):
            limits.require_settable()


def test_the_estimated_characters_of_sets_are_no_less_than_what_they_take() -> None:
    limits = widest_limits(blackouts=10, markets=20)
    sets = {name: value for name, value in json.loads(to_terse_json(limits)).items() if isinstance(value, list)}
    taken = sum(len(json.dumps(value, separators=(",", ":"))) for value in sets.values())
    assert taken <= limits.characters_of_sets() <= 1.2 * taken


def widest_limits(blackouts: int, markets: int) -> Limits:
    """Every limit at its longest, with sets of these sizes."""
    widest: dict[str, Any] = {}
    for name, spec in CATALOGUE.items():
        if name not in ("trading_windows", "blackouts", "limits_locked_until") and not name.endswith(
            ("_markets", "_venues", "_sides")
        ):
            hint = str(Limits.__annotations__[name])
            most = spec.most - Decimal("0.000000000000000001")
            widest[name] = True if "bool" in hint else int(spec.most) if hint.startswith("int") else most
    return Limits(
        **widest,
        limits_locked_until=after(1),
        allowed_markets=tuple(f"{number:064}" for number in range(markets)),
        trading_windows=tuple(TradingWindow(tuple(range(7)), time(hour), time(hour, 30)) for hour in range(7)),
        blackouts=tuple(Blackout(after(n + 0.123456), after(n + 1), "n" * 60) for n in range(0, 2 * blackouts, 2)),
    )


def test_settings_with_everything_at_its_maximum_stay_within_what_a_message_assumes() -> None:
    long = Decimal("99.999999999999999999")
    widest = settings(
        limits=widest_limits(blackouts=0, markets=0),
        capital=Decimal("999999999999999999.999999999999999999"),
        max_order_notional=Decimal("999999999999999.999999999999999999"),
        risk_per_trade_percent=long,
        max_daily_loss_percent=long,
        stop_atr_multiplier=long,
        target_atr_multiplier=long,
        payoff_ratio=long,
        kelly_cap_percent=long,
        win_rate=Decimal("0.999999999999999999"),
        trailing_stop_percent=long,
        trailing_activation_percent=long,
        break_even_after_r=long,
    )
    room = MAX_CHARACTERS_OF_LISTS - widest.limits.characters_of_sets()
    full = settings(
        **{**vars(widest), "allowed_markets": tuple(f"{number:064}" for number in range(min(room // 67, MAX_ALLOWED_MARKETS)))}
    )
    assert isinstance(full.require_settable(), Settings)
    size = len(to_terse_json(full))
    assert 0.7 * MAX_SETTINGS_BYTES < size <= MAX_SETTINGS_BYTES
