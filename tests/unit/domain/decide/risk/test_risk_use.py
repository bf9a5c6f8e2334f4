"""The shown use of a limit is the value that the limit is compared with when an entry is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account, Balance
from candlecast.domain.account.usage import Usage
from candlecast.domain.decide.risk.use import MEASURES, uses_of
from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import EffectiveLimits, Limits, Scope
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.terms import PositionSide
from tests.support.builders import BTC, ETH, NOW, SUBSCRIPTION, a_position, a_subscription, an_account, an_intent, settings

D = Decimal
NOBODYS = EffectiveLimits()


def used(account: Account, name: str) -> Decimal | None:
    subscription = a_subscription(settings=settings(capital=D(1_000)))
    return {use.limit: use.used for use in uses_of(account, subscription, NOBODYS, NOW)}[name]


def trading() -> Account:
    """A long of 1,000 and a short of 400 of another subscription, an entry of 300 under way, and a loss of 50 today."""
    long = a_position(quantity=D(10), entry_price=D(100))
    short = a_position(
        quantity=D(4), entry_price=D(100), side=PositionSide.SHORT, subscription_id="another", market=ETH, entry_intent_id="x"
    )
    coming = an_intent(state=IntentState.SUBMITTING, quantity=D(3), reference_price=D(100), market=ETH)
    usage = Usage().valued(D(2_000), NOW - timedelta(days=1)).valued(D(1_900), NOW)
    usage = usage.reserved(coming, NOW).sent(NOW).closed(f"{SUBSCRIPTION}|{BTC}", SUBSCRIPTION, D(-50), NOW)
    return an_account(
        positions={each.key: each for each in (long, short)},
        intents={coming.intent_id: coming},
        usage=usage,
        balance=Balance(D(1_900), D(1_900), NOW),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max_positions", 2),
        ("max_account_positions", 3),
        ("max_open_orders", 1),
        ("max_daily_loss", 50),
        ("max_daily_loss_percent", 5),
        ("max_weekly_loss_percent", 5),
        ("max_monthly_loss_percent", 5),
        ("max_consecutive_losses", 1),
        ("max_account_daily_loss_percent", 5),
        ("max_drawdown_percent", 5),
        ("max_trailing_drawdown_percent", 5),
        ("max_end_of_day_drawdown_percent", 5),
        ("max_orders_per_second", 1),
        ("max_orders_per_minute", 1),
        ("max_orders_per_day", 1),
        ("max_trades_per_day", 1),
        ("max_daily_notional", 300),
        ("max_cancels_per_minute", 0),
        ("max_gross_exposure", 1_700),
        ("max_net_exposure", 900),
        ("max_leverage", "1.3"),
    ],
)
def test_what_was_done_and_is_held_is_counted_in_the_limits_unit(name: str, expected: str | int) -> None:
    assert used(trading(), name) == D(expected)


def test_leverage_of_the_account_is_that_of_its_equity() -> None:
    assert used(trading(), "max_account_leverage") == D(1_700) / D(1_900)
    assert used(replace(trading(), balance=None), "max_account_leverage") is None


def test_an_account_that_did_nothing_uses_nothing_and_its_equity_is_not_known() -> None:
    subscription = a_subscription()
    found = uses_of(an_account(), subscription, NOBODYS, NOW)
    assert {use.used for use in found} == {D(0), None}
    assert {use.limit for use in found} == set(MEASURES) <= set(CATALOGUE)


def test_a_bound_is_shown_with_the_level_that_it_comes_from() -> None:
    effective = EffectiveLimits(Limits(max_orders_per_day=7), {"max_orders_per_day": Scope.GROUP})
    found = {use.limit: (use.bound, use.origin) for use in uses_of(an_account(), a_subscription(), effective, NOW)}
    assert (found["max_orders_per_day"], found["max_leverage"]) == ((D(7), Scope.GROUP), (None, None))
