"""Limits by API: the roles that may set them, the limits in force, and the bounds of a lower level."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.limits.catalogue import CATALOGUE
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import IntentState
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.runtime.compose import api
from tests.api.conftest import ORDER, Deployment, giving
from tests.support.builders import ACCOUNT, NOW, STRATEGY, SUBSCRIPTION, TENANT, a_position, a_subscription, an_account, an_intent
from tests.support.gateway import Client

MINE = "/v1/limits/levels/USER/me"
PLATFORM = "/v1/limits/levels/PLATFORM/platform"
EFFECTIVE = f"/v1/limits/effective/{SUBSCRIPTION}"


def in_force(client: Client) -> dict[str, tuple[Any, str]]:
    return {item["name"]: (item["value"], item["origin"]) for item in client.get(EFFECTIVE).json["items"]}


def test_the_catalogue_lists_every_limit_with_its_code(deployment: Deployment) -> None:
    items = deployment.client.get("/v1/limits/catalogue").json["items"]
    assert [item["name"] for item in items] == list(CATALOGUE)
    assert len(items) >= 50
    assert all(item["reason"] and item["unit"] for item in items)


@pytest.mark.parametrize("name", ["BTCUSDT", "BTC/USDT", "BTC-USDT-SWAP", "BTC/USDT:", "/USDT:USDT", f"{'A' * 64}/USDT:USDT"])
def test_a_market_that_is_not_named_in_full_is_refused_in_limits(populated: Deployment, name: str) -> None:
    answer = populated.client.send("PUT", MINE, {"denied_markets": ["DOGE/USDT:USDT", name]})
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/denied_markets/1"]
    assert "BTC/USDT:USDT" in answer.json["errors"][0]["message"]


def test_every_level_is_in_force_with_the_level_it_comes_from(populated: Deployment) -> None:
    admin = populated.admin
    admin.send("PUT", PLATFORM, {"max_leverage": "8", "max_orders_per_day": 100})
    admin.send("PUT", "/v1/limits/levels/ORGANISATION/fund-1", {"max_orders_per_day": 50, "stop_required": True})
    admin.send("PUT", "/v1/limits/levels/GROUP/juniors", {"denied_markets": ["DOGE/USDT:USDT"]})
    admin.send("PUT", f"/v1/limits/members/{TENANT}", {"organisation_id": "fund-1", "group_id": "juniors"})
    populated.client.send("PUT", MINE, {"max_leverage": "9", "max_spread_bps": "12.5"})
    found = in_force(populated.client)
    assert found["max_leverage"] == ("8", "PLATFORM"), "a lower level cannot loosen"
    assert found["max_orders_per_day"] == (50, "ORGANISATION")
    assert found["stop_required"] == (True, "ORGANISATION")
    assert found["denied_markets"] == (["DOGE/USDT:USDT"], "GROUP")
    assert found["max_spread_bps"] == ("12.5", "USER")
    assert found["max_state_age_seconds"] == (600, "PLATFORM"), "the product's own"
    assert found["max_positions"][1] == "SUBSCRIPTION"


def test_a_subscription_may_have_limits_of_its_own(populated: Deployment) -> None:
    changed = populated.client.send(
        "PATCH", f"/v1/subscriptions/{SUBSCRIPTION}/settings", {"limits": {"max_risk_per_trade_percent": "0.5"}}
    )
    assert changed.json["settings"]["limits"] == {"max_risk_per_trade_percent": "0.5"}
    assert in_force(populated.client)["max_risk_per_trade_percent"] == ("0.5", "SUBSCRIPTION")


def test_what_was_set_is_shown_with_who_has_set_it(deployment: Deployment) -> None:
    put = deployment.client.send("PUT", MINE, {"max_leverage": "3"}).json
    assert put == deployment.client.get(MINE).json
    assert (put["limits"], put["changed_by"], put["version"]) == ({"max_leverage": "3"}, f"api:{TENANT}", 1)


@pytest.mark.parametrize("path", [PLATFORM, "/v1/limits/levels/ORGANISATION/fund-1", "/v1/limits/levels/GROUP/juniors"])
def test_only_platform_admins_reach_wider_levels(deployment: Deployment, path: str) -> None:
    assert deployment.client.get(path).status == 403
    assert deployment.client.send("PUT", path, {"max_leverage": "3"}).status == 403
    assert deployment.admin.send("PUT", path, {"max_leverage": "3"}).status == 200


def test_another_users_limits_are_not_there(deployment: Deployment) -> None:
    deployment.client.send("PUT", MINE, {"max_leverage": "3"})
    path = f"/v1/limits/levels/USER/{TENANT}"
    assert (deployment.stranger.get(path).status, deployment.stranger.send("PUT", path, {}).status) == (404, 404)
    assert deployment.admin.get(path).json["limits"] == {"max_leverage": "3"}


def test_nobody_moves_himself_into_another_organisation(deployment: Deployment) -> None:
    assert deployment.client.send("PUT", "/v1/limits/members/me", {"organisation_id": "other"}).status == 403


@pytest.mark.parametrize("level", ["ORGANISATION/fund-1", "GROUP/juniors"])
def test_one_operator_moves_nobody_out_of_a_locked_level(deployment: Deployment, level: str) -> None:
    """A move would loosen for that user what two operators have to loosen for the level."""
    admin, members = deployment.admin, f"/v1/limits/members/{TENANT}"
    belongs = {"organisation_id": "fund-1", "group_id": "juniors"}
    assert admin.send("PUT", members, belongs).status == 200
    until = (NOW + timedelta(days=1)).isoformat()
    admin.send("PUT", f"/v1/limits/levels/{level}", {"max_leverage": "2", "limits_locked_until": until})
    for elsewhere in ({}, {"organisation_id": "fund-2", "group_id": "seniors"}):
        refused = admin.send("PUT", members, elsewhere)
        assert (refused.status, refused.json["code"]) == (409, "LIMITS_LOCKED")
    assert admin.send("PUT", members, belongs).status == 200
    deployment.clock.advance(86_400)
    assert admin.send("PUT", members, {}).status == 200


def test_one_operator_moves_nobody_out_of_a_stopped_organisation(deployment: Deployment) -> None:
    admin, members = deployment.admin, f"/v1/limits/members/{TENANT}"
    assert admin.send("PUT", members, {"organisation_id": "fund-1"}).status == 200
    admin.send("PUT", "/v1/kill-switches/ORGANISATION/fund-1", {"grade": "HALT_ALL", "reason": "an audit"})
    refused = admin.send("PUT", members, {"organisation_id": "fund-2"})
    assert (refused.status, refused.json["code"]) == (409, "HELD_BY_OPERATIONS")
    assert admin.send("PUT", members, {"organisation_id": "fund-1", "group_id": "juniors"}).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/limits/levels/ACCOUNT/a", "/v1/limits/levels/PLATFORM/other", "/v1/limits/levels/GROUP/a b"]
)
def test_a_level_that_there_is_not_answers_404(deployment: Deployment, path: str) -> None:
    assert deployment.admin.get(path).status == 404


WEEKDAYS = {"days": [0, 1, 2, 3, 4, 5, 6], "opens": "08:00", "closes": "08:30"}
NEWS = {"starts_at": "2026-12-01T13:00:00Z", "ends_at": "2026-12-01T14:00:00+00:00"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"max_leverage": 2.5}, "INVALID_REQUEST"),
        ({"max_leverage": "-1"}, "LIMIT_OUT_OF_BOUNDS"),
        ({"max_positions": "3"}, "INVALID_REQUEST"),
        ({"max_leverag": "3"}, "INVALID_REQUEST"),
        ({"denied_markets": [f"A{number}/USDT:USDT" for number in range(51)]}, "TOO_MANY_ENTRIES"),
        ({"correlated_markets": [[f"A{number}/USDT:USDT" for number in range(51)]]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": [0, 1, 2, 3, 4, 5, 6] * 40}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": [0, 1, 2, 3, 4, 5, 6, 0]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": ["0"]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": [True]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": [1.5]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "days": [7]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "day": [1]}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "opens": 28_800}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "opens": "08:00:30"}]}, "INVALID_REQUEST"),
        ({"trading_windows": [{**WEEKDAYS, "opens": f"0{n}:00", "closes": f"0{n}:30"} for n in range(8)]}, "TOO_MANY_ENTRIES"),
        ({"limits_locked_until": 20261201}, "INVALID_REQUEST"),
        ({"limits_locked_until": "20261201"}, "INVALID_REQUEST"),
        ({"limits_locked_until": 1_796_083_200}, "INVALID_REQUEST"),
        ({"limits_locked_until": "2026-12-01"}, "INVALID_REQUEST"),
        ({"limits_locked_until": "2026-12-01T00:00:00"}, "INVALID_REQUEST"),
        ({"limits_locked_until": "9999-12-01T00:00:00Z"}, "INVALID_REQUEST"),
        ({"limits_locked_until": "1970-01-01T00:00:00Z"}, "INVALID_REQUEST"),
        ({"limits_locked_until": "2026-02-30T00:00:00Z"}, "INVALID_REQUEST"),
        ({"limits_locked_until": "2026-12-01T00:00:60Z"}, "INVALID_REQUEST"),
        ({"blackouts": [{"starts_at": 1, "ends_at": 2}]}, "INVALID_REQUEST"),
        ({"blackouts": [{**NEWS, "name": "rates\u202e"}]}, "INVALID_REQUEST"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_with_a_code(deployment: Deployment, body: dict[str, Any], code: str) -> None:
    answer = deployment.client.send("PUT", MINE, body)
    assert (answer.status, answer.code) == (422, code)
    assert deployment.client.get(MINE).json["version"] == 0


THEIRS = f"/v1/limits/levels/USER/{TENANT}"
ABOUT_ME = "/v1/limits/levels/OPERATIONS/me"


def test_a_user_cannot_clear_what_an_operator_has_set_for_that_user(populated: Deployment) -> None:
    put = populated.admin.send("PUT", THEIRS, {"max_leverage": "2"})
    assert (put.status, put.json["scope"], put.json["scope_id"]) == (200, "OPERATIONS", TENANT)
    assert populated.client.send("PUT", MINE, {}).status == 200
    assert in_force(populated.client)["max_leverage"] == ("2", "OPERATIONS")
    answer = populated.client.send("PUT", ABOUT_ME, {})
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert populated.client.get(ABOUT_ME).json["limits"] == {"max_leverage": "2"}
    assert in_force(populated.client)["max_leverage"] == ("2", "OPERATIONS")


def test_what_a_user_has_set_stays_the_users_when_an_operator_sets_limits(populated: Deployment) -> None:
    populated.client.send("PUT", MINE, {"max_leverage": "3", "max_adds": 0})
    populated.admin.send("PUT", THEIRS, {"max_leverage": "4"})
    assert populated.client.get(MINE).json["limits"] == {"max_leverage": "3", "max_adds": 0}
    assert in_force(populated.client)["max_leverage"] == ("3", "USER")
    populated.client.send("PUT", MINE, {})
    assert in_force(populated.client)["max_leverage"] == ("4", "OPERATIONS")
    assert populated.admin.send("PUT", f"/v1/limits/levels/OPERATIONS/{TENANT}", {}).json["version"] == 2
    assert in_force(populated.client)["max_leverage"][1] == "SUBSCRIPTION"


def test_what_operators_say_about_others_is_not_shown(deployment: Deployment) -> None:
    deployment.admin.send("PUT", THEIRS, {"max_leverage": "2"})
    path = f"/v1/limits/levels/OPERATIONS/{TENANT}"
    assert (deployment.stranger.get(path).status, deployment.stranger.send("PUT", path, {}).status) == (404, 404)


def test_an_operators_own_limits_are_a_users(deployment: Deployment) -> None:
    assert deployment.admin.send("PUT", MINE, {"max_leverage": "2"}).json["scope"] == "USER"
    assert deployment.admin.send("PUT", "/v1/limits/levels/USER/admin-1", {}).json["version"] == 2


LOCKING = [MINE, f"/v1/accounts/{ACCOUNT}/limits", "/v1/limits/levels/ORGANISATION/fund-1"]


@pytest.mark.parametrize("path", LOCKING)
def test_a_lock_is_at_most_ninety_days_long(populated: Deployment, path: str) -> None:
    sender = populated.admin if "ORGANISATION" in path else populated.client
    for until in ("2099-12-31T00:00:00Z", "2027-02-18T12:00:01Z"):
        answer = sender.send("PUT", path, {"limits_locked_until": until})
        assert (answer.status, answer.code) == (422, "LOCK_TOO_LONG")
    assert sender.send("PUT", path, {"limits_locked_until": "2027-02-18T12:00:00Z"}).status == 200
    populated.clock.advance(90 * 86_400)
    assert sender.send("PUT", path, {}).status == 200


def test_a_subscription_is_not_made_with_a_longer_lock(populated: Deployment) -> None:
    settings = {"capital": "1000", "limits": {"limits_locked_until": "2099-12-31T00:00:00Z"}}
    answer = populated.client.post("/v1/subscriptions", {"strategy_id": STRATEGY, "settings": settings})
    assert (answer.status, answer.code) == (422, "LOCK_TOO_LONG")


@pytest.mark.parametrize(
    "loose",
    [{"leverage": 50}, {"max_positions": 9}, {"max_daily_loss_percent": "50"}, {"capital": "100000"}, {"limits": {}}],
)
def test_a_locked_subscription_is_not_loosened_by_its_settings(populated: Deployment, loose: dict[str, Any]) -> None:
    path = f"/v1/subscriptions/{SUBSCRIPTION}/settings"
    locked = {"limits": {"limits_locked_until": "2026-12-20T00:00:00Z"}}
    assert populated.client.send("PATCH", path, locked).status == 200
    answer = populated.client.send("PATCH", path, loose)
    assert (answer.status, answer.code) == (409, "LIMITS_LOCKED")
    assert populated.client.send("PATCH", path, {"leverage": 1, "max_daily_loss_percent": "1"}).status == 200
    populated.clock.advance(31 * 86_400)
    assert populated.client.send("PATCH", path, loose).status == 200


def test_a_longer_lock_from_before_is_bounded_and_can_be_tightened(populated: Deployment) -> None:
    populated.clock.advance(10 * 86_400)
    held = populated.subscriptions.get_subscription(TENANT, SUBSCRIPTION)
    forever = Limits(max_adds=1, limits_locked_until=datetime(9999, 1, 1, tzinfo=UTC))
    populated.subscriptions.write(replace(held, settings=replace(held.settings, limits=forever)), None, 0)
    path = f"/v1/subscriptions/{SUBSCRIPTION}/settings"
    assert populated.client.send("PATCH", path, {"leverage": 50}).code == "LIMITS_LOCKED"
    tightened = populated.client.send("PATCH", path, {"leverage": 1}).json["settings"]["limits"]
    assert tightened == {"max_adds": 1, "limits_locked_until": "2027-02-27T00:00:00Z"}
    populated.clock.advance(100 * 86_400)
    assert populated.client.send("PATCH", path, {"leverage": 50}).status == 200


def test_locked_limits_cannot_be_loosened_before_their_time(deployment: Deployment) -> None:
    locked = {"max_leverage": "3", "limits_locked_until": "2027-01-01T00:00:00Z"}
    deployment.client.send("PUT", MINE, locked)
    assert deployment.client.send("PUT", MINE, {**locked, "max_leverage": "4"}).code == "LIMITS_LOCKED"
    assert deployment.client.send("PUT", MINE, {}).code == "LIMITS_LOCKED"
    assert deployment.client.send("PUT", MINE, {**locked, "max_leverage": "2"}).status == 200


def test_an_instant_with_another_zone_is_kept_in_utc_and_days_as_a_set(deployment: Deployment) -> None:
    body = {
        "limits_locked_until": "2026-12-01T02:00:00+02:00",
        "trading_windows": [{**WEEKDAYS, "days": [4, 0, 4]}],
        "blackouts": [{**NEWS, "name": "rates"}],
        "allowed_venues": ["paper"],
    }
    answer = deployment.client.send("PUT", MINE, body)
    assert answer.json["limits"] == {
        "limits_locked_until": "2026-12-01T00:00:00Z",
        "trading_windows": [{"days": [0, 4], "opens": "08:00:00", "closes": "08:30:00"}],
        "blackouts": [{"starts_at": "2026-12-01T13:00:00Z", "ends_at": "2026-12-01T14:00:00Z", "name": "rates"}],
        "allowed_venues": ["paper"],
    }
    again = deployment.client.send("PUT", MINE, answer.json["limits"])
    assert (again.status, again.json["limits"]) == (200, answer.json["limits"])


WANTED = {"subscription_id": SUBSCRIPTION, "action": "LONG", "market": "BTC/USDT:USDT", "price": "100", "stop_loss": "95"}


def test_an_entry_is_held_against_every_limit_and_nothing_is_placed(deployment: Deployment) -> None:
    follow(deployment)
    deployment.client.send("PUT", MINE, {"max_order_notional": "50"})
    answer = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert (answer["traded"], answer["legs"][0]["denial"]["reason"]) == (False, "MAX_ORDER_NOTIONAL")
    assert answer["limits"]["max_order_notional"] == {
        "passed": False,
        "value": "1000",
        "bound": "50",
        "margin": "-950",
        "reason": "MAX_ORDER_NOTIONAL",
        "origin": "USER",
    }
    assert answer["limits"]["max_leverage"]["passed"] is True
    deployment.client.send("PUT", MINE, {})
    assert deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]["traded"] is True
    assert (deployment.trade_queue.sent, deployment.accounts.load(TENANT, ACCOUNT).intents) == ([], {})


def test_an_entry_is_denied_while_no_look_has_accounted_for_the_minutes_of_a_restore(deployment: Deployment) -> None:
    follow(deployment)
    deployment.providers = {**deployment.providers, api.table_generation: giving(2)}
    answer = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert (answer["traded"], answer["legs"][0]["denial"]["reason"]) == (False, "TABLE_RESTORED")


def test_an_entry_is_held_against_the_markets_present_prices(deployment: Deployment) -> None:
    """Around a price of 100 the venue quotes two basis points."""
    follow(deployment)
    deployment.client.send("PUT", MINE, {"max_spread_bps": "3"})
    allowed = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert (allowed["traded"], allowed["limits"]["max_spread_bps"]["value"]) == (True, "2")
    deployment.client.send("PUT", MINE, {"max_spread_bps": "1"})
    denied = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert (denied["traded"], denied["legs"][0]["denial"]["reason"]) == (False, "MAX_SPREAD")


def test_an_entry_that_needs_a_quote_is_denied_while_the_venue_does_not_answer(deployment: Deployment) -> None:
    follow(deployment)
    deployment.market_data.unavailable = True
    deployment.client.send("PUT", MINE, {"max_spread_bps": "3"})
    assert deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]["traded"] is False
    assert deployment.metrics.counts["QuotesMissing"] == 1


def test_validating_again_gives_the_same_receipt(deployment: Deployment) -> None:
    follow(deployment)
    first, second = (deployment.client.post("/v1/limits/validate", WANTED).json for _ in range(2))
    assert first == second
    assert first["digest"] != deployment.client.post("/v1/limits/validate", {**WANTED, "price": "101"}).json["digest"]


def test_an_entry_that_the_organisations_pool_has_no_room_for_is_denied_and_nothing_is_reserved(deployment: Deployment) -> None:
    follow(deployment)
    deployment.admin.send("PUT", "/v1/limits/pools/fund-1", {"max_gross_notional": "999"})
    deployment.admin.send("PUT", f"/v1/limits/members/{TENANT}", {"organisation_id": "fund-1"})
    denied = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert (denied["traded"], denied["legs"][0]["denial"]["reason"]) == (False, "POOL_EXHAUSTED")
    deployment.admin.send("PUT", "/v1/limits/pools/fund-1", {"max_gross_notional": "1000"})
    assert deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]["traded"] is True
    assert deployment.admin.get("/v1/limits/pools/fund-1").json["used_orders"] == 0


def test_what_is_used_of_the_limits_is_shown_beside_their_bounds(populated: Deployment) -> None:
    populated.client.send("PUT", MINE, {"max_gross_exposure": "5000", "max_orders_per_day": 20})
    position = a_position()
    account = populated.accounts.load(TENANT, ACCOUNT)
    populated.accounts.save(replace(account, positions={position.key: position}, intents={}))
    shown = {item["name"]: item for item in populated.client.get(f"/v1/limits/usage/{SUBSCRIPTION}").json["items"]}
    exposure = shown["max_gross_exposure"]
    assert (Decimal(exposure["used"]), exposure["bound"], exposure["origin"]) == (position.notional, "5000", "USER")
    assert (shown["max_orders_per_day"]["bound"], shown["max_daily_notional"]["bound"]) == ("20", None)
    assert shown["max_drawdown_percent"]["used"] is None, "nobody has looked at the account's equity yet"


def test_a_subscription_without_an_account_uses_nothing(deployment: Deployment) -> None:
    new = {"strategy_id": STRATEGY, "settings": {"capital": "1000"}}
    subscription_id = deployment.client.post("/v1/subscriptions", new).json["subscription_id"]
    answer = deployment.client.get(f"/v1/limits/usage/{subscription_id}")
    assert (answer.status, answer.code) == (409, "NO_ACCOUNT")


@pytest.mark.parametrize("action", ["LONG", "SHORT"])
def test_what_cannot_be_decided_while_an_order_is_unresolved_is_to_be_asked_again(deployment: Deployment, action: str) -> None:
    """Also where an exit would be kept and SQS would redeliver its entry."""
    follow(deployment)
    account, unresolved = deployment.accounts.load(TENANT, ACCOUNT), an_intent(state=IntentState.UNKNOWN)
    position = a_position()
    deployment.accounts.save(replace(account, intents={unresolved.intent_id: unresolved}, positions={position.key: position}))
    asked = {**WANTED, "action": action, "stop_loss": "95" if action == "LONG" else "105"}
    answer = deployment.client.post("/v1/limits/validate", asked)
    assert (answer.status, answer.code) == (503, "OUTCOME_UNKNOWN")


def test_an_accounts_own_limits_count_for_every_subscription_on_it(deployment: Deployment) -> None:
    follow(deployment)
    put = deployment.client.send("PUT", f"/v1/accounts/{ACCOUNT}/limits", {"reduce_only": True})
    assert put.json["limits"] == {"reduce_only": True}
    refused = deployment.client.post("/v1/limits/validate", WANTED).json["receipt"]
    assert refused["legs"][0]["denial"]["reason"] == "REDUCE_ONLY"
    assert refused["limits"]["reduce_only"]["origin"] == "ACCOUNT"


def test_an_order_shows_how_it_was_decided(populated: Deployment) -> None:
    answer = populated.client.get(f"/v1/orders/{ORDER}/receipt")
    assert answer.json["receipt"] == {"traded": True}


def follow(deployment: Deployment) -> None:
    """One subscription on one account that has just been looked at, in a market that stands at 100."""
    deployment.market_data.prices["paper", "BTC/USDT:USDT"] = Decimal(100)
    deployment.accounts.create(an_account(subscriptions={}, reconciled_at=NOW))
    account = deployment.accounts.load(TENANT, ACCOUNT)
    deployment.subscriptions.write(a_subscription(), replace(account, subscriptions={SUBSCRIPTION: SubscriptionStatus.ACTIVE}), 1)
