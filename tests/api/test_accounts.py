"""Accounts by the API: keys go in, nothing of them comes out, and every change is in force at the next order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.account.account import Account, AccountStatus
from candlecast.domain.account.events import EventType
from candlecast.domain.account.findings import Drift, ExternalOrder
from candlecast.domain.account.suspension import suspend
from candlecast.domain.account.vetting import vetted
from candlecast.domain.values.errors import Fatal
from candlecast.domain.values.reasons import Reason
from candlecast.domain.values.terms import Side
from candlecast.domain.venue.key_rights import GOOD_RIGHTS
from candlecast.ports.venue import Credentials
from candlecast.runtime.compose import api
from candlecast.services.account.open_account import MAX_ACCOUNTS
from tests.api.conftest import Deployment, giving
from tests.support.builders import ACCOUNT, BTC, ETH, NOW, STRATEGY, TENANT, a_position, an_account

KEYS = {"api_key": "key-1", "api_secret": "secret-1"}


def stored(deployment: Deployment, account_id: str = ACCOUNT) -> Account:
    return deployment.database.accounts[TENANT, account_id]


def test_a_new_account_has_no_keys(deployment: Deployment) -> None:
    answer = deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"})
    assert answer.status == 201
    account_id = answer.json["account_id"]
    assert answer.json == {
        "account_id": account_id,
        "label": "main",
        "venue": "paper",
        "status": "NO_CREDENTIALS",
        "disabled_reason": None,
        "credentials_set": False,
        "created_at": "2026-11-20T12:00:00Z",
        "balance": None,
        "reconciled_at": None,
        "external_orders": [],
        "foreign_markets": [],
        "position_mode": "ONE_WAY",
        "suspensions": [],
        "keys_vetted_at": None,
        "keys_bound": None,
        "limits": {},
        "retired_at": None,
    }
    assert deployment.client.get(f"/v1/accounts/{account_id}").json == answer.json
    assert deployment.client.get("/v1/accounts").json["items"] == [answer.json]


def test_why_entries_are_suspended_is_shown(deployment: Deployment) -> None:
    account = suspend(an_account(), Reason.VENUE_REDUCE_ONLY, NOW, NOW + timedelta(hours=1))
    deployment.accounts.create(replace(account, outbox=()))
    answer = deployment.client.get(f"/v1/accounts/{ACCOUNT}").json
    shown = {"cause": "VENUE_REDUCE_ONLY", "since": "2026-11-20T12:00:00Z", "until": "2026-11-20T13:00:00Z"}
    assert (answer["status"], answer["suspensions"]) == ("ACTIVE", [shown])


def test_what_is_at_the_venue_and_not_ours_is_shown(deployment: Deployment) -> None:
    order = ExternalOrder(
        client_order_id="web_1", venue_order_id="7", market=BTC, side=Side.SELL, quantity=Decimal("0.5"), seen_at=NOW
    )
    drifts = {
        BTC: Drift(difference=Decimal(1), seen_at=NOW, reported=True),
        ETH: Drift(difference=Decimal(1), seen_at=NOW),  # seen once, which proves nothing
    }
    deployment.accounts.create(an_account(external_orders=(order,), drifts=drifts))
    answer = deployment.client.get(f"/v1/accounts/{ACCOUNT}").json
    assert answer["foreign_markets"] == [BTC]
    assert answer["external_orders"] == [
        {"client_order_id": "web_1", "market": BTC, "side": "SELL", "quantity": "0.5", "seen_at": "2026-11-20T12:00:00Z"}
    ]


def test_an_unknown_venue_is_refused(deployment: Deployment) -> None:
    answer = deployment.client.post("/v1/accounts", {"label": "main", "venue": "elsewhere"})
    assert (answer.status, answer.code) == (422, "UNKNOWN_VENUE")


def test_a_repeated_key_returns_the_first_account(deployment: Deployment) -> None:
    body = {"label": "main", "venue": "paper"}
    first = deployment.client.post("/v1/accounts", body, key="k1")
    again = deployment.client.post("/v1/accounts", body, key="k1")
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert len(deployment.database.accounts) == 1


def test_a_key_that_was_used_for_another_account_is_refused(deployment: Deployment) -> None:
    deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"}, key="k1")
    answer = deployment.client.post("/v1/accounts", {"label": "other", "venue": "paper"}, key="k1")
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_two_tenants_may_use_the_same_key(deployment: Deployment) -> None:
    body = {"label": "main", "venue": "paper"}
    mine = deployment.client.post("/v1/accounts", body, key="k1").json["account_id"]
    theirs = deployment.stranger.post("/v1/accounts", body, key="k1").json["account_id"]
    assert mine != theirs


@pytest.mark.slow
def test_accounts_are_bounded_and_a_repeat_still_finds_the_last(deployment: Deployment) -> None:
    for number in range(MAX_ACCOUNTS):
        answer = deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"}, key=f"k{number}")
        assert answer.status == 201
    refused = deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"})
    assert (refused.status, refused.code) == (409, "TOO_MANY_ACCOUNTS")
    assert deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"}, key="k0").status == 201


def test_keys_go_to_the_vault_and_their_version_is_pinned(populated: Deployment) -> None:
    answer = populated.client.send("PUT", f"/v1/accounts/{ACCOUNT}/credentials", KEYS)
    assert answer.status == 200
    assert answer.json["credentials_set"] is True
    version = stored(populated).credential_version
    assert version is not None
    assert version != "credential-version-1"
    assert populated.vault.read(TENANT, ACCOUNT, version).api_secret == "secret-1"
    assert populated.database.stream[-1].event.type is EventType.ACCOUNT_CHANGED
    assert populated.database.stream[-1].event.code == "CREDENTIALS_SET"


def test_first_keys_are_verified_before_an_account_trades(deployment: Deployment) -> None:
    account_id = deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"}).json["account_id"]
    answer = deployment.client.send("PUT", f"/v1/accounts/{account_id}/credentials", KEYS)
    assert (answer.json["status"], answer.json["keys_vetted_at"], answer.json["keys_bound"]) == ("VERIFYING", None, None)
    assert [each["cause"] for each in answer.json["suspensions"]] == ["KEYS_NOT_VETTED"]
    [asked] = deployment.vetting_queue.sent
    assert (asked.tenant_id, asked.account_id, asked.asked_at) == (TENANT, account_id, deployment.clock.now())


def test_keys_whose_vetting_cannot_be_asked_for_are_stored_and_put_again(deployment: Deployment) -> None:
    account_id = deployment.client.post("/v1/accounts", {"label": "main", "venue": "paper"}).json["account_id"]
    deployment.vetting_queue.fail_next()
    path = f"/v1/accounts/{account_id}/credentials"
    assert deployment.client.send("PUT", path, KEYS).status == 503
    assert deployment.client.get(f"/v1/accounts/{account_id}").json["status"] == "VERIFYING"
    assert deployment.client.send("PUT", path, KEYS).status == 200
    assert len(deployment.vetting_queue.sent) == 1


def test_the_rights_of_keys_are_shown(populated: Deployment) -> None:
    refused = vetted(stored(populated), replace(GOOD_RIGHTS, withdraws=True, is_bound=False), NOW)
    populated.accounts.save(refused)
    answer = populated.client.get(f"/v1/accounts/{ACCOUNT}").json
    assert (answer["status"], answer["keys_vetted_at"], answer["keys_bound"]) == ("VERIFYING", "2026-11-20T12:00:00Z", False)
    assert [each["cause"] for each in answer["suspensions"]] == ["KEY_MAY_WITHDRAW"]


@pytest.mark.parametrize(("reason", "status"), [("AUTHENTICATION_FAILED", "VERIFYING"), ("DISABLED_BY_OWNER", "DISABLED")])
def test_new_keys_revive_an_account_unless_its_owner_disabled_it(populated: Deployment, reason: str, status: str) -> None:
    account = replace(stored(populated), status=AccountStatus.DISABLED, disabled_reason=reason)
    populated.accounts.save(account)
    assert populated.client.send("PUT", f"/v1/accounts/{ACCOUNT}/credentials", KEYS).json["status"] == status


def test_removed_keys_are_gone_from_account_and_vault(populated: Deployment) -> None:
    populated.client.send("PUT", f"/v1/accounts/{ACCOUNT}/credentials", KEYS)
    version = stored(populated).credential_version
    answer = populated.client.send("DELETE", f"/v1/accounts/{ACCOUNT}/credentials")
    assert (answer.status, answer.json["status"], answer.json["credentials_set"]) == (200, "NO_CREDENTIALS", False)
    assert stored(populated).credential_version is None
    with pytest.raises(Fatal):
        populated.vault.read(TENANT, ACCOUNT, str(version))
    assert populated.client.send("DELETE", f"/v1/accounts/{ACCOUNT}/credentials").status == 200


def test_an_account_is_disabled_and_enabled_again(populated: Deployment) -> None:
    disabled = populated.client.post(f"/v1/accounts/{ACCOUNT}/disable")
    assert (disabled.status, disabled.json["status"], disabled.json["disabled_reason"]) == (200, "DISABLED", "DISABLED_BY_OWNER")
    version = stored(populated).version
    assert populated.client.post(f"/v1/accounts/{ACCOUNT}/disable").status == 200
    assert stored(populated).version == version
    enabled = populated.client.post(f"/v1/accounts/{ACCOUNT}/enable")
    assert (enabled.status, enabled.json["status"], enabled.json["disabled_reason"]) == (200, "ACTIVE", None)


def test_enabling_an_account_without_keys_does_not_let_it_trade(deployment: Deployment) -> None:
    deployment.accounts.create(an_account(status=AccountStatus.DISABLED, credential_version=None, created_at=NOW))
    assert deployment.client.post(f"/v1/accounts/{ACCOUNT}/enable").json["status"] == "NO_CREDENTIALS"


def test_the_position_mode_changes_while_the_account_is_flat_and_not_otherwise(deployment: Deployment) -> None:
    deployment.accounts.create(an_account())
    path = f"/v1/accounts/{ACCOUNT}/position-mode"
    changed = deployment.client.send("PUT", path, {"mode": "HEDGE"})
    assert (changed.status, changed.json["position_mode"]) == (200, "HEDGE")
    account = stored(deployment)
    position = a_position()
    deployment.accounts.save(replace(account, positions={position.key: position}))
    refused = deployment.client.send("PUT", path, {"mode": "ONE_WAY"})
    assert (refused.status, refused.code) == (409, "ACCOUNT_NOT_FLAT")
    assert deployment.client.send("PUT", path, {"mode": "HEDGE"}).status == 200  # nothing changes
    assert deployment.client.send("PUT", path, {"mode": "BOTH"}).status == 422


def test_an_account_gets_another_label(populated: Deployment) -> None:
    answer = populated.client.send("PATCH", f"/v1/accounts/{ACCOUNT}", {"label": "long term"})
    assert (answer.status, answer.json["label"]) == (200, "long term")
    assert populated.client.get(f"/v1/accounts/{ACCOUNT}").json["label"] == "long term"
    assert populated.stranger.send("PATCH", f"/v1/accounts/{ACCOUNT}", {"label": "mine"}).status == 404
    assert populated.client.send("PATCH", f"/v1/accounts/{ACCOUNT}", {"label": ""}).status == 422


def test_a_retired_account_has_no_keys_and_takes_none(deployment: Deployment) -> None:
    deployment.accounts.create(an_account(subscriptions={}))
    deployment.vault.write(TENANT, ACCOUNT, Credentials("key", "secret"), "credential-version-1")
    answer = deployment.client.post(f"/v1/accounts/{ACCOUNT}/retire")
    assert (answer.status, answer.json["credentials_set"], answer.json["status"]) == (200, False, "NO_CREDENTIALS")
    assert answer.json["retired_at"] is not None
    assert deployment.client.post(f"/v1/accounts/{ACCOUNT}/retire").json == answer.json
    keys = {"api_key": "key-from-the-venue", "api_secret": "secret-from-the-venue"}
    again = deployment.client.send("PUT", f"/v1/accounts/{ACCOUNT}/credentials", keys)
    assert (again.status, again.code) == (409, "ACCOUNT_RETIRED")
    follows = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": {"capital": "1000"}}
    followed = deployment.client.post("/v1/subscriptions", follows)
    assert (followed.status, followed.code) == (409, "ACCOUNT_RETIRED")


def test_an_account_in_use_is_not_retired(populated: Deployment) -> None:
    answer = populated.client.post(f"/v1/accounts/{ACCOUNT}/retire")
    assert (answer.status, answer.code) == (409, "ACCOUNT_IN_USE")
    account = populated.accounts.load(TENANT, ACCOUNT)
    position = a_position()
    populated.accounts.save(replace(account, subscriptions={}, positions={position.key: position}))
    answer = populated.client.post(f"/v1/accounts/{ACCOUNT}/retire")
    assert (answer.status, answer.code) == (409, "ACCOUNT_NOT_FLAT")


def test_an_account_of_which_a_restored_table_may_not_know_all_is_not_retired(deployment: Deployment) -> None:
    deployment.accounts.create(an_account(subscriptions={}))
    deployment.providers = {**deployment.providers, api.table_generation: giving(2)}
    answer = deployment.client.post(f"/v1/accounts/{ACCOUNT}/retire")
    assert (answer.status, answer.code) == (409, "ACCOUNT_NOT_FLAT")
    deployment.accounts.save(replace(deployment.accounts.load(TENANT, ACCOUNT), generation=2))
    assert deployment.client.post(f"/v1/accounts/{ACCOUNT}/retire").status == 200
