"""Subscriptions by the API: settings, status and cancelling, with the account told in the same write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from candlecast.domain.account.account import MAX_SUBSCRIPTIONS_PER_ACCOUNT
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.values.terms import OrderType
from tests.api.conftest import Deployment
from tests.support.builders import ACCOUNT, BTC, STRATEGY, SUBSCRIPTION, TENANT, a_position, an_account, an_intent
from tests.support.gateway import REQUEST_ID

SETTINGS: dict[str, Any] = {"capital": "1000"}
PATH = f"/v1/subscriptions/{SUBSCRIPTION}"


def status_in_account(deployment: Deployment, subscription_id: str = SUBSCRIPTION) -> SubscriptionStatus | None:
    return deployment.database.accounts[TENANT, ACCOUNT].subscriptions.get(subscription_id)


def followers(deployment: Deployment) -> int:
    return deployment.database.strategies[STRATEGY].subscriber_count


def holding(deployment: Deployment) -> None:
    account = deployment.database.accounts[TENANT, ACCOUNT]
    deployment.accounts.save(replace(account, positions={a_position().key: a_position()}))


def test_a_new_subscription_has_every_default_and_its_account_knows_it(deployment: Deployment) -> None:
    deployment.accounts.create(an_account(subscriptions={}))
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS}
    answer = deployment.client.post("/v1/subscriptions", body)
    assert answer.status == 201
    subscription_id = answer.json["subscription_id"]
    assert answer.json["status"] == "ACTIVE"
    assert answer.json["version"] == 1
    assert answer.json["settings"] == {
        "capital": "1000",
        "sizing": {"mode": "RISK_PERCENT", "value": None},
        "risk_per_trade_percent": "1",
        "leverage": "10",
        "margin_mode": "CROSS",
        "max_positions": 1,
        "max_daily_loss_percent": "5",
        "max_order_notional": None,
        "max_signal_age_seconds": 120,
        "stop_atr_multiplier": None,
        "target_atr_multiplier": None,
        "allowed_sides": "BOTH",
        "allowed_markets": [],
        "win_rate": None,
        "payoff_ratio": None,
        "kelly_cap_percent": "5",
        "entry": None,
        "trailing_stop_percent": None,
        "trailing_stop_atr_multiplier": None,
        "trailing_activation_percent": None,
        "break_even_after_r": None,
        "break_even_after_target": False,
        "limit_targets": False,
        "stop_working_type": "CONTRACT_PRICE",
        "stop_price_protect": False,
        "limits": {},
    }
    assert status_in_account(deployment, subscription_id) is SubscriptionStatus.ACTIVE
    assert followers(deployment) == 1
    assert deployment.client.get(f"/v1/subscriptions/{subscription_id}").json == answer.json
    assert deployment.client.get("/v1/subscriptions").json["items"] == [answer.json]
    assert deployment.client.get("/v1/subscriptions").json["next_cursor"] is None


def test_a_subscription_may_wait_for_its_account(deployment: Deployment) -> None:
    answer = deployment.client.post("/v1/subscriptions", {"strategy_id": STRATEGY, "settings": SETTINGS})
    assert (answer.status, answer.json["account_id"]) == (201, None)
    path = f"/v1/subscriptions/{answer.json['subscription_id']}"
    assert deployment.client.post(f"{path}/pause").json["status"] == "PAUSED"
    assert deployment.client.post(f"{path}/cancel").json["subscription"]["status"] == "CANCELLED"
    assert followers(deployment) == 0


@pytest.mark.parametrize("missing", [{"strategy_id": "none-1"}, {"account_id": "none-1"}])
def test_an_unknown_strategy_or_account_is_not_found(populated: Deployment, missing: dict[str, str]) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS, **missing}
    answer = populated.client.post("/v1/subscriptions", body)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_a_repeated_key_follows_only_once(populated: Deployment) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS}
    first = populated.client.post("/v1/subscriptions", body, key="k1")
    again = populated.client.post("/v1/subscriptions", body, key="k1")
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert followers(populated) == 2


def test_a_key_that_was_used_for_other_settings_is_refused(populated: Deployment) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS}
    populated.client.post("/v1/subscriptions", body, key="k1")
    answer = populated.client.post("/v1/subscriptions", {**body, "settings": {"capital": "2000"}}, key="k1")
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_repeat_after_a_change_returns_the_subscription_as_it_is_now(populated: Deployment) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS}
    subscription_id = populated.client.post("/v1/subscriptions", body, key="k1").json["subscription_id"]
    populated.client.send("PATCH", f"/v1/subscriptions/{subscription_id}/settings", {"leverage": 3})
    again = populated.client.post("/v1/subscriptions", body, key="k1")
    assert (again.status, again.json["settings"]["leverage"]) == (201, "3")


def test_subscriptions_of_one_account_are_bounded(populated: Deployment) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": SETTINGS}
    answers = [populated.client.post("/v1/subscriptions", body) for _ in range(MAX_SUBSCRIPTIONS_PER_ACCOUNT)]
    assert [answer.status for answer in answers[:-1]] == [201] * (MAX_SUBSCRIPTIONS_PER_ACCOUNT - 1)
    assert (answers[-1].status, answers[-1].code) == (409, "TOO_MANY_SUBSCRIPTIONS")


def test_a_change_of_settings_leaves_the_others(populated: Deployment) -> None:
    before = populated.client.get(PATH).json
    change = {"leverage": "3", "max_order_notional": "500.5", "allowed_sides": "LONG", "allowed_markets": [BTC]}
    answer = populated.client.send("PATCH", f"{PATH}/settings", change)
    assert answer.status == 200
    assert answer.json["version"] == before["version"] + 1
    assert answer.json["settings"] == {**before["settings"], **change}
    assert populated.client.get(PATH).json == answer.json


def test_null_lifts_an_optional_limit_and_no_other(populated: Deployment) -> None:
    populated.client.send("PATCH", f"{PATH}/settings", {"max_order_notional": "500"})
    lifted = populated.client.send("PATCH", f"{PATH}/settings", {"max_order_notional": None})
    assert lifted.json["settings"]["max_order_notional"] is None
    refused = populated.client.send("PATCH", f"{PATH}/settings", {"max_daily_loss_percent": None})
    assert (refused.status, refused.code) == (422, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"capital": 1000.5}, "/capital"),
        ({"capital": "1e3"}, "/capital"),
        ({"capital": "NaN"}, "/capital"),
        ({"capital": True}, "/capital"),
        ({"max_positions": "2"}, "/max_positions"),
        ({"max_positions": 21}, "/max_positions"),
        ({"levarage": 3}, "/levarage"),
        ({"sizing": {"mode": "MARTINGALE"}}, "/sizing/mode"),
        ({"allowed_markets": ["btc usdt"]}, "/allowed_markets/0"),
        ({"allowed_markets": [BTC, "BTCUSDT"]}, "/allowed_markets/1"),
        ({"allowed_markets": [BTC] * 51}, "/allowed_markets"),
    ],
)
def test_a_malformed_setting_is_refused_by_name(populated: Deployment, change: dict[str, Any], pointer: str) -> None:
    answer = populated.client.send("PATCH", f"{PATH}/settings", change)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize("change", [{"capital": "0"}, {"leverage": "2.5"}, {"leverage": 126}, {"max_daily_loss_percent": "101"}])
def test_a_setting_beyond_its_bounds_is_refused(populated: Deployment, change: dict[str, Any]) -> None:
    answer = populated.client.send("PATCH", f"{PATH}/settings", change)
    assert (answer.status, answer.code) == (422, "INVALID_VALUE")


def test_sizing_by_kelly_is_told_how_often_and_how_much_trades_win(populated: Deployment) -> None:
    kelly = {"sizing": {"mode": "KELLY", "value": "50"}, "win_rate": "0.55", "payoff_ratio": "1.5", "kelly_cap_percent": "2"}
    settings = populated.client.send("PATCH", f"{PATH}/settings", kelly).json["settings"]
    assert {name: settings[name] for name in kelly} == kelly
    assert populated.client.send("PATCH", f"{PATH}/settings", {"win_rate": "1.1"}).status == 422


def test_a_sizing_mode_without_its_value_has_a_code_of_its_own(populated: Deployment) -> None:
    answer = populated.client.send("PATCH", f"{PATH}/settings", {"sizing": {"mode": "FIXED_QUANTITY"}})
    assert (answer.status, answer.code) == (422, "SIZING_VALUE_MISSING")


def test_nan_literals_are_refused(populated: Deployment) -> None:
    answer = populated.client.send("PATCH", f"{PATH}/settings", raw='{"capital": NaN}')
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")


def test_pausing_and_resuming_reach_the_account_in_the_same_write(populated: Deployment) -> None:
    paused = populated.client.post(f"{PATH}/pause")
    assert (paused.status, paused.json["status"]) == (200, "PAUSED")
    assert status_in_account(populated) is SubscriptionStatus.PAUSED
    assert followers(populated) == 1  # its exits still need the market clock
    assert populated.client.post(f"{PATH}/pause").json["version"] == paused.json["version"]
    resumed = populated.client.post(f"{PATH}/resume")
    assert (resumed.status, resumed.json["status"]) == (200, "ACTIVE")
    assert status_in_account(populated) is SubscriptionStatus.ACTIVE


def test_cancelling_frees_the_accounts_place_and_the_follower(populated: Deployment) -> None:
    answer = populated.client.post(f"{PATH}/cancel")
    assert answer.status == 200
    assert (answer.json["subscription"]["status"], answer.json["closing_markets"]) == ("CANCELLED", [])
    assert status_in_account(populated) is None
    assert followers(populated) == 0
    assert populated.client.post(f"{PATH}/cancel").status == 200
    assert followers(populated) == 0


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_cancelled_subscription_stays_cancelled(populated: Deployment, action: str) -> None:
    populated.client.post(f"{PATH}/cancel")
    answer = populated.client.post(f"{PATH}/{action}")
    assert (answer.status, answer.code) == (409, "SUBSCRIPTION_CANCELLED")
    assert populated.client.send("PATCH", f"{PATH}/settings", {"leverage": 2}).code == "SUBSCRIPTION_CANCELLED"


def test_cancelling_with_an_open_position_is_refused(populated: Deployment) -> None:
    holding(populated)
    answer = populated.client.post(f"{PATH}/cancel")
    assert (answer.status, answer.code) == (409, "POSITION_OPEN")
    assert populated.client.get(PATH).json["status"] == "ACTIVE"
    assert populated.trade_queue.sent == []


@pytest.mark.parametrize(
    ("state", "order_type"),
    [(IntentState.SUBMITTING, OrderType.LIMIT), (IntentState.UNKNOWN, OrderType.LIMIT), (IntentState.OPEN, OrderType.MARKET)],
)
def test_cancelling_with_an_undecided_entry_is_refused(populated: Deployment, state: IntentState, order_type: OrderType) -> None:
    account = populated.database.accounts[TENANT, ACCOUNT]
    entry = an_intent(state=state, order_type=order_type)
    populated.accounts.save(replace(account, intents={entry.intent_id: entry}))
    answer = populated.client.post(f"{PATH}/cancel")
    assert (answer.status, answer.code) == (409, "ORDER_UNDER_WAY")
    assert populated.trade_queue.sent == []
    assert populated.client.post(f"{PATH}/cancel", {"close_position": True}).json["closing_markets"] == [BTC]


@pytest.mark.parametrize("state", [IntentState.OPEN, IntentState.PENDING])
def test_cancelling_takes_back_an_entry_that_rests_and_closes_what_it_fills_meanwhile(
    populated: Deployment, state: IntentState
) -> None:
    account = populated.database.accounts[TENANT, ACCOUNT]
    entry = an_intent(state=state, order_type=OrderType.LIMIT)
    populated.accounts.save(replace(account, intents={entry.intent_id: entry}))
    answer = populated.client.post(f"{PATH}/cancel")
    assert (answer.status, answer.json["closing_markets"]) == (200, [BTC])
    [order] = populated.trade_queue.sent
    assert (order.signal.action, order.subscription_id) == (Action.EXIT, SUBSCRIPTION)
    again = populated.client.post(f"{PATH}/cancel")
    assert (again.json["closing_markets"], len(populated.trade_queue.sent)) == ([BTC], 1)


def test_cancelling_can_close_the_position(populated: Deployment) -> None:
    holding(populated)
    answer = populated.client.post(f"{PATH}/cancel", {"close_position": True})
    assert (answer.status, answer.json["closing_markets"]) == (200, [BTC])
    assert answer.json["subscription"]["status"] == "CANCELLED"
    [order] = populated.trade_queue.sent
    assert (order.tenant_id, order.account_id, order.subscription_id) == (TENANT, ACCOUNT, SUBSCRIPTION)
    assert (order.signal.action, order.signal.market, order.signal.correlation_id) == (Action.EXIT, BTC, REQUEST_ID)


def test_a_repeated_cancel_sends_the_same_exit_if_the_queue_had_failed(populated: Deployment) -> None:
    holding(populated)
    populated.trade_queue.fail_next()
    failed = populated.client.post(f"{PATH}/cancel", {"close_position": True})
    assert (failed.status, failed.code, failed.headers["retry-after"]) == (503, "QUEUE_UNAVAILABLE", "1")
    for _ in range(2):
        assert populated.client.post(f"{PATH}/cancel", {"close_position": True}).json["closing_markets"] == [BTC]
    assert (len(populated.trade_queue.sent), len(populated.trade_queue.dropped)) == (1, 1)


def test_statistics_add_drawdown_and_slippage(populated: Deployment) -> None:
    answer = populated.client.get(f"{PATH}/statistics")
    assert answer.status == 200
    assert answer.json == {
        "statistics": {
            "trades": 1,
            "wins": 1,
            "losses": 0,
            "pnl": "100",
            "fees": "0.84",
            "funding": "0",
            "net_pnl": "99.16",
            "win_rate_percent": "100.00",
            "profit_factor": None,
        },
        "max_drawdown": "0",
        "drawdown_trades": 1,
        "slippage_bps": "10.00",
        "slippage_orders": 1,
    }


def test_how_orders_are_placed_and_stops_moved_is_a_setting(populated: Deployment) -> None:
    chosen = {
        "entry": {"type": "LIMIT", "offset_bps": "5", "time_in_force": "GTC", "post_only": True, "rests_seconds": 60},
        "trailing_stop_percent": "2.5",
        "trailing_stop_atr_multiplier": None,
        "trailing_activation_percent": "1",
        "break_even_after_r": "1.5",
        "break_even_after_target": True,
        "limit_targets": True,
        "stop_working_type": "MARK_PRICE",
        "stop_price_protect": True,
    }
    changed = populated.client.send("PATCH", f"{PATH}/settings", chosen)
    assert {name: changed.json["settings"][name] for name in chosen} == chosen
    back = populated.client.send("PATCH", f"{PATH}/settings", {"entry": None, "trailing_stop_percent": None})
    assert (back.json["settings"]["entry"], back.json["settings"]["trailing_stop_percent"]) == (None, None)
    wrong = populated.client.send("PATCH", f"{PATH}/settings", {"entry": {"type": "STOP"}})
    assert (wrong.status, wrong.code) == (422, "ENTRY_ORDER_INVALID")


def test_an_account_on_another_venue_than_the_strategy_is_refused(populated: Deployment) -> None:
    populated.accounts.create(an_account("live", venue="binanceusdm", subscriptions={}))
    body = {"strategy_id": STRATEGY, "account_id": "live", "settings": SETTINGS}
    answer = populated.client.post("/v1/subscriptions", body)
    assert (answer.status, answer.code) == (409, "VENUE_MISMATCH")
    assert populated.accounts.load(TENANT, "live").subscriptions == {}
