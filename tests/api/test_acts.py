"""Acts of an owner by the API: cancel an order, close a position."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.account import AccountStatus
from candlecast.domain.orders.intent import Intent, IntentState, LegKind
from candlecast.domain.signals.reduction import Reduction
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.copying import replace
from candlecast.domain.values.terms import OrderType
from tests.api.conftest import ORDER, Deployment
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION, TENANT, a_market, a_position, an_intent

PLACE = {"account_id": ACCOUNT, "subscription_id": SUBSCRIPTION, "market": BTC}


def with_intents(deployment: Deployment, *intents: Intent, **changes: Any) -> None:
    """The account with these open orders, which history shows."""
    account = deployment.accounts.load(TENANT, ACCOUNT)
    deployment.accounts.save(replace(account, intents={i.intent_id: i for i in intents}, **changes))
    for intent in intents:
        deployment.history.put_order(intent, 2)


def resting() -> Intent:
    return an_intent(signal_id="resting", state=IntentState.OPEN, order_type=OrderType.LIMIT, price=Decimal(99))


def held(deployment: Deployment, **changes: Any) -> None:
    position = a_position()
    account = deployment.accounts.load(TENANT, ACCOUNT)
    deployment.accounts.save(replace(account, positions={position.key: position}, **changes))
    deployment.markets.put(a_market(min_quantity=Decimal(2)))


# -- cancel an order ---------------------------------------------------------------------------------------------------------


def test_an_entry_is_cancelled_by_a_wish_and_a_look(populated: Deployment) -> None:
    with_intents(populated, resting())
    answer = populated.client.post(f"/v1/orders/{resting().intent_id}/cancel")
    assert (answer.status, answer.json["state"]) == (202, "OPEN")
    assert answer.json["cancel_asked_at"] == NOW.isoformat().replace("+00:00", "Z")
    [(request, delay)] = populated.looks.sent
    assert (request.account_id, request.awaited, delay) == (ACCOUNT, True, 0)
    assert populated.accounts.load(TENANT, ACCOUNT).intents[resting().intent_id].cancel_asked_at == NOW
    again = populated.client.post(f"/v1/orders/{resting().intent_id}/cancel")
    assert (again.status, again.json) == (202, answer.json)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (LegKind.STOP_LOSS, "PROTECTS_POSITION"),
        (LegKind.TAKE_PROFIT, "PROTECTS_POSITION"),
        (LegKind.EXIT, "EXIT_UNDER_WAY"),
    ],
)
def test_what_protects_or_closes_is_not_cancelled(populated: Deployment, kind: LegKind, code: str) -> None:
    order = an_intent(kind, signal_id="protecting", state=IntentState.OPEN)
    with_intents(populated, order)
    answer = populated.client.post(f"/v1/orders/{order.intent_id}/cancel")
    assert (answer.status, answer.json["code"]) == (409, code)
    assert populated.looks.sent == []


def test_an_order_that_has_ended_says_so(populated: Deployment) -> None:
    answer = populated.client.post(f"/v1/orders/{ORDER}/cancel")
    assert (answer.status, answer.json["code"]) == (409, "ORDER_ENDED")


def test_a_strangers_order_is_not_found(populated: Deployment) -> None:
    with_intents(populated, resting())
    assert populated.stranger.post(f"/v1/orders/{resting().intent_id}/cancel").status == 404
    assert populated.accounts.load(TENANT, ACCOUNT).intents[resting().intent_id].cancel_asked_at is None


# -- close a position --------------------------------------------------------------------------------------------------------


def test_a_whole_position_is_closed(populated: Deployment) -> None:
    held(populated)
    answer = populated.client.post("/v1/positions/close", PLACE)
    assert (answer.status, answer.json["quantity"]) == (202, "10")
    [order] = populated.trade_queue.sent
    assert (order.signal.action, order.signal.reduction, order.account_id) == (Action.EXIT, None, ACCOUNT)
    assert (order.subscription_id, order.signal.market) == (SUBSCRIPTION, BTC)


@pytest.mark.parametrize(
    ("part", "reduction", "quantity"),
    [
        ({"share": "0.5"}, Reduction(share=Decimal("0.5")), "5.000"),
        ({"quantity": "2.5"}, Reduction(quantity=Decimal("2.5")), "2.500"),
        ({"share": "1"}, None, "10"),
        ({"share": "0.9"}, Reduction(share=Decimal("0.9")), "10"),
    ],
)
def test_a_part_is_closed(populated: Deployment, part: dict[str, str], reduction: Reduction | None, quantity: str) -> None:
    held(populated)
    answer = populated.client.post("/v1/positions/close", PLACE | part)
    assert (answer.status, Decimal(answer.json["quantity"])) == (202, Decimal(quantity))
    assert [order.signal.reduction for order in populated.trade_queue.sent] == [reduction]


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"share": "0.5", "quantity": "1"}, "REDUCTION_INVALID"),
        ({"share": "1.5"}, "REDUCTION_INVALID"),
        ({"share": "0"}, "INVALID_VALUE"),
        ({"quantity": "-1"}, "INVALID_VALUE"),
        ({"share": 0.5}, "INVALID_REQUEST"),
        ({"part": "1"}, "INVALID_REQUEST"),
    ],
)
def test_a_part_that_is_none_is_refused(populated: Deployment, part: dict[str, Any], code: str) -> None:
    held(populated)
    answer = populated.client.post("/v1/positions/close", PLACE | part)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert populated.trade_queue.sent == []


def test_a_part_that_no_order_can_close_is_refused_with_the_smallest_order(populated: Deployment) -> None:
    held(populated)
    answer = populated.client.post("/v1/positions/close", PLACE | {"share": "0.1"})
    assert (answer.status, answer.json["code"]) == (409, "QUANTITY_TOO_SMALL")
    assert "smallest order is 2" in answer.json["detail"]


def test_a_repeat_with_the_same_key_is_the_same_exit(populated: Deployment) -> None:
    held(populated)
    answers = [populated.client.post("/v1/positions/close", PLACE | {"share": "0.5"}, key="monday").json for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(populated.trade_queue.sent) == 1


def test_nothing_is_held_there(populated: Deployment) -> None:
    answer = populated.client.post("/v1/positions/close", PLACE)
    assert (answer.status, answer.json["code"]) == (409, "NOTHING_HELD")


def test_a_strangers_account_is_not_found(populated: Deployment) -> None:
    held(populated)
    assert populated.stranger.post("/v1/positions/close", PLACE).status == 404
    assert populated.trade_queue.sent == []


def test_a_disabled_account_sends_nothing(populated: Deployment) -> None:
    held(populated, status=AccountStatus.DISABLED, disabled_reason="DISABLED_BY_OWNER")
    answer = populated.client.post("/v1/positions/close", PLACE)
    assert (answer.status, answer.json["code"]) == (409, "ACCOUNT_DISABLED")


def test_a_queue_that_takes_nothing_is_no_success(populated: Deployment) -> None:
    held(populated)
    populated.trade_queue.fail_next()
    assert populated.client.post("/v1/positions/close", PLACE).status == 503


# -- move a stop -------------------------------------------------------------------------------------------------------------


def test_a_stop_is_moved_by_a_price_and_a_look(populated: Deployment) -> None:
    held(populated)
    populated.market_data.prices["paper", BTC] = Decimal(100)
    answer = populated.client.send("PUT", "/v1/positions/stop", PLACE | {"stop_price": "95"})
    assert (answer.status, answer.json["stop_price"], answer.json["side"]) == (200, "95", "LONG")
    [(request, _)] = populated.looks.sent
    assert request.awaited
    [position] = populated.accounts.load(TENANT, ACCOUNT).positions.values()
    assert position.stop_price == Decimal(95)
    again = populated.client.send("PUT", "/v1/positions/stop", PLACE | {"stop_price": "95"})
    assert again.json == answer.json


@pytest.mark.parametrize(("price", "status", "code"), [("101", 409, "STOP_ON_WRONG_SIDE"), ("95.05", 422, "PRICE_OFF_TICK")])
def test_a_stop_that_cannot_stand_there_is_refused(populated: Deployment, price: str, status: int, code: str) -> None:
    held(populated)
    populated.market_data.prices["paper", BTC] = Decimal(100)
    answer = populated.client.send("PUT", "/v1/positions/stop", PLACE | {"stop_price": price})
    assert (answer.status, answer.json["code"]) == (status, code)


def test_a_strangers_stop_is_not_found(populated: Deployment) -> None:
    held(populated)
    assert populated.stranger.send("PUT", "/v1/positions/stop", PLACE | {"stop_price": "95"}).status == 404


# -- dry runs ----------------------------------------------------------------------------------------------------------------


def test_a_dry_run_of_a_cancellation_writes_nothing(populated: Deployment) -> None:
    with_intents(populated, resting())
    answer = populated.client.send("POST", f"/v1/orders/{resting().intent_id}/cancel", query={"dry_run": "true"})
    assert (answer.status, answer.json["cancel_asked_at"] is not None) == (202, True)
    assert populated.accounts.load(TENANT, ACCOUNT).intents[resting().intent_id].cancel_asked_at is None
    assert populated.looks.sent == []


def test_a_dry_run_of_a_closing_tells_the_plan_and_sends_nothing(populated: Deployment) -> None:
    held(populated)
    body = PLACE | {"share": "0.5"}
    answer = populated.client.send("POST", "/v1/positions/close", body, query={"dry_run": "true"}).json
    assert Decimal(answer["quantity"]) == Decimal(5)
    assert (answer["state"], answer["cancels"], answer["dry_run"]) == ("SUBMITTING", [], True)
    assert populated.trade_queue.sent == []


def test_a_dry_run_names_the_entries_that_would_be_cancelled(populated: Deployment) -> None:
    entry = resting()
    position = a_position(entry_intent_id=entry.intent_id)
    with_intents(populated, entry, positions={position.key: position})
    answer = populated.client.send("POST", "/v1/positions/close", PLACE, query={"dry_run": "true"}).json
    assert (answer["state"], answer["cancels"]) == ("PENDING", [entry.intent_id])


def test_a_dry_run_of_a_moved_stop_writes_nothing(populated: Deployment) -> None:
    held(populated)
    populated.market_data.prices["paper", BTC] = Decimal(100)
    body = PLACE | {"stop_price": "95"}
    answer = populated.client.send("PUT", "/v1/positions/stop", body, query={"dry_run": "true"}).json
    assert (answer["stop_price"], answer["limits"], answer["dry_run"]) == ("95", [], True)
    [position] = populated.accounts.load(TENANT, ACCOUNT).positions.values()
    assert position.stop_price is None
    assert populated.looks.sent == []
