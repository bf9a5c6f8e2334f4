"""The changes that loosen a subscription, setting by setting."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.limits.limits import Limits
from candlecast.domain.signals.entry_order import EntryPreference, EntryType
from candlecast.domain.subscriptions.locked_settings import AS_LIMITS, RULES, loosened_settings
from candlecast.domain.subscriptions.subscription import AllowedSides, Settings, Sizing, SizingMode
from candlecast.domain.values.terms import MarginMode, WorkingType
from tests.support.builders import BTC, ETH, settings

D = Decimal
NOTIONAL = SizingMode.FIXED_NOTIONAL
TRAILS = {"trailing_stop_percent": D(2)}


@pytest.mark.parametrize(
    ("tight", "loose", "name"),
    [
        ({"capital": D(1_000)}, {"capital": D(1_001)}, "capital"),
        ({"sizing": Sizing(NOTIONAL, D(100))}, {"sizing": Sizing(NOTIONAL, D(101))}, "sizing"),
        ({"sizing": Sizing(value=None)}, {"sizing": Sizing(value=D("1.5"))}, "sizing"),
        ({"risk_per_trade_percent": D(1)}, {"risk_per_trade_percent": D("1.1")}, "risk_per_trade_percent"),
        ({"margin_mode": MarginMode.ISOLATED}, {"margin_mode": MarginMode.CROSS}, "margin_mode"),
        ({"max_positions": 1}, {"max_positions": 2}, "max_positions"),
        ({"max_daily_loss_percent": D(5)}, {"max_daily_loss_percent": D(6)}, "max_daily_loss_percent"),
        ({"max_order_notional": D(100)}, {"max_order_notional": D(101)}, "max_order_notional"),
        ({"max_order_notional": D(100)}, {"max_order_notional": None}, "max_order_notional"),
        ({"max_signal_age_seconds": 60}, {"max_signal_age_seconds": 61}, "max_signal_age_seconds"),
        ({"allowed_sides": AllowedSides.LONG}, {"allowed_sides": AllowedSides.BOTH}, "allowed_sides"),
        ({"allowed_markets": (BTC,)}, {"allowed_markets": (BTC, ETH)}, "allowed_markets"),
        ({"allowed_markets": (BTC,)}, {"allowed_markets": ()}, "allowed_markets"),
        ({"limits": Limits(max_adds=0)}, {"limits": Limits()}, "max_adds"),
        ({"win_rate": D("0.5")}, {"win_rate": D("0.6")}, "win_rate"),
        ({"win_rate": None}, {"win_rate": D("0.1")}, "win_rate"),
        ({"payoff_ratio": D(1)}, {"payoff_ratio": D(2)}, "payoff_ratio"),
        ({"kelly_cap_percent": D(5)}, {"kelly_cap_percent": D(6)}, "kelly_cap_percent"),
        ({"trailing_stop_percent": D(2)}, {"trailing_stop_percent": D(3)}, "trailing_stop_percent"),
        ({"trailing_stop_percent": D(2)}, {"trailing_stop_percent": None}, "trailing_stop_percent"),
        ({"trailing_stop_atr_multiplier": D(2)}, {"trailing_stop_atr_multiplier": None}, "trailing_stop_atr_multiplier"),
        ({**TRAILS}, {**TRAILS, "trailing_activation_percent": D(1)}, "trailing_activation_percent"),
        ({"break_even_after_r": D(1)}, {"break_even_after_r": D(2)}, "break_even_after_r"),
        ({"break_even_after_r": D(1)}, {"break_even_after_r": None}, "break_even_after_r"),
        ({"break_even_after_target": True}, {"break_even_after_target": False}, "break_even_after_target"),
    ],
)
def test_a_change_loosens_one_way_and_tightens_the_other(tight: Any, loose: Any, name: str) -> None:
    assert loosened_settings(settings(**tight), settings(**loose)) == (name,)
    assert loosened_settings(settings(**loose), settings(**tight)) == ()


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ({"sizing": Sizing(NOTIONAL, D(100))}, {"sizing": Sizing(SizingMode.FIXED_QUANTITY, D("0.001"))}, "sizing"),
        (
            {"capital": D(1_000), "limits": Limits(min_market_profit_percent=D(1))},
            {"capital": D(999), "limits": Limits(min_market_profit_percent=D(1))},
            "capital",
        ),
        ({"stop_atr_multiplier": D(2)}, {"stop_atr_multiplier": D(3)}, "stop_atr_multiplier"),
        ({"stop_atr_multiplier": None}, {"stop_atr_multiplier": D(3)}, "stop_atr_multiplier"),
        ({"allowed_sides": AllowedSides.LONG}, {"allowed_sides": AllowedSides.SHORT}, "allowed_sides"),
        ({"stop_working_type": WorkingType.CONTRACT_PRICE}, {"stop_working_type": WorkingType.MARK_PRICE}, "stop_working_type"),
    ],
)
def test_what_cannot_be_compared_loosens_either_way(one: Any, other: Any, name: str) -> None:
    assert loosened_settings(settings(**one), settings(**other)) == (name,)
    assert loosened_settings(settings(**other), settings(**one)) == (name,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"target_atr_multiplier": None}, {"target_atr_multiplier": D(3)}),
        ({"entry": None}, {"entry": EntryPreference(type=EntryType.LIMIT)}),
        ({"limit_targets": False}, {"limit_targets": True}),
        ({"capital": D(1_000)}, {"capital": D(1_000)}),
    ],
)
def test_what_bounds_nothing_is_free(one: Any, other: Any) -> None:
    assert loosened_settings(settings(**one), settings(**other)) == ()
    assert loosened_settings(settings(**other), settings(**one)) == ()


def test_a_setting_above_the_limit_that_is_in_force_loosens_nothing() -> None:
    limits = Limits(max_positions=1)
    assert loosened_settings(settings(max_positions=1, limits=limits), settings(max_positions=5, limits=limits)) == ()
    assert loosened_settings(settings(max_positions=1, limits=limits), settings(max_positions=1)) == ()


def test_more_leverage_loosens_both_what_the_venue_is_told_and_the_bound_on_exposure() -> None:
    assert loosened_settings(settings(leverage=D(3)), settings(leverage=D(4))) == ("leverage", "max_leverage")
    assert loosened_settings(settings(leverage=D(4)), settings(leverage=D(3))) == ()


def test_leverage_is_also_what_the_venue_is_told_so_a_lower_limit_does_not_cover_it() -> None:
    limits = Limits(max_leverage=D(2))
    assert loosened_settings(settings(leverage=D(3), limits=limits), settings(leverage=D(9), limits=limits)) == ("leverage",)


def test_every_setting_has_a_rule() -> None:
    assert set(RULES) | AS_LIMITS == {each.name for each in fields(Settings)}
    assert not set(RULES) & AS_LIMITS
