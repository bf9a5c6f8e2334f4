"""Acts that two operators do together: asked for by one, approved by another, done once and recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.requests import Request

from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.limits.limits import Limits
from candlecast.domain.people.approval import APPROVAL_VALID, MAX_PENDING
from candlecast.runtime.compose import api
from functions.api.deps import caller
from tests.api.conftest import Deployment, giving
from tests.support.builders import ACCOUNT, NOW, SUBSCRIPTION, TENANT, after
from tests.support.gateway import Answer, http_event

SWITCH = "/v1/kill-switches/PLATFORM/platform"
APPROVALS = "/v1/approvals"
LOCKED = {"max_leverage": "3", "limits_locked_until": "2026-12-20T00:00:00Z"}


@pytest.fixture
def asked(deployment: Deployment) -> Answer:
    """The request to lift the platform's halt."""
    deployment.gate.flip(Grade.HALT_ALL)
    return deployment.admin.send("DELETE", SWITCH)


def path_of(asked: Answer, act: str = "approve") -> str:
    return f"{APPROVALS}/{asked.json['approval_id']}/{act}"


def seen(asked: Answer) -> dict[str, Any]:
    return {"digest": asked.json["digest"]}


def test_a_request_tells_what_is_asked_for_by_whom_and_until_when(deployment: Deployment, asked: Answer) -> None:
    assert asked.status == 202
    assert (asked.json["target"], asked.json["asked_by"], asked.json["decided_by"]) == ("PLATFORM/platform", "api:admin-1", None)
    assert asked.json["terms"] == {"grade": "OFF", "reason": "", "version": "1", "was": "HALT_ALL"}
    assert asked.json["expires_at"] == after(APPROVAL_VALID.total_seconds()).isoformat().replace("+00:00", "Z")
    assert deployment.second_admin.get(APPROVALS).json["items"] == [asked.json]
    assert deployment.second_admin.get(f"{APPROVALS}/{asked.json['approval_id']}").json == asked.json
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def test_the_second_operators_word_does_it_once_and_is_recorded(deployment: Deployment, asked: Answer) -> None:
    deployment.clock.advance(60)
    done = deployment.second_admin.send("POST", path_of(asked), seen(asked))
    assert (done.status, done.json["state"], done.json["decided_by"]) == (200, "DONE", "api:admin-2")
    assert done.json["decided_at"] == done.json["done_at"] == "2026-11-20T12:01:00Z"
    assert deployment.gate.switches[PLATFORM].grade is None
    deployment.gate.flip(Grade.HALT_ALL)
    assert deployment.second_admin.send("POST", path_of(asked), seen(asked)).json == done.json, "a repeat changes nothing"
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL
    assert deployment.metrics.counts["ApprovalsRequested"] == 1
    assert deployment.metrics.counts["ApprovalsDecided"] == 1


def test_nobody_approves_what_they_have_asked_for(deployment: Deployment, asked: Answer) -> None:
    answer = deployment.admin.send("POST", path_of(asked), seen(asked))
    assert (answer.status, answer.code) == (409, "SELF_APPROVAL")
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def test_a_person_is_known_by_the_tokens_subject_whatever_claim_names_the_tenant() -> None:
    claims = {"sub": "person-1", "custom:tenant": "house-1"}
    event = http_event("GET", APPROVALS, claims=claims)
    who = caller(Request({"type": "http", "aws.event": event}), api.IdentityClaims(tenant="custom:tenant"), None)
    assert (who.tenant_id, who.name) == ("house-1", "api:person-1")


def test_a_request_expires(deployment: Deployment, asked: Answer) -> None:
    deployment.clock.advance(APPROVAL_VALID.total_seconds())
    (shown,) = deployment.admin.get(APPROVALS).json["items"]
    assert shown["state"] == "EXPIRED"
    answer = deployment.second_admin.send("POST", path_of(asked), seen(asked))
    assert (answer.status, answer.code) == (409, "APPROVAL_EXPIRED")
    assert deployment.admin.send("DELETE", SWITCH).json["approval_id"] != asked.json["approval_id"]


def test_only_exactly_what_was_asked_for_is_approved(deployment: Deployment, asked: Answer) -> None:
    other = deployment.admin.send("PUT", SWITCH, {"grade": "FLATTEN", "reason": "the venue is lost"})
    answer = deployment.second_admin.send("POST", path_of(asked), seen(other))
    assert (answer.status, answer.code) == (409, "APPROVAL_DIFFERS")
    assert deployment.second_admin.send("POST", path_of(asked), {}).status == 422


def test_a_switch_that_has_changed_since_is_not_lifted(deployment: Deployment, asked: Answer) -> None:
    deployment.gate.flip(Grade.HALT_ALL)
    answer = deployment.second_admin.send("POST", path_of(asked), seen(asked))
    assert (answer.status, answer.code) == (409, "APPROVAL_OUTDATED")
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL


@pytest.mark.parametrize("by", ["admin", "second_admin"])
def test_either_operator_ends_a_request(deployment: Deployment, asked: Answer, by: str) -> None:
    rejected = getattr(deployment, by).send("POST", path_of(asked, "reject"))
    assert (rejected.status, rejected.json["state"]) == (200, "REJECTED")
    answer = deployment.second_admin.send("POST", path_of(asked), seen(asked))
    assert (answer.status, answer.code) == (409, "APPROVAL_DECIDED")


def test_asking_again_for_the_same_finds_the_request_that_waits(deployment: Deployment, asked: Answer) -> None:
    assert deployment.admin.send("DELETE", SWITCH).json == asked.json
    assert deployment.second_admin.send("DELETE", SWITCH).json == asked.json, "asking is not approving"
    assert len(deployment.approvals.approvals) == 1


def test_only_so_many_requests_wait_at_once(deployment: Deployment) -> None:
    deployment.gate.flip(Grade.HALT_ALL)
    for number in range(MAX_PENDING):
        assert deployment.admin.send("PUT", SWITCH, {"grade": "FLATTEN", "reason": str(number)}).status == 202
    answer = deployment.admin.send("PUT", SWITCH, {"grade": "FLATTEN", "reason": "one more"})
    assert (answer.status, answer.code) == (409, "TOO_MANY_APPROVALS")


def test_approvals_are_for_platform_admins(deployment: Deployment, asked: Answer) -> None:
    user = deployment.client
    for answer in (
        user.get(APPROVALS),
        user.send("POST", path_of(asked), seen(asked)),
        user.send("POST", path_of(asked, "reject")),
    ):
        assert (answer.status, answer.code) == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", [f"{APPROVALS}/unknown-1", f"{APPROVALS}/a%23b"])
def test_an_unknown_request_is_not_there(deployment: Deployment, path: str) -> None:
    assert deployment.admin.get(path).status == 404
    assert deployment.admin.send("POST", f"{path}/reject").status == 404


# -- locks on limits -----------------------------------------------------------------------------------------------------------

MINE = "/v1/limits/levels/USER/me"
LOCKS = [
    (MINE, f"/v1/limits/locks/USER/{TENANT}", {}),
    (f"/v1/accounts/{ACCOUNT}/limits", f"/v1/limits/locks/ACCOUNT/{ACCOUNT}", {"owner": TENANT}),
    (f"/v1/subscriptions/{SUBSCRIPTION}/settings", f"/v1/limits/locks/SUBSCRIPTION/{SUBSCRIPTION}", {"owner": TENANT}),
]


def change(deployment: Deployment, path: str, limits: dict[str, Any]) -> Answer:
    """Replace the limits of the user's own level, account or subscription."""
    if path.endswith("/settings"):
        return deployment.client.send("PATCH", path, {"limits": limits})
    return deployment.client.send("PUT", path, limits)


@pytest.mark.parametrize(("path", "lock", "query"), LOCKS)
def test_a_lock_is_lifted_early_by_two_operators_only(populated: Deployment, path: str, lock: str, query: dict[str, str]) -> None:
    assert change(populated, path, LOCKED).status == 200
    assert change(populated, path, {}).code == "LIMITS_LOCKED"
    assert populated.client.send("DELETE", lock, query=query).status == 403
    asked = populated.admin.send("DELETE", lock, query=query)
    assert (asked.status, asked.json["act"]) == (202, "LIFT_LOCK")
    assert change(populated, path, {}).code == "LIMITS_LOCKED", "one operator lifts nothing"
    assert populated.admin.send("POST", path_of(asked), seen(asked)).code == "SELF_APPROVAL"
    assert populated.second_admin.send("POST", path_of(asked), seen(asked)).json["state"] == "DONE"
    assert change(populated, path, {"max_leverage": "3"}).json.get("limits", {"max_leverage": "3"}) == {"max_leverage": "3"}
    assert change(populated, path, {}).status == 200


def test_the_lock_of_an_operators_level_is_lifted_by_two_as_well(deployment: Deployment) -> None:
    path = f"/v1/limits/levels/OPERATIONS/{TENANT}"
    deployment.admin.send("PUT", path, LOCKED)
    assert deployment.admin.send("PUT", path, {}).code == "LIMITS_LOCKED"
    asked = deployment.admin.send("DELETE", f"/v1/limits/locks/OPERATIONS/{TENANT}")
    deployment.second_admin.send("POST", path_of(asked), seen(asked))
    record = deployment.admin.get(path).json
    assert (record["limits"], record["changed_by"]) == ({"max_leverage": "3"}, "api:admin-1 with api:admin-2")


def test_a_lock_that_was_changed_since_is_not_lifted(deployment: Deployment) -> None:
    deployment.client.send("PUT", MINE, LOCKED)
    asked = deployment.admin.send("DELETE", f"/v1/limits/locks/USER/{TENANT}")
    deployment.client.send("PUT", MINE, {**LOCKED, "limits_locked_until": "2026-12-21T00:00:00Z"})
    answer = deployment.second_admin.send("POST", path_of(asked), seen(asked))
    assert (answer.status, answer.code) == (409, "APPROVAL_OUTDATED")
    assert deployment.client.send("PUT", MINE, {}).code == "LIMITS_LOCKED"


def test_a_lock_that_is_not_in_force_is_not_lifted(deployment: Deployment) -> None:
    lock = f"/v1/limits/locks/USER/{TENANT}"
    assert deployment.admin.send("DELETE", lock).code == "NOT_LOCKED"
    deployment.client.send("PUT", MINE, LOCKED)
    deployment.clock.advance(90 * 86_400)
    assert deployment.admin.send("DELETE", lock).code == "NOT_LOCKED"


def test_where_one_operator_is_enough_a_lock_is_lifted_at_once_and_counted(deployment: Deployment) -> None:
    deployment.providers = {**deployment.providers, api.operators_to_lift: giving(1)}
    deployment.client.send("PUT", MINE, LOCKED)
    assert deployment.admin.send("DELETE", f"/v1/limits/locks/USER/{TENANT}").json["locked"] is False
    assert deployment.client.send("PUT", MINE, {}).status == 200
    assert deployment.metrics.counts["ActsByOneOperator"] == 1


@pytest.mark.parametrize("path", [f"ACCOUNT/{ACCOUNT}", "PLATFORM/elsewhere", "GROUP/a%23b"])
def test_a_lock_that_there_cannot_be_is_not_there(deployment: Deployment, path: str) -> None:
    assert deployment.admin.send("DELETE", f"/v1/limits/locks/{path}").status == 404


def test_an_accounts_lock_from_before_can_be_lifted(populated: Deployment) -> None:
    account = populated.accounts.load(TENANT, ACCOUNT)
    populated.accounts.save(replace(account, limits=Limits(limits_locked_until=NOW.replace(year=9999))))
    asked = populated.admin.send("DELETE", f"/v1/limits/locks/ACCOUNT/{ACCOUNT}", query={"owner": TENANT})
    assert populated.second_admin.send("POST", path_of(asked), seen(asked)).json["state"] == "DONE"
    assert populated.accounts.load(TENANT, ACCOUNT).limits == Limits()
