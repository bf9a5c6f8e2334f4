"""Statistics of a strategy's runs by the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.strategies.execution_statistics import DRIFT_BOUNDS
from tests.api.conftest import Deployment
from tests.support.builders import NOW, STRATEGY, after, an_execution

PATH = f"/v1/strategies/{STRATEGY}/executions/statistics"


def test_statistics_of_runs_tell_states_and_bounds_by_day(populated: Deployment) -> None:
    run = populated.executions.begin(an_execution(after(60), drift_seconds=0.3))
    assert run is not None
    ended = replace(run, status=ExecutionStatus.FAILED, finished_at=after(62), duration_ms=120.0)
    populated.executions.finish(ended)
    found = populated.client.get(PATH).json
    (day,) = found["days"]
    assert (found["since"], day["day"]) == ((NOW - timedelta(days=30)).date().isoformat(), NOW.date().isoformat())
    assert day["sums"] == found["window"] == found["total"]
    assert (found["total"]["runs"], found["total"]["states"]) == (1, {"FAILED": 1})
    assert found["total"]["duration"]["maximum"] == {"above": 100, "up_to": 300}
    assert found["total"]["drift"] == {
        "count": 1,
        "mean_ms": 300,
        "median": {"above": 250, "up_to": 500},
        "p95": {"above": 250, "up_to": 500},
        "p99": {"above": 250, "up_to": 500},
        "maximum": {"above": 250, "up_to": 500},
        "histogram": [{"up_to": bound, "count": int(bound == 500)} for bound in (*DRIFT_BOUNDS, None)],
    }


def test_statistics_of_runs_begin_at_the_asked_day_and_no_earlier_than_days_are_kept(populated: Deployment) -> None:
    tomorrow = after(86_400).date().isoformat()
    assert populated.client.get(PATH, since=tomorrow).json["since"] == tomorrow
    assert populated.client.get(PATH, since="2001-01-01").json["since"] == (NOW - timedelta(days=90)).date().isoformat()
    assert populated.client.get(PATH, since="yesterday").status == 422


def test_statistics_of_runs_are_for_followers_and_operators(populated: Deployment) -> None:
    assert populated.stranger.get(PATH).code == "FOLLOWERS_ONLY"
    assert populated.admin.get(PATH).json["total"]["runs"] == 0
