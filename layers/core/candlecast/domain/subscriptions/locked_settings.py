"""Which changes of a subscription's settings loosen it, so that a lock on its limits holds for all of its settings.

Every setting has a rule here, also a setting that bounds nothing; a test compares the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from candlecast.domain.limits.limits import loosened
from candlecast.domain.subscriptions.subscription import Settings
from candlecast.domain.values.money import ZERO
from candlecast.domain.values.terms import MarginMode

type Loosens = Callable[[Settings, Settings], bool]


def loosened_settings(old: Settings, new: Settings) -> tuple[str, ...]:
    """Names of the settings, and of the limits, that a change from `old` to `new` would loosen.

    A setting that is a limit is judged under its limit's name by the tighter of both, which is the value in force.
    """
    by_rule = tuple(name for name, loosens in RULES.items() if loosens(old, new))
    return by_rule + tuple(name for name in loosened(old.layer(), new.layer()) if name not in by_rule)


def _never(_old: Settings, _new: Settings) -> bool:
    return False


def _changed(name: str) -> Loosens:
    return lambda old, new: getattr(old, name) != getattr(new, name)


def _raised(name: str) -> Loosens:
    """Looser if larger; None, where a setting may be None, opens nothing and is the least."""
    return lambda old, new: (getattr(new, name) or ZERO) > (getattr(old, name) or ZERO)


def _stop_weakened(name: str) -> Loosens:
    """A distance that moves the stop: None moves it never, and a larger distance later."""

    def loosens(old: Settings, new: Settings) -> bool:
        before, after = getattr(old, name), getattr(new, name)
        return before is not None and (after is None or after > before)

    return loosens


def _capital(old: Settings, new: Settings) -> bool:
    """More capital makes larger orders and larger losses. Less capital makes a demanded profit smaller in money."""
    demanded = old.layer().min_market_profit_percent or ZERO
    return new.capital > old.capital or (new.capital < old.capital and demanded > 0)


def _sizing(old: Settings, new: Settings) -> bool:
    """Quantities of two modes cannot be compared before there is a signal, so another mode may be larger."""
    return old.sizing.mode is not new.sizing.mode or _size(new) > _size(old)


def _size(settings: Settings) -> Decimal:
    return settings.risk_per_trade_percent if settings.sizing.value is None else settings.sizing.value


def _activation(old: Settings, new: Settings) -> bool:
    """None trails at once, and a larger profit later; without a trailing stop nothing is activated."""
    trails = old.trailing_stop_percent is not None or old.trailing_stop_atr_multiplier is not None
    before, after = (each.trailing_activation_percent or ZERO for each in (old, new))
    return trails and after > before


RULES: Mapping[str, Loosens] = {
    "capital": _capital,
    "sizing": _sizing,
    "risk_per_trade_percent": _raised("risk_per_trade_percent"),
    "leverage": _raised("leverage"),  # also above a lower `max_leverage`: the venue liquidates earlier
    "margin_mode": lambda old, new: old.margin_mode is MarginMode.ISOLATED and new.margin_mode is not MarginMode.ISOLATED,
    "stop_atr_multiplier": _changed("stop_atr_multiplier"),  # a wider stop loses more, a closer stop sizes more
    "target_atr_multiplier": _never,  # where profit is taken
    "win_rate": _raised("win_rate"),
    "payoff_ratio": _raised("payoff_ratio"),
    "kelly_cap_percent": _raised("kelly_cap_percent"),
    "entry": _never,  # how an entry is ordered, within all limits
    "trailing_stop_percent": _stop_weakened("trailing_stop_percent"),
    "trailing_stop_atr_multiplier": _stop_weakened("trailing_stop_atr_multiplier"),
    "trailing_activation_percent": _activation,
    "break_even_after_r": _stop_weakened("break_even_after_r"),
    "break_even_after_target": lambda old, new: old.break_even_after_target and not new.break_even_after_target,
    "limit_targets": _never,  # how profit is taken
    "stop_working_type": _changed("stop_working_type"),  # either price may trigger later than the other
    "stop_price_protect": lambda old, new: new.stop_price_protect and not old.stop_price_protect,  # it may hold a stop back
}
AS_LIMITS = frozenset(
    {
        "max_positions",
        "max_daily_loss_percent",
        "max_order_notional",
        "max_signal_age_seconds",
        "allowed_sides",
        "allowed_markets",
        "limits",
    }
)
"""Settings that `Settings.layer` turns into limits, and that are judged as these."""
