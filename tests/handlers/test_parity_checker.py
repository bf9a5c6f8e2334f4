"""The checker of parity is woken by its queue and by a daily schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from candlecast.domain.signals.messages import ParityTask
from candlecast.domain.values.firing import require_recent
from candlecast.runtime.compose import parity_checker
from candlecast.runtime.observe import logger
from functions.parity_checker.handler import handle
from tests.support.fakes.parity_days import a_difference, a_parity_day
from tests.support.queue_events import Context

NOW = datetime(2026, 11, 21, 1, 20, tzinfo=UTC)


TASK = ParityTask(strategy_id="s", day=NOW.date(), correlation_id="c")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    found: list[datetime] = []

    def daily(scheduled_at: datetime) -> int:
        require_recent(scheduled_at, NOW, timedelta(hours=12))
        found.append(scheduled_at)
        return 3

    monkeypatch.setattr(parity_checker, "daily", lambda: daily)
    monkeypatch.setattr(parity_checker, "build", lambda: lambda event, context: {"batch": event})
    return found


def answer(event: dict[str, Any]) -> dict[str, Any]:
    return handle(event, Context())  # type: ignore[arg-type,no-any-return]


def test_a_firing_asks_for_the_followed_strategies(asked: list[datetime]) -> None:
    assert answer({"scheduled_time": NOW.isoformat()}) == {"strategies": 3}
    assert asked == [NOW]


@pytest.mark.parametrize("event", [{}, {"scheduled_time": "yesterday"}, {"scheduled_time": "2026-11-19T01:20:00+00:00"}])
def test_an_event_of_another_time_or_shape_is_answered_and_asks_for_nothing(event: dict[str, Any], asked: list[datetime]) -> None:
    assert "refused_because" in answer(event)
    assert asked == []


def test_a_batch_goes_to_the_consumer() -> None:
    event = {"Records": [{"messageId": "1"}]}
    assert answer(event) == {"batch": event}


def test_a_day_that_differs_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[Any] = []
    monkeypatch.setattr(logger, "warning", lambda message, extra: logged.append((message, extra)))
    equal = a_parity_day(differences=[a_difference(decides_otherwise=False)])
    for found in (None, equal, a_parity_day()):
        parity_checker._check(lambda strategy_id, day, asked_at, found=found: found, TASK)  # type: ignore[arg-type]
    ((message, extra),) = logged
    assert (message, extra["otherwise"], extra["causes"]) == ("parity differs", 1, {"REVISED": 1})
