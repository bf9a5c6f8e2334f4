"""Backtests by the API: asked for, followed, cancelled, and their results by links that expire."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from candlecast.domain.backtests.backtest import MAX_OPEN
from tests.api.conftest import EXTERNAL, Deployment
from tests.support.builders import BTC, NOW, STRATEGY, TENANT
from tests.support.fakes.backtests import BACKTEST, a_summary
from tests.support.gateway import REQUEST_ID

PATH = "/v1/backtests"
MORNING = "2026-11-20T08:00:00Z"
BODY: dict[str, Any] = {"strategy_id": STRATEGY, "start": MORNING}


def test_a_backtest_is_accepted_with_everything_that_was_left_open(deployment: Deployment) -> None:
    answer = deployment.client.post(PATH, BODY)
    assert answer.status == 202
    assert (answer.json["status"], answer.json["rows_done"], answer.json["summary"]) == ("QUEUED", 0, None)
    plan = answer.json["plan"]
    assert (plan["market"], plan["timeframe"], plan["version"], plan["venue"]) == (BTC, "1m", None, "paper")
    assert plan["start"] == MORNING
    assert (plan["cash"], plan["settings"]["capital"], plan["taker_fee"], plan["slippage_bps"]) == ("10000", "10000", None, "0")
    (task,) = deployment.backtest_queue.sent
    assert (task.tenant_id, task.backtest_id, task.correlation_id) == (TENANT, answer.json["backtest_id"], REQUEST_ID)
    assert deployment.client.get(f"{PATH}/{task.backtest_id}").json == answer.json


def test_everything_that_is_asked_for_is_taken(deployment: Deployment) -> None:
    body = {
        **BODY,
        "until": "2026-11-20T08:31:00Z",
        "timeframe": "5m",
        "cash": "500",
        "settings": {"capital": "400", "leverage": 3},
        "taker_fee": "0.0005",
        "maker_fee": "0",
        "slippage_bps": "1.5",
    }
    plan = deployment.client.post(PATH, body).json["plan"]
    assert (plan["timeframe"], plan["until"], plan["rows"]) == ("5m", "2026-11-20T08:30:00Z", 6)
    assert (plan["cash"], plan["settings"]["capital"], plan["settings"]["leverage"]) == ("500", "400", "3")
    assert (plan["taker_fee"], plan["maker_fee"], plan["slippage_bps"]) == ("0.0005", "0", "1.5")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"strategy_id": "unknown-1"}, 404, "NOT_FOUND"),
        ({"strategy_id": EXTERNAL}, 409, "NO_CODE"),
        ({"version": 7}, 404, "NOT_FOUND"),
        ({"market": "DOGE/USDT:USDT"}, 422, "UNKNOWN_MARKET"),
        ({"start": "2026-11-20T12:00:00Z"}, 422, "BACKTEST_SPAN_INVALID"),
        ({"start": "2026-01-01T00:00:00Z"}, 422, "BACKTEST_TOO_LONG"),
        ({"cash": "0"}, 422, "CASH_INVALID"),
        ({"cash": "0", "settings": {"capital": "1"}}, 422, "CASH_INVALID"),
        ({"taker_fee": "5"}, 422, "COSTS_INVALID"),
        ({"settings": {"capital": "1", "stop_working_type": "MARK_PRICE"}}, 422, "BACKTEST_MARK_PRICE_UNKNOWN"),
        ({"timeframe": "7m"}, 422, "INVALID_REQUEST"),
        ({"tenant_id": "tenant-2"}, 422, "INVALID_REQUEST"),
    ],
)
def test_what_cannot_be_computed_is_refused_at_once(
    deployment: Deployment, change: dict[str, Any], status: int, code: str
) -> None:
    answer = deployment.client.post(PATH, BODY | change)
    assert (answer.status, answer.code) == (status, code)
    assert not deployment.backtest_queue.sent


def test_too_many_at_once_are_refused(deployment: Deployment) -> None:
    for _ in range(MAX_OPEN):
        assert deployment.client.post(PATH, BODY).status == 202
    answer = deployment.client.post(PATH, BODY)
    assert (answer.status, answer.code) == (409, "TOO_MANY_BACKTESTS")


SWEEP: dict[str, Any] = {"axes": {"fast_period": [5, 8], "stop_atr": [2.5, 3], "mode": ["calm"], "is_bold": [True]}}


def test_a_sweep_is_accepted_by_those_who_see_the_parameters(deployment: Deployment) -> None:
    answer = deployment.admin.post(PATH, BODY | {"sweep": SWEEP | {"metric": "sqn"}})
    assert answer.status == 202
    assert answer.json["plan"]["sweep"] == SWEEP | {
        "metric": "sqn",
        "walk_forward": None,
        "random": None,
        "trials": 4,
        "parts": 1,
    }
    assert answer.json["trials_done"] == 0
    assert [task.part for task in deployment.backtest_queue.sent] == [0]
    refused = deployment.client.post(PATH, BODY | {"sweep": SWEEP})
    assert (refused.status, refused.code) == (409, "SWEEP_NEEDS_PARAMETERS")


def test_a_walk_forward_is_accepted_with_its_windows(deployment: Deployment) -> None:
    walk = {"train_hours": 2, "test_hours": 1, "anchored": True}
    sweep = deployment.admin.post(PATH, BODY | {"sweep": SWEEP | {"walk_forward": walk}}).json["plan"]["sweep"]
    assert (sweep["walk_forward"], sweep["trials"]) == (walk, 4)


def test_a_random_search_is_accepted_with_its_seed(deployment: Deployment) -> None:
    axes = {name: [*range(50)] for name in ("fast_period", "slow_period", "lag")}
    for random, trials in (({"count": 25, "seed": 9}, 25), ({"count": 21}, 21)):
        sweep = deployment.admin.post(PATH, BODY | {"sweep": {"axes": axes, "random": random}}).json["plan"]["sweep"]
        assert (sweep["random"], sweep["trials"], sweep["parts"]) == ({"seed": 0, **random}, trials, 2)
    assert [task.part for task in deployment.backtest_queue.sent] == [0, 1] * 2


@pytest.mark.parametrize(
    ("sweep", "code"),
    [
        (SWEEP | {"random": {"count": 0}}, "INVALID_REQUEST"),
        (SWEEP | {"random": {"count": 1_001}}, "INVALID_REQUEST"),
        (SWEEP | {"random": {"count": 5, "seed": -1}}, "INVALID_REQUEST"),
        (SWEEP | {"random": {"seed": 5}}, "INVALID_REQUEST"),
        ({"axes": {"fast_period": list(range(1_501))}, "random": {"count": 5}}, "SWEEP_TOO_LARGE"),
        (SWEEP | {"walk_forward": {"train_hours": 200, "test_hours": 1}}, "WALK_FORWARD_WINDOWS"),
        (SWEEP | {"walk_forward": {"train_hours": 0, "test_hours": 1}}, "INVALID_REQUEST"),
        ({"axes": {}}, "SWEEP_INVALID"),
        ({"axes": {"fast_period": []}}, "SWEEP_INVALID"),
        ({"axes": {"fast_period": [5, 5]}}, "SWEEP_INVALID"),
        ({"axes": {"fast_period": [5]}, "metric": "luck"}, "METRIC_UNKNOWN"),
        ({"axes": {"fast_period": list(range(1_001))}}, "SWEEP_TOO_LARGE"),
        ({"axes": {"fast_period": [None]}}, "INVALID_REQUEST"),
        ({"axes": {f"p{number}": [1] for number in range(7)}}, "INVALID_REQUEST"),
        ({}, "INVALID_REQUEST"),
    ],
)
def test_what_is_no_sweep_is_refused(deployment: Deployment, sweep: dict[str, Any], code: str) -> None:
    answer = deployment.admin.post(PATH, BODY | {"sweep": sweep})
    assert (answer.status, answer.code) == (422, code)


def test_a_queue_that_does_not_answer_refuses_nobody(deployment: Deployment) -> None:
    deployment.backtest_queue.fail_next()
    answer = deployment.client.post(PATH, BODY)
    assert (answer.status, answer.json["status"]) == (202, "QUEUED")
    ((tenant, unsent),) = deployment.backtests.unsent
    assert (tenant, unsent) == (TENANT, answer.json["backtest_id"])


def test_a_repeat_with_the_same_key_makes_no_second_backtest(deployment: Deployment) -> None:
    body = BODY | {"settings": {"capital": "400"}, "sweep": None}
    first = deployment.client.post(PATH, body, key="key-1")
    deployment.clock.advance(60)  # the newest candle is another one by now
    again = deployment.client.post(PATH, body, key="key-1")
    assert (first.status, again.status, again.json) == (202, 202, first.json)
    assert len(deployment.backtest_queue.sent) == 1
    other = deployment.client.post(PATH, body, key="key-2")
    assert other.json["backtest_id"] != first.json["backtest_id"]


@pytest.mark.parametrize(
    "change", [{"cash": "501"}, {"settings": {"capital": "401"}}, {"link_key": "key"}, {"start": "2026-11-20T08:01:00Z"}]
)
def test_a_key_with_another_body_is_refused(deployment: Deployment, change: dict[str, Any]) -> None:
    body = BODY | {"cash": "500", "settings": {"capital": "400"}}
    assert deployment.client.post(PATH, body, key="key-1").status == 202
    answer = deployment.client.post(PATH, body | change, key="key-1")
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_finished_backtest_shows_its_numbers(populated: Deployment) -> None:
    found = populated.client.get(f"{PATH}/{BACKTEST}").json
    assert (found["status"], found["code_version"], found["rows_done"], found["tries"]) == ("DONE", "c0de", 120, 1)
    assert found["summary"]["final_equity"] == format(a_summary().final_equity, "f")
    assert found["summary"]["sharpe_ratio"] == "1.5"


def test_backtests_are_listed_newest_first(deployment: Deployment) -> None:
    ids = []
    for _ in range(3):
        ids.append(deployment.client.post(PATH, BODY).json["backtest_id"])
        deployment.clock.advance(1)
    first = deployment.client.get(PATH, limit="2").json
    second = deployment.client.get(PATH, limit="2", cursor=first["next_cursor"]).json
    assert [it["backtest_id"] for it in (*first["items"], *second["items"])] == ids[::-1]


def test_a_cancelled_backtest_stays_in_the_list(deployment: Deployment) -> None:
    asked = deployment.client.post(PATH, BODY).json["backtest_id"]
    for _ in range(2):
        answer = deployment.client.send("DELETE", f"{PATH}/{asked}")
        assert (answer.status, answer.json["status"]) == (200, "CANCELLED")
    assert [it["status"] for it in deployment.client.get(PATH).json["items"]] == ["CANCELLED"]


def test_results_are_links_that_expire(populated: Deployment) -> None:
    answer = populated.client.get(f"{PATH}/{BACKTEST}/results")
    place = f"https://results.example/{TENANT}/{BACKTEST}"
    assert answer.json == {
        "document": f"{place}/result.json",
        "page": f"{place}/report.html",
        "trades": f"{place}/trades.csv",
        "expires_at": (NOW + timedelta(minutes=5)).isoformat().replace("+00:00", "Z"),
    }


def test_a_backtest_that_waits_has_no_results(deployment: Deployment) -> None:
    asked = deployment.client.post(PATH, BODY).json["backtest_id"]
    answer = deployment.client.get(f"{PATH}/{asked}/results")
    assert (answer.status, answer.code) == (409, "BACKTEST_NOT_DONE")
