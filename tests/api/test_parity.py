"""Parity: days and differences for those who see decisions, counts for everybody else, and days compared on request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from candlecast.services.parity.ask_daily import task_of
from tests.api.conftest import EXTERNAL, Deployment
from tests.support.builders import NOW, STRATEGY
from tests.support.fakes.parity_days import a_parity_day

PATH = f"/v1/strategies/{STRATEGY}/parity"
TODAY = NOW.date()
A_DAY = timedelta(days=1)


SHARE = {"days": 2, "checked": 15, "equal": 14, "otherwise": 1, "percent": "93.33", "compared_at": "2026-11-21T01:00:00Z"}


@pytest.fixture
def compared(populated: Deployment) -> Deployment:
    """Yesterday with one difference among ten, and today with none."""
    populated.clock.set(NOW)
    populated.parity_days.put_day(a_parity_day(TODAY - A_DAY))
    populated.parity_days.put_day(a_parity_day(TODAY, differences=[], equal=5, until=NOW))
    return populated


def test_a_follower_sees_days_with_their_differences(compared: Deployment) -> None:
    answer = compared.client.get(PATH)
    assert answer.status == 200
    assert answer.json["share"] == SHARE
    today, yesterday = answer.json["days"]
    assert (today["day"], today["is_whole"], today["differences"]) == (TODAY.isoformat(), False, [])
    (difference,) = yesterday["differences"]
    assert (yesterday["is_whole"], yesterday["causes"], yesterday["missing"]) == (True, {"REVISED": 1}, 3)
    assert (difference["cause"], difference["recorded"], difference["recomputed"]) == ("REVISED", "LONG at 100", "HOLD")
    assert (difference["row"], difference["after"]["close"]) == ("2026-11-20T11:59:00Z", "100.5")


def test_the_page_of_a_strategy_has_its_share(compared: Deployment) -> None:
    for client in (compared.client, compared.stranger, compared.admin):
        assert client.get(f"/v1/strategies/{STRATEGY}").json["parity"] == SHARE
    assert compared.client.get("/v1/strategies").json["items"][0]["parity"] is None
    assert compared.client.get(f"/v1/strategies/{EXTERNAL}").json["parity"] is None


def test_days_without_a_run_are_no_share(populated: Deployment) -> None:
    populated.clock.set(NOW)
    populated.parity_days.put_day(a_parity_day(TODAY, differences=[], equal=0))
    assert populated.client.get(f"/v1/strategies/{STRATEGY}").json["parity"] is None
    share = populated.client.get(PATH).json["share"]
    assert (share["days"], share["percent"], share["compared_at"]) == (1, None, None)


def test_a_stranger_sees_counts_alone(compared: Deployment) -> None:
    answer = compared.stranger.get(PATH)
    assert answer.json["share"]["percent"] == "93.33"
    assert [day["differences"] for day in answer.json["days"]] == [None, None]
    assert "LONG" not in answer.text


def test_days_are_those_since_a_day_and_a_month_at_most(compared: Deployment) -> None:
    assert [day["day"] for day in compared.client.get(PATH, since=TODAY.isoformat()).json["days"]] == [TODAY.isoformat()]
    for since in (TODAY + A_DAY, TODAY - A_DAY * 31):
        answer = compared.client.get(PATH, since=since.isoformat())
        assert (answer.status, answer.code) == (422, "PARITY_SPAN_INVALID")


def test_an_operator_asks_for_days_and_others_than_authors_cannot(compared: Deployment) -> None:
    since = (TODAY - A_DAY).isoformat()
    answer = compared.admin.post(PATH, {"since": since})
    assert (answer.status, answer.json) == (202, {"strategy_id": STRATEGY, "days": [since, TODAY.isoformat()]})
    assert compared.parity_queue.sent == [task_of(STRATEGY, day, NOW) for day in (TODAY - A_DAY, TODAY)]
    for client in (compared.client, compared.stranger):
        refused = client.post(PATH, {"since": since})
        assert (refused.status, refused.code) == (404, "NOT_FOUND")


def test_a_source_from_outside_and_days_to_come_cannot_be_compared(compared: Deployment) -> None:
    outside = compared.admin.post(f"/v1/strategies/{EXTERNAL}/parity", {"since": TODAY.isoformat()})
    assert (outside.status, outside.code) == (409, "NO_CODE")
    ahead = compared.admin.post(PATH, {"since": (TODAY + A_DAY).isoformat()})
    assert (ahead.status, ahead.code) == (422, "PARITY_SPAN_INVALID")
    assert compared.parity_queue.sent == []
