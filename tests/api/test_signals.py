"""Quarantined signals for people: seen and released by platform admins, never anew by a second click."""

from __future__ import annotations

from tests.api.conftest import Deployment
from tests.support.builders import a_signal_record

SIGNAL = a_signal_record().signal.signal_id
RELEASE = f"/v1/signals/{SIGNAL}/release"


def test_admins_see_the_reason_the_mark_and_the_bound(populated: Deployment) -> None:
    answer = populated.admin.get("/v1/signals/quarantined")
    [held] = answer.json["items"]
    assert (held["signal_id"], held["reason"], held["mark_price"]) == (SIGNAL, "PRICE_COLLAR", "50")
    assert (held["value"], held["bound"], held["release"], answer.json["next_cursor"]) == ("100", "5", None, None)


def test_an_admin_releases_a_signal_once(populated: Deployment) -> None:
    first, second = populated.admin.post(RELEASE), populated.admin.post(RELEASE)
    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert first.json["release"]["released_by"] == "api:admin-1"
    released = first.json["release"]["signal_id"]
    assert {shard.signal.signal_id for shard in populated.signal_queue.sent} == {released}
    published = populated.signals.get_signal(released).signal
    assert (published.released_from, published.released_by) == (SIGNAL, "api:admin-1")
    assert populated.metrics.counts["SignalsReleased"] == 1


def test_users_neither_see_nor_release(populated: Deployment) -> None:
    assert populated.client.get("/v1/signals/quarantined").status == 403
    assert populated.client.post(RELEASE).status == 403
    assert populated.signal_queue.sent == []


def test_a_signal_that_nobody_holds_back_cannot_be_released(populated: Deployment) -> None:
    assert populated.admin.post("/v1/signals/unknown/release").status == 404
    assert populated.admin.post("/v1/signals/no such id#/release").status == 404
    assert populated.signal_queue.sent == []
