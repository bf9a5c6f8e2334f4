"""Both clocks answer an event that they do not act on, so that nobody retries it, and count it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import require_recent
from candlecast.runtime.compose import candle_clock, reconcile_clock
from functions.candle_clock.handler import handle as candle_handler
from functions.reconcile_clock.handler import handle as reconcile_handler
from tests.support.queue_events import Context

NOW = datetime(2026, 11, 21, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, EARLY = (NOW - HOUR).isoformat(), (NOW + HOUR).isoformat()


class Parts:
    """The use cases of both clocks as far as a handler sees them; `done` names those that ran."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing: dict[str, Exception] = {}

    def run(self, name: str) -> None:
        self.done.append(name)
        if name in self.failing:
            raise self.failing[name]

    def announce(self, timeframe: Any, scheduled_at: datetime) -> int:
        require_recent(scheduled_at, NOW, timedelta(minutes=15))
        self.done.append("announce")
        return 3

    def __call__(self, scheduled_at: datetime) -> int:
        require_recent(scheduled_at, NOW, timedelta(minutes=5))
        self.run("request")
        return 7

    def at_once(self, due_by: datetime, *, full: bool) -> int:
        self.run("all at once" if full else "at once")
        return 9

    def noted(self, name: str, answer: Any) -> Callable[[], Any]:
        def part() -> Any:
            self.run(name)
            return answer

        return part


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    made = Parts()
    clock = SimpleNamespace(
        request_reconciles=made,
        sweep_pools=made.noted("sweep", 2),
        complete_switches=made.noted("switches", None),
        watch_schedules=made.noted("watch", ("1m",)),
        watch_pause=made.noted("pause", False),
        refresh_listings=made.noted("listings", 4),
        send_unsent=made.noted("unsent", 1),
        find_ended_connections=made.noted("connections", 1),
    )
    monkeypatch.setattr(candle_clock, "build", lambda: made.announce)
    monkeypatch.setattr(reconcile_clock, "build", lambda: clock)
    return made


def metrics(text: str) -> dict[str, Any]:
    """The metrics that were embedded in the output."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        document = json.loads(line) if line.startswith("{") else {}
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            found |= {metric["Name"]: document[metric["Name"]] for metric in directive["Metrics"]}
    return found


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"timeframe": "1m", "scheduled_time": OLD}, "FIRING_TOO_LATE"),
        ({"timeframe": "1m", "scheduled_time": EARLY}, "FIRING_AHEAD"),
        ({"timeframe": "1m"}, "FIRING_MALFORMED"),
        ({"scheduled_time": NOW.isoformat()}, "FIRING_MALFORMED"),
        ({"timeframe": "1h", "scheduled_time": NOW.isoformat()}, "FIRING_MALFORMED"),
    ],
)
def test_the_candle_clock_answers_what_it_refuses(
    parts: Parts, event: dict[str, Any], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = candle_handler(event, Context())  # type: ignore[arg-type]
    assert (answer["refused_because"]["code"], parts.done) == (code, [])
    assert metrics(capsys.readouterr().out) == {"FiringsRefused": [1.0]}


@pytest.mark.parametrize(
    ("event", "code"),
    [({"scheduled_time": OLD}, "FIRING_TOO_LATE"), ({"scheduled_time": EARLY}, "FIRING_AHEAD"), ({}, "FIRING_MALFORMED")],
)
def test_the_reconcile_clock_answers_what_it_refuses_and_only_watches(
    parts: Parts, event: dict[str, Any], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = reconcile_handler(event, Context())  # type: ignore[arg-type]
    assert (answer["refused_because"]["code"], parts.done) == (code, ["switches", "pause", "watch"])
    assert metrics(capsys.readouterr().out) == {"FiringsRefused": [1.0]}


def test_events_of_now_are_acted_on(parts: Parts) -> None:
    assert candle_handler({"timeframe": "1m", "scheduled_time": NOW.isoformat()}, Context()) == {"candles": 3}  # type: ignore[arg-type]
    answer = reconcile_handler({"scheduled_time": NOW.isoformat()}, Context())  # type: ignore[arg-type]
    assert answer == {"accounts": 7, "released_reservations": 2}
    assert parts.done == ["announce", "switches", "pause", "watch", "request", "sweep", "listings", "unsent", "connections"]


def test_a_person_who_asks_for_looks_is_no_firing_of_the_watch(parts: Parts) -> None:
    answer = reconcile_handler({"due_by": EARLY}, Context())  # type: ignore[arg-type]
    assert answer == {"accounts": 9, "released_reservations": 2}
    assert parts.done == ["switches", "pause", "at once", "sweep"]
    reconcile_handler({"due_by": EARLY, "full": True}, Context())  # type: ignore[arg-type]
    assert parts.done[-2] == "all at once"


STEPS = ["switches", "pause", "watch", "request", "sweep", "listings", "unsent", "connections"]


@pytest.mark.parametrize("failing", STEPS)
def test_a_step_that_fails_keeps_no_other_from_running(parts: Parts, failing: str) -> None:
    parts.failing[failing] = RetryLater("STORE_UNAVAILABLE", "a throttled partition", after_seconds=5)
    with pytest.raises(RetryLater, match="a throttled partition"):
        reconcile_handler({"scheduled_time": NOW.isoformat()}, Context())  # type: ignore[arg-type]
    assert parts.done == STEPS


def test_the_first_failure_of_several_is_raised_and_each_is_logged(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    parts.failing |= {
        "request": RetryLater("QUEUE_UNAVAILABLE", "the first", after_seconds=5),
        "sweep": RetryLater("STORE_UNAVAILABLE", "later", after_seconds=5),
    }
    with pytest.raises(RetryLater, match="the first"):
        reconcile_handler({"scheduled_time": NOW.isoformat()}, Context())  # type: ignore[arg-type]
    assert [vars(it)["step"] for it in caplog.records if it.message == "step failed"] == ["ask for looks", "sweep pools"]


def test_a_refused_firing_hides_no_failure_of_a_step(parts: Parts) -> None:
    parts.failing["switches"] = RetryLater("STORE_UNAVAILABLE", "some copies are not written", after_seconds=5)
    with pytest.raises(RetryLater, match="some copies"):
        reconcile_handler({"scheduled_time": OLD}, Context())  # type: ignore[arg-type]
