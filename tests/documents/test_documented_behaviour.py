"""The decision on an order is the one that guides and reason pages promise."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.account.switch_scope import stopped_by
from candlecast.domain.decide.plan import plan_orders
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.bracket import forced_exit, replacement_stop
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.orders.retries import next_closing
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.subscription import Settings, Sizing, SizingMode
from candlecast.domain.values.copying import replace
from candlecast.domain.values.reasons import Reason
from functions.api.schemas.subscriptions import NewSettings
from tests.documents.test_documents import DOCUMENTS, NAMES_OF_LEGS
from tests.support.builders import NOW, a_market, a_position, a_signal, a_trade_order, an_account, an_intent
from tests.support.fakes.gate import a_switch
from tests.support.parsing import parse

SMALLEST_MESSAGE = {"ticker": "BTCUSDT", "action": "buy"}  # docs/guides/send-signals.md
SMALLEST_SETTINGS = {"capital": "1000"}  # docs/guides/api.md
PRICE = Decimal(40_000)


def entry_of(settings: dict[str, Any], message: dict[str, Any] | None = None, **signal: Any) -> Intent:
    """The entry that a message comes to for a subscriber, the venue's last price filled in as the fan-out does."""
    parsed = parse(**(SMALLEST_MESSAGE | (message or {})))
    decided = a_signal(
        action=parsed.action,
        price=parsed.price or PRICE,
        stop_loss=parsed.stop_loss,
        take_profits=parsed.take_profits,
        atr=None,
        **signal,
    )
    order = a_trade_order(decided, settings=NewSettings.model_validate(SMALLEST_SETTINGS | settings).to_domain())
    plan = plan_orders(an_account(), order, a_market(), NOW)
    return next(intent for intent in plan.intents if intent.kind is LegKind.ENTRY)


def test_the_smallest_message_is_denied_to_the_smallest_subscription() -> None:
    entry = entry_of({})
    assert (entry.state, entry.reason) == (IntentState.DENIED, Reason.STOP_MISSING)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizing": {"mode": "FIXED_NOTIONAL", "value": "250"}}, {}),
        ({"sizing": {"mode": "PERCENT_OF_CAPITAL", "value": "25"}}, {}),
        ({"trailing_stop_percent": "2"}, {}),
        ({}, {"action": "LONG", "stop_loss": 39_000, "price": 40_000}),
    ],
    ids=["fixed notional", "share of the capital", "trailing stop", "stop in the message"],
)
def test_what_the_guide_says_to_send_instead_is_placed(settings: dict[str, Any], message: dict[str, Any]) -> None:
    entry = entry_of(settings, message)
    assert (entry.state, entry.reason) == (IntentState.SUBMITTING, None)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"stop_atr_multiplier": "2"}, Reason.STOP_MISSING),
        ({"trailing_stop_atr_multiplier": "2"}, Reason.STOP_MISSING),
        ({"trailing_stop_percent": "2", "trailing_activation_percent": "1"}, Reason.STOP_MISSING),
        ({"sizing": {"mode": "VOLATILITY_TARGET", "value": "1"}}, Reason.SIZING_INPUT_MISSING),
    ],
)
def test_what_needs_the_range_does_not_help_a_signal_from_outside(settings: dict[str, Any], reason: Reason) -> None:
    assert entry_of(settings).reason is reason


def test_a_sender_with_a_price_far_too_low_makes_a_larger_order_and_a_limit_on_quantity_stops_it() -> None:
    sizing = {"sizing": {"mode": "FIXED_NOTIONAL", "value": "250"}}
    honest = entry_of(sizing, {"price": "40000"})
    lying = entry_of(sizing, {"price": "4000"})
    assert lying.quantity > 9 * honest.quantity
    limited = entry_of(sizing | {"limits": {"max_order_quantity": str(2 * honest.quantity)}}, {"price": "4000"})
    assert limited.reason is Reason.MAX_ORDER_QUANTITY


@pytest.mark.parametrize("grade", Grade)
def test_what_a_kill_switch_stops_is_what_operate_says(grade: Grade) -> None:
    stopped = {kind: stopped_by([a_switch(grade=grade)], an_account(), an_intent(kind=kind)) is not None for kind in LegKind}
    assert stopped == {kind: kind is LegKind.ENTRY or (kind is LegKind.EXIT and grade is Grade.HALT_ALL) for kind in LegKind}


@pytest.mark.parametrize("mode", SizingMode)
def test_only_sizing_by_risk_needs_a_stop(mode: SizingMode) -> None:
    by_risk = {SizingMode.RISK_PERCENT, SizingMode.RISK_AMOUNT, SizingMode.KELLY}
    settings = Settings(capital=Decimal(1000), sizing=Sizing(mode, Decimal(1)), win_rate=Decimal("0.6"), payoff_ratio=Decimal(2))
    signal = a_signal(action=Action.LONG, price=PRICE, stop_loss=None, take_profits=(), atr=Decimal(100))
    plan = plan_orders(an_account(), a_trade_order(signal, settings=settings), a_market(), NOW)
    reasons = {intent.reason for intent in plan.intents if intent.kind is LegKind.ENTRY}
    assert (Reason.STOP_MISSING in reasons) is (mode in by_risk)


def test_an_empty_list_of_a_limit_allows_nothing_and_of_the_settings_everything() -> None:
    sizing = {"sizing": {"mode": "FIXED_NOTIONAL", "value": "250"}}
    assert entry_of(sizing | {"allowed_markets": []}).reason is None
    assert entry_of(sizing | {"limits": {"allowed_markets": []}}).reason is Reason.MARKET_NOT_ALLOWED
    assert Limits(allowed_markets=()).given() == (("allowed_markets", ()),)


def test_legs_bear_the_names_that_the_guide_explains() -> None:
    position, exit_leg = a_position(), an_intent(kind=LegKind.EXIT)
    refused = replace(exit_leg, state=IntentState.REJECTED)
    filled = replace(exit_leg, state=IntentState.FILLED)
    named = {
        replacement_stop(position, 62, NOW).leg,
        forced_exit(position, Reason.FLATTENED, 62, NOW).leg,
        next_closing(refused, NOW).leg,
        next_closing(filled, NOW).leg,
    }
    assert named == NAMES_OF_LEGS
    assert all(f"`{name}`" in DOCUMENTS["docs/guides/api.md"] for name in named)


def test_the_policy_of_a_pipeline_writes_items_of_its_own_tenant_alone() -> None:
    """A written signal could be another one when an operator releases it, and a written shard report ends its fan-out."""
    policy = json.loads(DOCUMENTS["docs/guides/deploy.md"].split("```json\n", 1)[1].split("```", 1)[0])
    written: set[str] = set()
    for statement in policy["Statement"]:
        actions = {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
        if actions & {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}:
            written.update(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
    assert written
    assert {key.split("#")[1] for key in written} == {"candlecast-synthetic"}
