"""Orders, positions and trades by the API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.orders.intent import IntentState
from candlecast.domain.values.ids import turn_tenth
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.ports.store import LastPrice
from tests.api.conftest import ORDER, Deployment
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION, a_position, a_strategy, an_intent


def test_an_order_is_shown_with_its_price_and_slippage(populated: Deployment) -> None:
    answer = populated.client.get(f"/v1/orders/{ORDER}")
    assert answer.status == 200
    order = answer.json
    assert (order["state"], order["side"], order["reduce_only"]) == ("FILLED", "BUY", False)
    assert (order["quantity"], order["average_price"], order["slippage_bps"]) == ("10", "100.1", "10.00")
    assert order["rank_tenth"] == turn_tenth(order["signal_id"], SUBSCRIPTION)
    assert order["client_order_id"].startswith("cc")
    assert order["correlation_id"] == "correlation-1", "by which its log lines and its trace are found"
    assert order["reason"] is None


def test_a_refused_order_names_its_rule_value_and_bound(populated: Deployment) -> None:
    denial = Denial(Reason.MAX_ORDER_NOTIONAL, Decimal(1500), Decimal(1000))
    denied = an_intent(signal_id="signal-2", state=IntentState.DENIED, denial=denial)
    populated.history.put_order(denied, 2)
    reason = populated.client.get(f"/v1/orders/{denied.intent_id}").json["reason"]
    assert reason == {"code": "MAX_ORDER_NOTIONAL", "value": "1500", "bound": "1000", "margin": "500"}


def test_a_skipped_decision_without_side_and_account_is_shown(populated: Deployment) -> None:
    skipped = an_intent(
        signal_id="signal-3",
        account_id="",
        position_side=None,
        state=IntentState.SKIPPED,
        denial=Denial(Reason.NO_ACCOUNT),
        quantity=Decimal(0),
    )
    populated.history.put_skipped([skipped])
    order = populated.client.get(f"/v1/orders/{skipped.intent_id}").json
    assert (order["side"], order["account_id"], order["reason"]["code"]) == (None, None, "NO_ACCOUNT")


@pytest.mark.parametrize(
    ("query", "legs"),
    [
        ({}, {"ENTRY", "STOP_LOSS"}),
        ({"state": "OPEN"}, {"STOP_LOSS"}),
        ({"subscription_id": SUBSCRIPTION, "account_id": ACCOUNT, "state": "FILLED"}, {"ENTRY"}),
        ({"state": "DENIED"}, set()),
    ],
)
def test_orders_are_listed_by_filter(populated: Deployment, query: dict[str, str], legs: set[str]) -> None:
    answer = populated.client.get("/v1/orders", **query)
    assert answer.status == 200
    assert {order["leg"] for order in answer.json["items"]} == legs


def test_orders_are_listed_page_by_page(populated: Deployment) -> None:
    first = populated.client.get("/v1/orders", limit="1").json
    second = populated.client.get("/v1/orders", limit="1", cursor=first["next_cursor"]).json
    assert {first["items"][0]["leg"], second["items"][0]["leg"]} == {"ENTRY", "STOP_LOSS"}
    assert second["next_cursor"] is None


def test_an_unknown_state_is_refused(populated: Deployment) -> None:
    assert populated.client.get("/v1/orders", state="LOST").code == "INVALID_REQUEST"


def test_positions_are_valued_at_the_last_price(populated: Deployment) -> None:
    answer = populated.client.get("/v1/positions")
    assert answer.status == 200
    assert answer.json["as_of"] == "2026-11-20T12:00:00Z"
    [position] = answer.json["items"]
    assert (position["quantity"], position["entry_price"], position["last_price"]) == ("10", "100", "101.5")
    assert (position["unrealised_pnl"], position["priced_at"]) == ("15.0", "2026-11-20T12:00:00Z")


def test_a_paper_position_on_a_live_strategy_is_valued_at_the_strategys_venue(populated: Deployment) -> None:
    populated.strategies.create_strategy(a_strategy("live-1", venue="binanceusdm"))
    elsewhere = a_position(strategy_id="live-1", market="ETH/USDT:USDT")
    populated.history.put_position(elsewhere, 2, NOW)
    populated.prices.put_price("binanceusdm", "ETH/USDT:USDT", LastPrice(Decimal(90), NOW))
    values = {item["market"]: item["unrealised_pnl"] for item in populated.client.get("/v1/positions").json["items"]}
    assert values == {BTC: "15.0", "ETH/USDT:USDT": "-100"}


def test_a_position_without_a_price_is_shown_without_a_value(populated: Deployment) -> None:
    populated.database.prices.clear()
    [position] = populated.client.get("/v1/positions").json["items"]
    assert (position["last_price"], position["priced_at"], position["unrealised_pnl"]) == (None, None, None)


def test_trades_are_listed(populated: Deployment) -> None:
    for query in ({}, {"subscription_id": SUBSCRIPTION}):
        [trade] = populated.client.get("/v1/trades", **query).json["items"]
        assert (trade["pnl"], trade["fees"], trade["net_pnl"], trade["closed_by"]) == ("100", "0.84", "99.16", "EXIT")
