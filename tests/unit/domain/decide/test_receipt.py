"""The receipt of a decision: complete, canonical, and the same bytes whenever it is decided again."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.domain.account.account import Account
from candlecast.domain.account.events import EventType
from candlecast.domain.decide.plan import Plan, plan_orders
from candlecast.domain.decide.receipt import Receipt
from candlecast.domain.limits.limits import Limits, Scope, tighten
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.trade_order import TradeOrder
from tests.support.builders import NOW, a_market, a_position, a_signal, a_trade_order, after, an_account, settings

D = Decimal
ABOVE = tighten(((Scope.PLATFORM, Limits(max_leverage=D(5), stop_required=True)),))


def decided(account: Account | None = None, **order: Any) -> Plan:
    wanted = a_trade_order(a_signal(stop_loss=D(90)), limits=ABOVE, strategy_version="v1", **order)
    return plan_orders(account or an_account(version=7), wanted, a_market(), after(1))


def receipt_of(plan: Plan) -> Receipt:
    assert plan.receipt is not None
    return plan.receipt


def content(plan: Plan) -> Any:
    return json.loads(receipt_of(plan).text())


def test_a_receipt_says_what_was_decided_and_from_what() -> None:
    said = content(decided())
    assert said["traded"] is True
    assert (said["account_version"], said["strategy_version"], said["authority"]) == (7, "v1", "LIVE")
    assert [leg["leg"] for leg in said["legs"]] == ["ENTRY", "STOP_LOSS"]
    assert said["limits"]["max_leverage"] == {
        "value": "0.1",
        "bound": "5",
        "margin": "4.9",
        "passed": True,
        "origin": "PLATFORM",
    }
    assert said["limits"]["stop_required"] == {"passed": True, "origin": "PLATFORM"}


def test_the_receipt_of_a_denial_has_every_limit_and_says_which_are_broken() -> None:
    plan = decided(settings=settings(max_order_notional=D(999), limits=Limits(max_order_quantity=D(9), max_adds=3)))
    said = content(plan)
    assert said["traded"] is False
    assert said["legs"][0]["denial"] == {"reason": "MAX_ORDER_QUANTITY", "value": "10", "bound": "9", "margin": "1"}
    broken = {name: each["reason"] for name, each in said["limits"].items() if not each["passed"]}
    assert broken == {"max_order_quantity": "MAX_ORDER_QUANTITY", "max_order_notional": "MAX_ORDER_NOTIONAL"}
    assert said["limits"]["max_order_notional"]["margin"] == "-1"


def test_only_limits_that_are_set_are_in_it() -> None:
    assert set(content(decided())["limits"]) == {
        "stop_required",
        "max_daily_loss_percent",
        "max_leverage",
        "max_positions",
        "max_price_deviation_percent",
        "max_resting_distance_percent",
        "max_signal_age_seconds",
    }


def test_replaying_a_decision_from_what_was_stored_gives_the_same_bytes() -> None:
    account, wanted = an_account(version=7), a_trade_order(a_signal(stop_loss=D("90.00")), limits=ABOVE)
    first = receipt_of(plan_orders(account, wanted, a_market(), after(1)))
    again = receipt_of(
        plan_orders(from_json(Account, to_json(account)), from_json(TradeOrder, to_json(wanted)), a_market(), after(1))
    )
    assert (first.text().encode(), first.digest()) == (again.text().encode(), again.digest())
    assert first.text() == json.dumps(json.loads(first.text()), sort_keys=True, separators=(",", ":"))


def test_the_same_number_written_otherwise_is_the_same_receipt() -> None:
    assert (
        receipt_of(decided(settings=settings(capital=D("1E+4")))).text()
        == receipt_of(decided(settings=settings(capital=D("10000.00")))).text()
    )


def test_another_state_is_another_receipt() -> None:
    assert receipt_of(decided()).digest() != receipt_of(decided(an_account(version=8))).digest()


@pytest.mark.parametrize(("action", "kind"), [(Action.SHORT, LegKind.ENTRY), (Action.EXIT, LegKind.EXIT)])
def test_the_receipt_rides_once_in_the_event_of_the_entry_or_else_of_the_exit(action: Action, kind: LegKind) -> None:
    held = a_position(signal_issued_at=after(-60), signal_id="before")
    account = an_account(positions={held.key: held})
    plan = plan_orders(account, a_trade_order(a_signal(action)), a_market(), NOW)
    told = account.decide(plan.intents, NOW, receipt_of(plan).text()).outbox
    assert [event.order.kind for event in told if event.receipt is not None and event.order] == [kind]


def test_a_denial_tells_its_receipt_with_the_order_and_not_with_the_breach() -> None:
    plan = decided(settings=settings(max_order_notional=D(1)))
    told = an_account().decide(plan.intents, NOW, "receipt").outbox
    assert [(event.type, event.receipt) for event in told] == [
        (EventType.TRADE_FAILED, "receipt"),
        (EventType.LIMITS_BREACHED, None),
    ]


def test_what_is_not_decided_yet_has_no_receipt() -> None:
    assert plan_orders(replace(an_account(), version=1), a_trade_order(), a_market(), NOW).receipt is not None
    known = an_account(settled={decided().legs[0].intent_id[:16]: after(999)})
    assert decided(known).receipt is None
