"""Kill switches by API: the roles that may flip them, the switches shown to each role, and no resumption without a person."""

from __future__ import annotations

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade, KillSwitch, SwitchPlace, SwitchScope
from candlecast.runtime.compose import api
from tests.api.conftest import Deployment, giving
from tests.support.builders import STRATEGY, TENANT
from tests.support.gateway import Answer

PAUSE = {"grade": "PAUSE_ENTRIES", "reason": "a test"}
MINE = "/v1/kill-switches/USER/me"
OPERATIONS_ONLY = [
    "/v1/kill-switches/PLATFORM/platform",
    f"/v1/kill-switches/STRATEGY/{STRATEGY}",
    "/v1/kill-switches/ORGANISATION/house-1",
]
USER = SwitchPlace(SwitchScope.USER, TENANT)


def approved(deployment: Deployment, answer: Answer) -> Answer:
    """The second operator's word on a request."""
    assert answer.status == 202, answer.text
    path = f"/v1/approvals/{answer.json['approval_id']}/approve"
    return deployment.second_admin.send("POST", path, {"digest": answer.json["digest"]})


@pytest.mark.parametrize("grade", [Grade.PAUSE_ENTRIES, Grade.REDUCE_ONLY, Grade.HALT_ALL])
@pytest.mark.parametrize("path", OPERATIONS_ONLY)
def test_one_platform_admin_sets_any_switch_and_two_clear_it(deployment: Deployment, path: str, grade: Grade) -> None:
    put = deployment.admin.send("PUT", path, {"grade": grade, "reason": "maintenance"})
    assert (put.status, put.json["grade"], put.json["changed_by"], put.json["version"]) == (200, grade, "api:admin-1", 1)
    (shown,) = deployment.admin.get("/v1/kill-switches").json["items"]
    assert shown["scope_id"] == path.rsplit("/", 1)[1]
    asked = deployment.admin.send("DELETE", path)
    assert (asked.status, asked.json["state"], asked.json["act"]) == (202, "PENDING", "LIFT_SWITCH")
    assert deployment.admin.get("/v1/kill-switches").json["items"] == [shown], "nothing has changed yet"
    assert (approved(deployment, asked).status, approved(deployment, asked).json["state"]) == (200, "DONE")
    assert deployment.admin.get("/v1/kill-switches").json["items"] == []
    cleared = deployment.gate.told[-1]
    assert (cleared.grade, cleared.reason, cleared.version) == (None, "maintenance", 2)
    assert cleared.changed_by == "api:admin-1 with api:admin-2"


@pytest.mark.parametrize("path", OPERATIONS_ONLY[1:])
def test_one_platform_admin_flattens_a_part_of_the_platform(deployment: Deployment, path: str) -> None:
    assert deployment.admin.send("PUT", path, {"grade": "FLATTEN", "reason": "wrong candles"}).status == 200


def test_flattening_everybody_needs_two(deployment: Deployment) -> None:
    path = OPERATIONS_ONLY[0]
    deployment.admin.send("PUT", path, PAUSE)
    asked = deployment.admin.send("PUT", path, {"grade": "FLATTEN", "reason": "the venue is lost"})
    assert (asked.status, asked.json["act"]) == (202, "FLATTEN_PLATFORM")
    assert asked.json["terms"] == {"grade": "FLATTEN", "reason": "the venue is lost", "version": "1", "was": "PAUSE_ENTRIES"}
    assert deployment.gate.switches[PLATFORM].grade is Grade.PAUSE_ENTRIES
    approved(deployment, asked)
    assert (deployment.gate.switches[PLATFORM].grade, deployment.gate.switches[PLATFORM].reason) == (
        Grade.FLATTEN,
        "the venue is lost",
    )


def test_one_operator_ends_a_flatten_by_a_halt_and_needs_another_to_take_it_up_again(deployment: Deployment) -> None:
    deployment.gate.flip(Grade.FLATTEN)
    assert deployment.admin.send("PUT", OPERATIONS_ONLY[0], {"grade": "HALT_ALL", "reason": "a mistake"}).status == 200
    assert deployment.admin.send("PUT", OPERATIONS_ONLY[0], {"grade": "FLATTEN", "reason": "none"}).status == 202


@pytest.mark.parametrize("grade", Grade)
def test_one_platform_admin_sets_and_clears_the_switch_of_a_user(deployment: Deployment, grade: Grade) -> None:
    path = f"/v1/kill-switches/USER/{TENANT}"
    assert deployment.admin.send("PUT", path, {"grade": grade, "reason": "looks stolen"}).status == 200
    cleared = deployment.admin.send("DELETE", path)
    assert (cleared.status, cleared.json["grade"], cleared.json["version"]) == (200, None, 2)


def test_where_one_operator_is_enough_each_such_act_is_counted(deployment: Deployment) -> None:
    deployment.providers = {**deployment.providers, api.operators_to_lift: giving(1)}
    deployment.admin.send("PUT", OPERATIONS_ONLY[0], PAUSE)
    assert deployment.metrics.counts.get("ActsByOneOperator", 0) == 0
    assert deployment.admin.send("DELETE", OPERATIONS_ONLY[0]).status == 200
    assert deployment.admin.send("PUT", OPERATIONS_ONLY[0], {"grade": "FLATTEN", "reason": "the venue is lost"}).status == 200
    assert deployment.metrics.counts["ActsByOneOperator"] == 2
    assert deployment.approvals.approvals == {}


@pytest.mark.parametrize("path", OPERATIONS_ONLY)
def test_a_user_sets_no_switch_that_is_about_others(deployment: Deployment, path: str) -> None:
    deployment.admin.send("PUT", path, PAUSE)
    for answer in (deployment.client.send("PUT", path, PAUSE), deployment.client.send("DELETE", path)):
        assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert deployment.gate.writes == 1


def test_a_user_flips_their_own(deployment: Deployment) -> None:
    put = deployment.client.send("PUT", MINE, PAUSE)
    assert (put.status, put.json["scope_id"], put.json["changed_by"]) == (200, "me", "me")
    stored = deployment.gate.switches[USER]
    assert (stored.changed_by, stored.changed_at, stored.by_operations) == (f"api:{TENANT}", deployment.clock.now(), False)
    assert deployment.client.get("/v1/kill-switches").json["items"] == [put.json]
    assert deployment.client.send("DELETE", MINE).json["grade"] is None
    assert deployment.client.get("/v1/kill-switches").json["items"] == []


@pytest.mark.slow
def test_a_user_reads_one_switch_and_a_platform_admin_reads_pages(deployment: Deployment) -> None:
    for number in range(120):
        deployment.admin.send("PUT", f"/v1/kill-switches/USER/tenant-{number + 100}", PAUSE)
    deployment.client.send("PUT", MINE, PAUSE)
    deployment.gate.listed = 0
    assert [it["scope_id"] for it in deployment.client.get("/v1/kill-switches").json["items"]] == ["me"]
    assert deployment.gate.listed == 0
    first = deployment.admin.get("/v1/kill-switches").json
    second = deployment.admin.get("/v1/kill-switches", cursor=first["next_cursor"], limit="100").json
    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (50, 71, None)


def test_another_users_switch_answers_as_one_that_does_not_exist(deployment: Deployment) -> None:
    deployment.client.send("PUT", MINE, PAUSE)
    for answer in (
        deployment.stranger.send("PUT", f"/v1/kill-switches/USER/{TENANT}", PAUSE),
        deployment.stranger.send("DELETE", f"/v1/kill-switches/USER/{TENANT}"),
        deployment.stranger.send("DELETE", "/v1/kill-switches/USER/nobody"),
        deployment.stranger.send("DELETE", MINE),
    ):
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert deployment.gate.switches[USER].grade is Grade.PAUSE_ENTRIES


def test_what_operations_have_set_its_user_cannot_take_back(deployment: Deployment) -> None:
    deployment.admin.send("PUT", f"/v1/kill-switches/USER/{TENANT}", {"grade": "HALT_ALL", "reason": "looks stolen"})
    for answer in (deployment.client.send("DELETE", MINE), deployment.client.send("PUT", MINE, PAUSE)):
        assert (answer.status, answer.code) == (409, "HELD_BY_OPERATIONS")
    (shown,) = deployment.client.get("/v1/kill-switches").json["items"]
    assert (shown["grade"], shown["changed_by"], shown["scope_id"]) == ("HALT_ALL", "operations", "me")
    deployment.admin.send("DELETE", f"/v1/kill-switches/USER/{TENANT}")
    assert deployment.client.send("PUT", MINE, PAUSE).status == 200


def test_operations_may_clear_what_a_user_has_set(deployment: Deployment) -> None:
    deployment.client.send("PUT", MINE, PAUSE)
    assert deployment.admin.send("DELETE", f"/v1/kill-switches/USER/{TENANT}").status == 200


def test_a_repeat_changes_nothing(deployment: Deployment) -> None:
    first = deployment.client.send("PUT", MINE, PAUSE)
    deployment.clock.advance(60)
    assert deployment.client.send("PUT", MINE, PAUSE).json == first.json
    deployment.client.send("DELETE", MINE)
    assert deployment.client.send("DELETE", MINE).json["version"] == 2
    assert [switch.grade for switch in deployment.gate.told] == [Grade.PAUSE_ENTRIES, None]


def test_a_switch_that_was_never_set_cannot_be_cleared(deployment: Deployment) -> None:
    assert deployment.admin.send("DELETE", "/v1/kill-switches/PLATFORM/platform").code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/kill-switches/STRATEGY/no-such-strategy", PAUSE, 404),
        ("/v1/kill-switches/STRATEGY/a%23b", PAUSE, 404),
        ("/v1/kill-switches/PLATFORM/elsewhere", PAUSE, 404),
        ("/v1/kill-switches/USER/a%23b", PAUSE, 404),
        ("/v1/kill-switches/GALAXY/platform", PAUSE, 422),
        (MINE, {"grade": "STOP", "reason": "x"}, 422),
        (MINE, {"grade": "HALT_ALL"}, 422),
        (MINE, {"grade": "HALT_ALL", "reason": ""}, 422),
        (MINE, {"grade": "HALT_ALL", "reason": "x" * 501}, 422),
        (MINE, {"grade": None, "reason": "x"}, 422),
    ],
)
def test_what_makes_no_sense_stops_nobody(deployment: Deployment, path: str, body: object, status: int) -> None:
    assert deployment.admin.send("PUT", path, body).status == status
    assert deployment.gate.switches == {}


def overtaken_by(deployment: Deployment, grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another operator set the platform's switch between the first read and its write."""
    find = deployment.gate.find_switch
    overtakes = iter([True])

    def overtaken(place: SwitchPlace) -> KillSwitch | None:
        found = find(place)
        if next(overtakes, False):
            deployment.gate.flip(grade)
        return found

    monkeypatch.setattr(deployment.gate, "find_switch", overtaken)


def test_a_race_is_won_by_trying_again(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken_by(deployment, Grade.PAUSE_ENTRIES, monkeypatch)
    halt = {"grade": "HALT_ALL", "reason": "a test"}
    assert deployment.admin.send("PUT", OPERATIONS_ONLY[0], halt).json["version"] == 2
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def test_a_race_with_a_stricter_switch_loosens_nothing(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    overtaken_by(deployment, Grade.HALT_ALL, monkeypatch)
    assert deployment.admin.send("PUT", OPERATIONS_ONLY[0], PAUSE).status == 202
    assert deployment.gate.switches[PLATFORM].grade is Grade.HALT_ALL


def test_a_switch_that_not_every_account_sees_yet_is_an_error_and_a_repeat_completes_it(deployment: Deployment) -> None:
    deployment.gate.torn_after = 2
    path, halt = OPERATIONS_ONLY[0], {"grade": "HALT_ALL", "reason": "keys leaked"}
    first = deployment.admin.send("PUT", path, halt)
    assert (first.status, first.json["code"]) == (503, "COPIES_INCOMPLETE")
    assert [PLATFORM in copy for copy in deployment.gate.copies].count(True) == 2
    assert deployment.admin.send("PUT", path, halt).status == 200
    assert {copy[PLATFORM].grade for copy in deployment.gate.copies} == {Grade.HALT_ALL}
