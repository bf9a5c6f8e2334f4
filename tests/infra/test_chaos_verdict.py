"""The verdict on a stack at rest finds each breach that a killed process could leave behind, and nothing in a sound one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.subscriptions.subscription import AllowedSides
from candlecast.domain.values.terms import PositionSide
from infra.local.demo.report import Records, summarise
from infra.local.demo.verdict import violations
from tests.support.builders import ACCOUNT, BTC, SUBSCRIPTION, a_position, an_account, an_intent, settings

D = Decimal
ENTRY = an_intent(state=IntentState.FILLED, filled_quantity=D(10), average_price=D(100))
STOP = an_intent(LegKind.STOP_LOSS, state=IntentState.OPEN)
HELD = a_position(stop_price=D(90))
SETTINGS = settings(max_order_notional=D(1_000), allowed_sides=AllowedSides.LONG)
NET = {(ACCOUNT, "BTCUSDT"): D(10)}


def holder(**changes: Any) -> Account:
    """An account that holds a position with its stop."""
    usual: dict[str, Any] = {"intents": {STOP.intent_id: STOP}, "positions": {HELD.key: HELD}}
    return an_account(**(usual | changes))


def verdict(
    *,
    account: Account | None = None,
    orders: tuple[Any, ...] = (ENTRY, STOP),
    positions: tuple[Any, ...] = (HELD,),
    bounds: Any = SETTINGS,
    net: Any = None,
    **figures: Any,
) -> list[str]:
    records = Records((), (), orders, positions, ())
    report = summarise(records, [], [], 1, 0) | {"differences": []} | figures
    return violations(report, records, [account or holder()], {SUBSCRIPTION: bounds}, NET if net is None else net)


def test_a_sound_end_has_no_violation() -> None:
    assert verdict() == []


@pytest.mark.parametrize("figure", ["duplicates", "lost", "dead_letters", "unresolved"])
def test_each_figure_that_must_be_zero_is_looked_at(figure: str) -> None:
    wrong: dict[str, Any] = {figure: 1}
    assert verdict(**wrong) == [f"{figure}: 1"]


def test_a_difference_of_the_books_is_a_violation() -> None:
    assert verdict(differences=["x: only in the venue's book"]) == ["books: x: only in the venue's book"]


def test_decided_and_ended_must_add_up() -> None:
    (found,) = verdict(intents=3)
    assert found == "intents: 3 were decided and 2 have ended"


def test_a_run_without_a_trade_shows_nothing() -> None:
    assert "nothing was traded: the run shows nothing" in verdict(orders_accepted=0, intents=0)


@pytest.mark.parametrize("state", [IntentState.PENDING, IntentState.SUBMITTING, IntentState.UNKNOWN, IntentState.OPEN])
def test_an_entry_that_has_not_ended_is_a_violation_in_history_and_in_the_account(state: IntentState) -> None:
    entry = replace(ENTRY, state=state)
    account = holder(intents={STOP.intent_id: STOP, entry.intent_id: entry})
    found = verdict(account=account, orders=(entry, STOP))
    assert sum(it.startswith("at rest:") for it in found) == 2


def test_a_position_without_its_stop_is_a_violation() -> None:
    assert any(it.startswith("naked:") for it in verdict(account=holder(intents={})))
    short = replace(STOP, quantity=D(9))
    assert any(it.startswith("naked:") for it in verdict(account=holder(intents={short.intent_id: short})))
    assert not any(
        it.startswith("naked:")
        for it in verdict(account=holder(intents={}, positions={HELD.key: replace(HELD, stop_price=None)}))
    )


def test_a_stop_of_a_disabled_account_is_its_owners() -> None:
    account = holder(intents={}, status=AccountStatus.DISABLED)
    assert not any(it.startswith("naked:") for it in verdict(account=account))


def test_a_stop_that_outlives_its_position_is_a_violation() -> None:
    found = verdict(account=holder(positions={}), positions=(), net={})
    assert [it.partition(" has ")[0] for it in found] == [f"at rest: {ACCOUNT}"]


@pytest.mark.parametrize("net", [{}, {(ACCOUNT, "BTCUSDT"): D(20)}, NET | {(ACCOUNT, "ETHUSDT"): D(-1)}])
def test_what_the_venue_holds_must_be_what_we_hold(net: Any) -> None:
    assert [it.partition(":")[0] for it in verdict(net=net)] == ["positions"]


def test_history_must_show_the_positions_of_the_accounts() -> None:
    (found,) = verdict(positions=())
    assert found.startswith("history:")


@pytest.mark.parametrize(
    ("entry", "bounds"),
    [
        (ENTRY, replace(SETTINGS, max_order_notional=D(999))),
        (ENTRY, replace(SETTINGS, capital=D(99), max_order_notional=None)),
        (replace(ENTRY, position_side=PositionSide.SHORT), SETTINGS),
        (replace(ENTRY, filled_quantity=D(11)), SETTINGS),
    ],
)
def test_an_entry_beyond_a_limit_is_a_violation(entry: Any, bounds: Any) -> None:
    assert any(it.startswith("limit:") for it in verdict(orders=(entry, STOP), bounds=bounds))


def test_more_positions_than_allowed_are_a_violation() -> None:
    second = a_position(subscription_id=SUBSCRIPTION, market="ETH/USDT:USDT", stop_price=D(90))
    assert any("holds 2 positions of 1" in it for it in verdict(positions=(HELD, second)))
    assert any(f"holds {BTC} 2 times" in it for it in verdict(positions=(HELD, replace(HELD, entry_price=D(101)))))
