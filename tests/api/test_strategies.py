"""Strategies by the API: everybody reads, platform admins create; a webhook's secret is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.api.conftest import EXTERNAL, Deployment
from tests.support.builders import BTC, NOW, SOURCE, STRATEGY, a_market, after
from tests.support.gateway import Client

BUILT_IN: dict[str, Any] = {
    "kind": "BUILT_IN",
    "strategy_id": "sma-fast",
    "name": "SMA, fast",
    "venue": "paper",
    "market": BTC,
    "timeframe": "5m",
    "code": "sma_cross",
    "parameters": {"fast_period": 3, "slow_period": 9, "stop_atr": 2.5},
}
FROM_OUTSIDE = {"kind": "EXTERNAL", "strategy_id": "desk-1", "name": "Desk", "venue": "paper"}


def test_strategies_are_listed_page_by_page(populated: Deployment) -> None:
    first = populated.client.get("/v1/strategies", limit="1")
    assert [item["strategy_id"] for item in first.json["items"]] == [EXTERNAL]
    second = populated.client.get("/v1/strategies", limit="1", cursor=first.json["next_cursor"])
    assert [item["strategy_id"] for item in second.json["items"]] == [STRATEGY]
    assert second.json["next_cursor"] is None


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"limit": "1e2"}, {"limit": "9" * 5_000}])
def test_page_sizes_are_bounded(populated: Deployment, query: dict[str, str]) -> None:
    answer = populated.client.get("/v1/strategies", **query)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert answer.json["errors"][0]["pointer"] == f"query:{next(iter(query))}"


def test_a_cursor_of_another_listing_is_refused(populated: Deployment) -> None:
    cursor = populated.client.get("/v1/strategies", limit="1").json["next_cursor"]
    answer = populated.client.get("/v1/orders", cursor=cursor)
    assert (answer.status, answer.code) == (422, "CURSOR_INVALID")


def test_an_admin_creates_a_built_in_strategy(deployment: Deployment) -> None:
    answer = deployment.admin.post("/v1/strategies", BUILT_IN)
    assert answer.status == 201
    assert answer.json["source"] is None
    shown = deployment.admin.get("/v1/strategies/sma-fast").json
    assert shown == answer.json["strategy"]
    assert shown["parameters"] == {"fast_period": 3, "slow_period": 9, "stop_atr": 2.5}


def test_a_market_that_its_venue_ends_gets_no_new_strategy(deployment: Deployment) -> None:
    deployment.markets.put(a_market(delists_at=NOW))
    answer = deployment.admin.post("/v1/strategies", BUILT_IN)
    assert (answer.status, answer.code) == (422, "MARKET_DELISTED")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"code": "no_such_code"}, 422, "STRATEGY_UNKNOWN"),
        ({"code": "../secrets"}, 422, "STRATEGY_NAME_INVALID"),
        ({"parameters": {"fast_period": 30}}, 422, "PARAMETER_INVALID"),
        ({"parameters": {"speed": 3}}, 422, "PARAMETER_UNKNOWN"),
        ({"market": "DOGE/USDT:USDT"}, 422, "UNKNOWN_MARKET"),
        ({"venue": "elsewhere"}, 422, "UNKNOWN_VENUE"),
        ({"strategy_id": STRATEGY}, 409, "ALREADY_EXISTS"),
        ({"timeframe": "7m"}, 422, "INVALID_REQUEST"),
        ({"strategy_id": "Not A Slug"}, 422, "INVALID_REQUEST"),
        ({"kind": "MAGIC"}, 422, "INVALID_REQUEST"),
    ],
)
def test_what_could_not_run_is_not_created(deployment: Deployment, change: dict[str, Any], status: int, code: str) -> None:
    answer = deployment.admin.post("/v1/strategies", {**BUILT_IN, **change})
    assert (answer.status, answer.code) == (status, code)
    assert set(deployment.database.strategies) == {STRATEGY, EXTERNAL}


def test_an_external_strategy_gets_a_webhook_whose_secret_is_shown_once(deployment: Deployment) -> None:
    answer = deployment.admin.post("/v1/strategies", FROM_OUTSIDE)
    assert answer.status == 201
    source = answer.json["source"]
    assert source["webhook_path"] == "/webhooks/desk-1"
    version = deployment.database.sources["desk-1"].secret_version
    assert deployment.vault.secrets("desk-1", (version,)) == (source["secret"],)
    shown = deployment.client.get("/v1/strategies/desk-1")
    assert source["secret"] not in shown.text
    assert source["secret"] not in repr(deployment.database)


def test_a_taken_name_keeps_its_own_secret(deployment: Deployment) -> None:
    answer = deployment.admin.post("/v1/strategies", {**FROM_OUTSIDE, "strategy_id": EXTERNAL})
    assert (answer.status, answer.code) == (409, "ALREADY_EXISTS")
    assert deployment.vault.secrets(SOURCE, ("secret-version-1",)) == ("first-secret",)


def test_a_rotated_secret_is_new_and_the_one_before_still_accepted(deployment: Deployment) -> None:
    answer = deployment.admin.post(f"/v1/strategies/{EXTERNAL}/source/secret")
    assert answer.status == 201
    accepted = deployment.database.sources[SOURCE].accepted_versions(deployment.clock.now())
    assert deployment.vault.secrets(SOURCE, accepted) == (answer.json["secret"], "first-secret")


SOURCE_URL = f"/v1/strategies/{EXTERNAL}/source"
BOUNDS: dict[str, Any] = {
    "enabled": False,
    "messages_per_minute": 5,
    "messages_per_hour": 50,
    "max_daily_notional": "1000.50",
    "max_signal_notional": "100",
    "allowed_addresses": ["52.89.214.238", "203.0.113.0/24", "2001:db8::/32"],
}


def test_an_admin_changes_the_bounds_of_a_source_and_sees_what_it_has_caused_today(deployment: Deployment) -> None:
    before = deployment.admin.get(SOURCE_URL)
    assert (before.json["enabled"], before.json["messages_per_minute"], before.json["messages_per_hour"]) == (True, 60, 500)
    assert (before.json["allowed_addresses"], before.json["notional_today"]) == ([], "0")
    deployment.source_use.add_notional(SOURCE, "order-1", "account-1", Decimal("12.5"), deployment.clock.now())
    answer = deployment.admin.send("PUT", SOURCE_URL, BOUNDS)
    assert answer.status == 200, answer.text
    assert answer.json == deployment.admin.get(SOURCE_URL).json
    assert {name: answer.json[name] for name in BOUNDS} == BOUNDS | {
        "allowed_addresses": ["52.89.214.238/32", "203.0.113.0/24", "2001:db8::/32"]
    }
    assert answer.json["notional_today"] == "12.5"
    assert deployment.admin.send("PUT", SOURCE_URL, {}).json["enabled"] is True


def test_a_patch_changes_the_given_settings_of_a_source_and_no_others(deployment: Deployment) -> None:
    shown = deployment.admin.send("PUT", SOURCE_URL, BOUNDS).json
    changes: list[dict[str, Any]] = [{}, {"enabled": True}, {"messages_per_minute": 7, "max_signal_notional": "99.5"}]
    for change in (*changes, {"allowed_addresses": []}):
        answer = deployment.admin.send("PATCH", SOURCE_URL, change)
        shown |= change
        assert (answer.status, answer.json) == (200, shown)
    assert deployment.admin.get(SOURCE_URL).json == shown


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"allowed_addresses": ["203.0.113.1/24"]}, "SOURCE_SETTINGS_INVALID"),
        ({"allowed_addresses": ["example.com"]}, "SOURCE_SETTINGS_INVALID"),
        ({"max_daily_notional": "0"}, "INVALID_VALUE"),
        ({"max_signal_notional": "1000000000001"}, "SOURCE_SETTINGS_INVALID"),
        ({"messages_per_minute": 0}, "INVALID_REQUEST"),
        ({"messages_per_minute": 601}, "INVALID_REQUEST"),
        ({"messages_per_hour": 20_001}, "INVALID_REQUEST"),
        ({"messages_per_minute": "60"}, "INVALID_REQUEST"),
        ({"enabled": 1}, "INVALID_REQUEST"),
        ({"allowed_addresses": ["192.0.2.1"] * 51}, "INVALID_REQUEST"),
        ({"max_daily_notional": 1.5}, "INVALID_REQUEST"),
        ({"adresses": []}, "INVALID_REQUEST"),
        ({"allowed_addresses": None}, "INVALID_REQUEST"),
    ],
)
def test_bounds_that_are_no_bounds_are_refused(deployment: Deployment, method: str, change: dict[str, Any], code: str) -> None:
    answer = deployment.admin.send(method, SOURCE_URL, change if method == "PATCH" else BOUNDS | change)
    assert (answer.status, answer.code) == (422, code)
    assert deployment.admin.get(SOURCE_URL).json["messages_per_minute"] == 60


def test_a_network_with_bits_after_its_prefix_is_refused_with_its_field_and_an_example(deployment: Deployment) -> None:
    detail = deployment.admin.send("PUT", SOURCE_URL, BOUNDS | {"allowed_addresses": ["10.0.0.1/8"]}).json["detail"]
    assert "allowed_addresses" in detail
    assert "zeros after the prefix, such as 203.0.113.0/24" in detail


def test_the_overlap_of_a_rotation_is_shown_and_can_be_ended_at_once(deployment: Deployment) -> None:
    new = deployment.admin.post(f"{SOURCE_URL}/secret").json["secret"]
    until = deployment.admin.get(SOURCE_URL).json["previous_secret_until"]
    assert datetime.fromisoformat(until) == deployment.clock.now() + timedelta(hours=24)
    for _ in range(2):
        revoked = deployment.admin.post(f"{SOURCE_URL}/secret/revoke-previous")
        assert (revoked.status, revoked.json["previous_secret_until"]) == (200, None)
    accepted = deployment.database.sources[SOURCE].accepted_versions(deployment.clock.now())
    assert deployment.vault.secrets(SOURCE, accepted) == (new,)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PUT", ""), ("PATCH", ""), ("POST", "/secret/revoke-previous")])
def test_only_platform_admins_see_and_change_sources(deployment: Deployment, method: str, path: str) -> None:
    body = BOUNDS if method in ("PUT", "PATCH") else None
    assert deployment.client.send(method, SOURCE_URL + path, body).code == "FORBIDDEN"
    built_in = deployment.admin.send(method, f"/v1/strategies/{STRATEGY}/source{path}", body)
    assert (built_in.status, built_in.code) == (409, "NOT_EXTERNAL")


def test_a_built_in_strategy_has_no_secret_to_rotate(deployment: Deployment) -> None:
    answer = deployment.admin.post(f"/v1/strategies/{STRATEGY}/source/secret")
    assert (answer.status, answer.code) == (409, "NOT_EXTERNAL")


@pytest.mark.parametrize("roles", ["", "[trader viewer]", "[not_platform_admin]", "platform_admins"])
def test_only_platform_admins_create_and_rotate(deployment: Deployment, roles: str) -> None:
    client = Client(deployment.providers, roles=roles)
    assert client.post("/v1/strategies", BUILT_IN).code == "FORBIDDEN"
    answer = client.post(f"/v1/strategies/{EXTERNAL}/source/secret")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize("roles", ["[trader platform_admin]", "[platform_admin]", "platform_admin"])
def test_roles_are_read_however_a_gateway_writes_a_list(deployment: Deployment, roles: str) -> None:
    assert Client(deployment.providers, roles=roles).post("/v1/strategies", BUILT_IN).status == 201


def test_a_strategys_track_record_counts_all_followers(populated: Deployment) -> None:
    answer = populated.client.get(f"/v1/strategies/{STRATEGY}/statistics")
    assert answer.status == 200
    assert answer.json == {
        "venue": "paper",
        "is_paper": True,
        "tenants": 1,
        "trades": 1,
        "mean_return_percent": "9.9160",
        "win_rate_percent": "100.00",
        "profit_factor": None,
        "closed_before": None,
        "earlier_trades": 0,
    }


@pytest.mark.parametrize(("seconds", "trades"), [(60 * 60, 0), (60 * 60 + 59, 0), (60 * 60 + 60, 1)])
def test_a_stranger_sees_the_outcome_of_a_trade_a_candle_after_its_hour(populated: Deployment, seconds: int, trades: int) -> None:
    """The trade closed at 12:01, and its strategy decides every minute."""
    populated.clock.set(after(seconds))
    answer = populated.stranger.get(f"/v1/strategies/{STRATEGY}/statistics").json
    assert (answer["trades"], answer["tenants"]) == (trades, trades)
    assert populated.client.get(f"/v1/strategies/{STRATEGY}/statistics").json["trades"] == 1


def test_a_record_tells_nobodys_money(populated: Deployment) -> None:
    text = populated.admin.get(f"/v1/strategies/{STRATEGY}/statistics").text
    assert not [amount for amount in ("99.16", "0.84", "1000", "pnl", "fees") if amount in text]


def test_runs_and_signals_of_a_strategy_are_listed(populated: Deployment) -> None:
    [run] = populated.client.get(f"/v1/strategies/{STRATEGY}/executions").json["items"]
    assert (run["status"], run["candle_close"], run["drift_seconds"]) == ("RUNNING", "2026-11-20T12:00:00Z", 1.0)
    [signal] = populated.client.get(f"/v1/strategies/{STRATEGY}/signals").json["items"]
    assert (signal["signal"]["action"], signal["signal"]["price"]) == ("LONG", "100")
    assert (signal["orders"], signal["skipped"], signal["shards"], signal["shards_done"]) == (1, {"NO_ACCOUNT": 2}, 1, 1)
