"""Uploads and versions by the API: any tenant uploads, authors change, followers see versions, strangers see nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from candlecast.domain.values.errors import CodeRefused, RetryLater
from candlecast.ports.code_checks import CodeHint
from functions.api.guards import MAX_BODY_BYTES, MAX_CODE_BODY_BYTES
from tests.api.conftest import Deployment
from tests.support.builders import BTC, NOW, STRATEGY, SUBSCRIPTION, TENANT
from tests.support.gateway import Answer, Client

MINE = "my-breakout"
SOURCE = 'class Mine(Strategy[P]):\n    """[[[[ {{{{ [[[[ "quoted" \\\\ ((("""\n'
UPLOAD: dict[str, Any] = {
    "kind": "UPLOADED",
    "strategy_id": MINE,
    "name": "My breakout",
    "venue": "paper",
    "market": BTC,
    "timeframe": "15m",
    "source": SOURCE,
    "parameters": {"period": 8},
}
URL = f"/v1/strategies/{MINE}"
SETTINGS = {"capital": "1000", "sizing": {"mode": "FIXED_NOTIONAL", "value": "250"}}


@pytest.fixture
def uploaded(deployment: Deployment) -> Deployment:
    assert upload(deployment).status == 201
    return deployment


def upload(deployment: Deployment, client: Client | None = None, **changes: Any) -> Answer:
    return (client or deployment.client).post("/v1/strategies", {**UPLOAD, **changes})


def publish(deployment: Deployment) -> None:
    assert deployment.client.send("PATCH", URL, {"visibility": "PUBLIC"}).status == 200


def follow(client: Client, **more: Any) -> Answer:
    return client.post("/v1/subscriptions", {"strategy_id": MINE, "settings": SETTINGS, **more})


def test_any_tenant_uploads_a_strategy_and_sees_all_of_it(deployment: Deployment) -> None:
    deployment.checks.hints = (CodeHint(2, "open does not exist in the sandbox"),)
    answer = upload(deployment)
    assert answer.status == 201
    strategy, version = answer.json["strategy"], answer.json["version"]
    assert (strategy["kind"], strategy["owner"], strategy["visibility"]) == ("UPLOADED", TENANT, "PRIVATE")
    assert (strategy["release"]["stable"], strategy["latest_version"], strategy["collaborators"]) == (1, 1, [])
    assert (version["number"], version["parameters"], version["created_by"]) == (1, {"period": 8, "factor": 1.5}, TENANT)
    assert answer.json["hints"] == [{"line": 2, "message": "open does not exist in the sandbox"}]
    assert deployment.client.get(URL).json == strategy
    assert deployment.client.get(f"{URL}/versions/1").json == version
    code = deployment.client.get(f"{URL}/versions/1/code").json
    assert code == {"number": 1, "source_hash": version["source_hash"], "source": SOURCE}
    assert [it["strategy_id"] for it in deployment.client.get("/v1/strategies", mine="true").json["items"]] == [MINE]
    assert MINE not in deployment.client.get("/v1/strategies").text
    assert deployment.stranger.get("/v1/strategies", mine="true").json["items"] == []


def test_a_repeated_upload_is_answered_as_the_first(uploaded: Deployment) -> None:
    assert upload(uploaded).status == 201
    assert len(uploaded.checks.seen) == 1
    taken = upload(uploaded, uploaded.stranger)
    assert (taken.status, taken.code) == (409, "ALREADY_EXISTS")


def test_a_refusal_says_line_row_and_candle_and_leaves_nothing(deployment: Deployment) -> None:
    before = set(deployment.database.strategies)
    deployment.checks.refusal = CodeRefused("LOOK_AHEAD", "the decision changed", line=12, row=700, candle_close=NOW)
    answer = upload(deployment)
    assert (answer.status, answer.code, answer.json["detail"]) == (422, "LOOK_AHEAD", "the decision changed")
    assert (answer.json["line"], answer.json["row"], answer.json["candle_close"]) == (12, 700, "2026-11-20T12:00:00Z")
    assert (set(deployment.database.strategies), deployment.database.versions, deployment.code.held) == (before, {}, {})
    deployment.checks.refusal = CodeRefused("STRATEGY_TOO_SLOW", "slow")
    assert not {"line", "row", "candle_close"} & upload(deployment).json.keys()


def test_a_validator_that_does_not_answer_is_asked_again(deployment: Deployment) -> None:
    deployment.checks.refusal = RetryLater("VALIDATOR_UNAVAILABLE", "busy", after_seconds=5)
    answer = upload(deployment)
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "VALIDATOR_UNAVAILABLE", "5")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": ""}, "INVALID_REQUEST"),
        ({"source": "x" * 1_000_001}, "INVALID_REQUEST"),
        ({"source": "a\n\ud800"}, "INVALID_REQUEST"),
        ({"source": None}, "INVALID_REQUEST"),
        ({"tags": ["Trend"]}, "INVALID_REQUEST"),
        ({"tags": ["a", "a"]}, "TAGS_INVALID"),
        ({"visibility": "SECRET"}, "INVALID_REQUEST"),
        ({"market": "DOGE/USDT:USDT"}, "UNKNOWN_MARKET"),
        ({"parameters": {"period": None}}, "INVALID_REQUEST"),
        ({"parameters": {"speed": 1}}, "PARAMETER_UNKNOWN"),
        ({"owner": "tenant-2"}, "INVALID_REQUEST"),
    ],
)
def test_what_is_no_upload_is_refused(deployment: Deployment, changes: dict[str, Any], code: str) -> None:
    answer = upload(deployment, **changes)
    assert (answer.status, answer.code) == (422, code)
    assert (MINE in deployment.database.strategies, deployment.code.held) == (False, {})


def test_a_source_is_measured_in_bytes(deployment: Deployment) -> None:
    body = json.dumps({**UPLOAD, "source": "ä" * 600_000}, ensure_ascii=False)
    answer = deployment.client.send("POST", "/v1/strategies", raw=body)
    assert (answer.status, answer.code, deployment.code.held) == (422, "STRATEGY_FILE_INVALID", {})


def test_only_routes_that_carry_code_take_large_bodies(uploaded: Deployment) -> None:
    largest = "#" + '"' * 999_999
    assert uploaded.client.post(f"{URL}/versions", {"source": largest}).status == 201
    for path in ("/v1/strategies", f"{URL}/versions"):
        beyond = uploaded.client.send("POST", path, raw="x" * (MAX_CODE_BODY_BYTES + 1))
        assert (beyond.status, beyond.code) == (413, "BODY_TOO_LARGE")
    for method, path in (("PATCH", URL), ("POST", f"{URL}/release"), ("POST", f"{URL}/versions/1"), ("GET", "/v1/strategies")):
        beyond = uploaded.client.send(method, path, raw="x" * (MAX_BODY_BYTES + 1))
        assert (beyond.status, beyond.code) == (413, "BODY_TOO_LARGE")


def test_a_version_is_added_released_to_a_share_and_rolled_back(uploaded: Deployment) -> None:
    added = uploaded.client.post(f"{URL}/versions", {"parameters": {"period": 9}, "note": "slower"})
    assert (added.status, added.json["version"]["number"], added.json["version"]["note"]) == (201, 2, "slower")
    released = uploaded.client.post(f"{URL}/release", {"version": 2, "share_percent": 20})
    assert (released.status, released.json["release"]["candidate"], released.json["release"]["share_percent"]) == (200, 2, 20)
    back = uploaded.client.post(f"{URL}/rollback", {"version": 2})
    assert (back.status, back.json["release"]["candidate"]) == (200, None)
    again = uploaded.client.post(f"{URL}/rollback")
    assert (again.status, again.code) == (409, "NOTHING_TO_ROLL_BACK")
    changes = uploaded.client.get(f"{URL}/changes").json["items"]
    assert [it["type"] for it in changes] == [
        "strategy.version.rolled_back",
        "strategy.version.released",
        "strategy.version.added",
    ]
    assert (changes[1]["values"], changes[1]["changed_by"]) == ({"version": "2", "share_percent": "20"}, TENANT)
    assert [it["number"] for it in uploaded.client.get(f"{URL}/versions").json["items"]] == [2, 1]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("release", {"version": 1, "share_percent": 20}, 409, "ALREADY_RELEASED"),
        ("release", {"version": 7, "share_percent": 20}, 404, "NOT_FOUND"),
        ("release", {"version": 1, "share_percent": 0}, 422, "INVALID_REQUEST"),
        ("release", {"version": 1, "share_percent": 101}, 422, "INVALID_REQUEST"),
        ("release", {"version": True, "share_percent": 20}, 422, "INVALID_REQUEST"),
        ("versions", {"parameters": {"speed": 1}}, 422, "PARAMETER_UNKNOWN"),
    ],
)
def test_what_cannot_be_released_is_refused(uploaded: Deployment, path: str, body: Any, status: int, code: str) -> None:
    answer = uploaded.client.post(f"{URL}/{path}", body)
    assert (answer.status, answer.code) == (status, code)


ACTS = (
    ("GET", "", None),
    ("GET", "/versions", None),
    ("GET", "/versions/1", None),
    ("GET", "/versions/1/code", None),
    ("GET", "/changes", None),
    ("GET", "/statistics", None),
    ("POST", "/versions", {"parameters": {"period": 9}}),
    ("POST", "/release", {"version": 1, "share_percent": 20}),
    ("POST", "/rollback", None),
    ("PATCH", "", {"name": "mine now"}),
    ("POST", "/retire", None),
)


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_a_private_strategy_does_not_exist_for_others(uploaded: Deployment, method: str, path: str, body: Any) -> None:
    answer = uploaded.stranger.send(method, URL + path, body)
    unknown = uploaded.stranger.send(method, f"/v1/strategies/unknown-1{path}", body)
    assert (answer.status, answer.text) == (404, unknown.text)
    assert follow(uploaded.stranger).status == 404


@pytest.mark.parametrize(("method", "path", "body"), [act for act in ACTS if act[0] != "GET"])
def test_a_public_strategy_is_changed_by_its_authors_alone(uploaded: Deployment, method: str, path: str, body: Any) -> None:
    publish(uploaded)
    assert uploaded.stranger.get(URL).status == 200
    assert uploaded.stranger.send(method, URL + path, body).status == 404
    if path != "/retire":
        assert uploaded.admin.send(method, URL + path, body).status == 404


def test_strangers_and_followers_see_neither_parameters_nor_code_nor_who_made_it(uploaded: Deployment) -> None:
    publish(uploaded)
    assert uploaded.client.send("PATCH", URL, {"collaborators": ["a-friend"]}).status == 200
    assert "a-friend" in uploaded.client.get(f"{URL}/changes").text
    follow(uploaded.stranger)
    for client in (uploaded.stranger, Client(uploaded.providers, tenant="tenant-3"), uploaded.admin):
        assert client.get(f"{URL}/versions/1/code").status == 404
        texts = [client.get(URL + path).text for path in ("", "/versions", "/versions/1", "/changes")]
        assert not any(hidden in text for text in texts for hidden in (TENANT, "a-friend", '"period":8'))
        version = client.get(f"{URL}/versions/1").json
        shown = {"period": {"type": "integer"}, "factor": {"type": "number"}}
        assert (version["parameters"], version["parameter_schema"]["properties"]) == (None, shown), "a default is a value"


def test_a_collaborator_changes_what_the_owner_does_but_not_who_else_may(uploaded: Deployment) -> None:
    assert uploaded.client.send("PATCH", URL, {"collaborators": ["tenant-2"]}).status == 200
    assert uploaded.stranger.get(f"{URL}/versions/1/code").json["source"] == SOURCE
    assert uploaded.stranger.send("PATCH", URL, {"name": "Ours"}).json["name"] == "Ours"
    refused = uploaded.stranger.send("PATCH", URL, {"collaborators": []})
    assert (refused.status, refused.code) == (409, "OWNER_ONLY")


def test_a_link_opens_a_strategy_until_its_key_is_renewed(uploaded: Deployment) -> None:
    key = uploaded.client.send("PATCH", URL, {"visibility": "LINK"}).json["link_key"]
    assert uploaded.stranger.get(URL).status == 404
    seen = uploaded.stranger.get(URL, link_key=key)
    assert (seen.status, seen.json["link_key"]) == (200, None)
    assert follow(uploaded.stranger, link_key="wrong").status == 404
    assert follow(uploaded.stranger, link_key=key).status == 201
    assert uploaded.client.send("PATCH", URL, {"renew_link": True}).json["link_key"] != key
    other = Client(uploaded.providers, tenant="tenant-3")
    assert follow(other, link_key=key).status == 404
    assert uploaded.stranger.get(URL).status == 200  # who follows goes on


def test_a_subscription_pins_a_version_and_follows_the_latest_again(uploaded: Deployment) -> None:
    publish(uploaded)
    made = follow(uploaded.stranger, version=1)
    assert (made.status, made.json["pinned_version"]) == (201, 1)
    path = f"/v1/subscriptions/{made.json['subscription_id']}/version"
    assert uploaded.stranger.send("PUT", path, {"version": None}).json["pinned_version"] is None
    assert uploaded.stranger.send("PUT", path, {"version": 1}).json["pinned_version"] == 1
    unknown = uploaded.stranger.send("PUT", path, {"version": 2})
    assert (unknown.status, unknown.code) == (422, "VERSION_UNKNOWN")
    assert uploaded.client.send("PUT", path, {"version": 1}).status == 404
    assert uploaded.stranger.send("PUT", path, {}).code == "INVALID_REQUEST"
    assert follow(uploaded.stranger, version=2).code == "VERSION_UNKNOWN"


def test_a_retired_strategy_takes_no_followers_and_is_shown_as_such(uploaded: Deployment) -> None:
    publish(uploaded)
    assert uploaded.admin.post(f"{URL}/retire").json["retired_at"] == "2026-11-20T12:00:00Z"
    answer = follow(uploaded.stranger)
    assert (answer.status, answer.code) == (409, "STRATEGY_RETIRED")
    assert uploaded.client.get(URL).json["retired_at"] is not None


def test_operators_give_built_in_strategies_versions(populated: Deployment) -> None:
    populated.database.versions.clear()
    without = replace(populated.database.strategies[STRATEGY], release=None, latest_version=0)
    populated.database.strategies[STRATEGY] = without
    url = f"/v1/strategies/{STRATEGY}"
    assert populated.client.post(f"{url}/versions", {"parameters": {"fast_period": 9}}).status == 404
    added = populated.admin.post(f"{url}/versions", {"parameters": {"fast_period": 9, "slow_period": 30}})
    assert (added.status, added.json["version"]["number"], added.json["version"]["source_hash"]) == (201, 2, None)
    assert populated.admin.post(f"{url}/release", {"version": 2, "share_percent": 100}).json["release"]["stable"] == 2
    shown = populated.client.get(f"{url}/versions/2").json  # a follower sees parameters of the platform's
    assert (shown["parameters"]["fast_period"], shown["created_by"]) == (9, None)
    assert populated.stranger.get(f"{url}/versions/2").json["parameters"] is None
    assert populated.client.get(f"/v1/subscriptions/{SUBSCRIPTION}").json["pinned_version"] is None
