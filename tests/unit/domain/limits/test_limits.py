"""Limits of several levels: the tightened limits, their origins, and the limits that a change would loosen."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import (
    MAX_SET_SIZE,
    Authority,
    ClosingLimits,
    EffectiveLimits,
    Limits,
    Scope,
    acted_on,
    loosened,
    tighten,
    tighten_further,
)
from candlecast.domain.limits.trading_window import Blackout, TradingWindow, is_open
from candlecast.domain.subscriptions.subscription import AllowedSides
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.terms import PositionSide
from tests.support.builders import BTC, ETH, NOW, after, settings

D = Decimal
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
MONDAY_NIGHT = TradingWindow((0,), time(22), time(2))
MONDAY_EVENING = TradingWindow((0,), time(20), time(23))


@pytest.mark.parametrize(
    ("name", "wide", "narrow", "value", "origin"),
    [
        ("max_leverage", D(10), D(5), D(5), Scope.SUBSCRIPTION),
        ("max_leverage", D(5), D(10), D(5), Scope.PLATFORM),
        ("max_leverage", D(5), D(5), D(5), Scope.PLATFORM),
        ("min_equity", D(100), D(200), D(200), Scope.SUBSCRIPTION),
        ("stop_required", True, False, True, Scope.PLATFORM),
        ("allowed_markets", (BTC, ETH), (ETH, "X"), (ETH,), Scope.SUBSCRIPTION),
        ("allowed_markets", (ETH,), (BTC, ETH), (ETH,), Scope.PLATFORM),
        ("allowed_sides", (LONG,), (SHORT,), (), Scope.SUBSCRIPTION),
        ("denied_markets", (BTC,), (ETH,), (BTC, ETH), Scope.SUBSCRIPTION),
        ("limits_locked_until", after(1), after(2), after(2), Scope.SUBSCRIPTION),
        ("blackouts", (Blackout(NOW, after(1)),), (), (Blackout(NOW, after(1)),), Scope.PLATFORM),
        ("trading_windows", (MONDAY_NIGHT,), (MONDAY_EVENING,), (TradingWindow((0,), time(22), time(23)),), Scope.SUBSCRIPTION),
    ],
)
def test_the_tighter_value_counts_and_the_widest_level_that_gives_it_is_its_origin(
    name: str, wide: Any, narrow: Any, value: Any, origin: Scope
) -> None:
    effective = tighten(((Scope.SUBSCRIPTION, Limits(**{name: narrow})), (Scope.PLATFORM, Limits(**{name: wide}))))
    assert effective == EffectiveLimits(Limits(**{name: value}), {name: origin})


def test_what_no_level_sets_is_not_limited() -> None:
    assert tighten(((Scope.PLATFORM, Limits()), (Scope.USER, Limits(max_adds=0)))).limits.given() == (("max_adds", 0),)
    assert tighten_further(EffectiveLimits(), ()) == EffectiveLimits()


def test_further_levels_keep_what_is_known_of_those_above() -> None:
    above = tighten(((Scope.GROUP, Limits(max_leverage=D(5))),), authority=Authority.CACHED)
    effective = tighten_further(above, ((Scope.ACCOUNT, Limits(max_leverage=D(9), max_adds=1)),))
    assert effective == EffectiveLimits(
        Limits(max_leverage=D(5), max_adds=1), {"max_leverage": Scope.GROUP, "max_adds": Scope.ACCOUNT}, Authority.CACHED
    )


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ({"max_leverage": D(5)}, {"max_leverage": D(6)}, ("max_leverage",)),
        ({"max_leverage": D(5)}, {"max_leverage": D(4)}, ()),
        ({"max_leverage": D(5)}, {}, ("max_leverage",)),
        ({}, {"max_leverage": D(5)}, ()),
        ({"min_equity": D(5)}, {"min_equity": D(4)}, ("min_equity",)),
        ({"allowed_markets": (BTC,)}, {"allowed_markets": (BTC, ETH)}, ("allowed_markets",)),
        ({"denied_markets": (BTC, ETH)}, {"denied_markets": (BTC,)}, ("denied_markets",)),
        ({"denied_markets": (BTC,)}, {"denied_markets": (ETH, BTC)}, ()),
        ({"stop_required": True}, {"stop_required": False}, ("stop_required",)),
        (
            {"trading_windows": (MONDAY_EVENING,)},
            {"trading_windows": (TradingWindow((0,), time(20), time(23, 1)),)},
            ("trading_windows",),
        ),
        ({"trading_windows": (MONDAY_EVENING,)}, {"trading_windows": (TradingWindow((0,), time(20), time(22)),)}, ()),
    ],
)
def test_a_change_that_would_loosen_a_limit_is_named(old: Any, new: Any, names: tuple[str, ...]) -> None:
    assert loosened(Limits(**old), Limits(**new)) == names


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_leverage": D(126)},
        {"max_leverage": D(-1)},
        {"max_leverage": D("NaN")},
        {"max_leverage": 0.5},
        {"max_orders_per_minute": 101},
        {"limits_locked_until": NOW.replace(tzinfo=None)},
        {"allowed_markets": ("",)},
        {"correlated_markets": ((),)},
    ],
)
def test_a_value_beyond_the_catalogue_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidValue):
        Limits(**wrong)


def test_one_level_may_set_only_so_many_entries() -> None:
    full = tuple(f"M{number}" for number in range(MAX_SET_SIZE))
    assert Limits(denied_markets=full).require_settable()
    with pytest.raises(InvalidValue, match="TOO_MANY_ENTRIES"):
        settings(limits=Limits(denied_markets=(*full, "one more")))


def test_settings_whose_limits_would_refuse_each_entry_may_not_be_set() -> None:
    most = CATALOGUE["max_order_notional"].most
    assert settings(max_order_notional=Decimal(most)).require_settable()
    with pytest.raises(InvalidValue, match="LIMIT_OUT_OF_BOUNDS"):
        settings(max_order_notional=Decimal(most) + 1).require_settable()


def test_equal_sets_are_equal_limits() -> None:
    assert Limits(denied_markets=(ETH, BTC, ETH)) == Limits(denied_markets=(BTC, ETH))
    assert Limits(correlated_markets=((ETH, BTC),)) == Limits(correlated_markets=((BTC, ETH),))


def test_a_subscription_limits_by_its_settings_and_its_limits_whichever_is_tighter() -> None:
    layer = settings(
        leverage=D(7),
        allowed_sides=AllowedSides.LONG,
        allowed_markets=(BTC, ETH),
        limits=Limits(max_leverage=D(3), max_positions=5, allowed_markets=(ETH,)),
    ).layer()
    assert (layer.max_leverage, layer.max_positions, layer.allowed_sides) == (D(3), 1, (LONG,))
    assert (layer.allowed_markets, layer.max_signal_age_seconds) == ((ETH,), 120)


def test_an_empty_list_of_markets_of_the_settings_allows_them_all() -> None:
    assert settings(allowed_markets=()).layer().allowed_markets is None


def test_limits_on_what_is_held_are_told_apart() -> None:
    assert acted_on(Limits(max_adds=1)) is None
    assert acted_on(Limits(max_holding_hours=D(2))) == ClosingLimits(max_holding_hours=D(2))


def test_limits_survive_a_message_with_every_kind_of_value() -> None:
    limits = Limits(
        stop_required=True,
        allowed_sides=(SHORT,),
        trading_windows=(MONDAY_NIGHT,),
        blackouts=(Blackout(NOW, after(5), "rates"),),
        limits_locked_until=after(9),
        correlated_markets=((BTC, ETH),),
        min_market_profit_percent=D("-1.5"),
        max_adds=0,
    )
    effective = tighten(((Scope.USER, limits),), authority=Authority.EMERGENCY)
    assert from_json(EffectiveLimits, to_json(effective)) == effective


@pytest.mark.parametrize(
    ("window", "opens", "length"),
    [
        (MONDAY_NIGHT, 0 * 24 + 22, 4),
        (TradingWindow((6,), time(23), time(1)), 6 * 24 + 23, 2),  # from Sunday into Monday
        (TradingWindow((2,), time(0), time(0)), 2 * 24, 24),
    ],
)
def test_a_window_may_cross_midnight_and_the_end_of_the_week(window: TradingWindow, opens: int, length: int) -> None:
    monday = NOW.replace(hour=0) - timedelta(days=NOW.weekday())
    open_hours = {hour for hour in range(7 * 24) if is_open((window,), monday + timedelta(hours=hour))}
    assert open_hours == {(opens + each) % (7 * 24) for each in range(length)}


def test_the_catalogue_names_no_parameter_of_a_limit_that_there_is_not() -> None:
    assert {spec.part_of for spec in CATALOGUE.values()} - {None} <= set(CATALOGUE)
    assert all(spec.least < spec.most for spec in CATALOGUE.values())
