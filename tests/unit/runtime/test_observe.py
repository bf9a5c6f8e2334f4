"""The output of an invocation: its measures in every ending, its errors, and never its event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from candlecast.runtime.observe import EmfMetrics, observed
from tests.support.queue_events import Context


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_measures_are_written_out_even_if_the_invocation_fails(capsys: pytest.CaptureFixture[str]) -> None:
    @observed
    def handle(event: dict[str, Any], context: Any) -> None:
        EmfMetrics().count("OrdersAccepted", 2)
        EmfMetrics().milliseconds("SignalToOrderMilliseconds", 12.5)
        raise KeyError("bug")

    with pytest.raises(KeyError):
        handle({"body": "canary-secret"}, Context())  # type: ignore[arg-type]
    written = lines(capsys)
    metrics = next(line for line in written if "_aws" in line)
    assert (metrics["OrdersAccepted"], metrics["SignalToOrderMilliseconds"]) == ([2.0], [12.5])
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Candlecast"
    assert "canary-secret" not in json.dumps(written)


def test_an_answer_passes_and_nothing_is_written_where_nothing_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert observed(lambda event, context: event["answer"])({"answer": 42}, Context()) == 42  # type: ignore[arg-type]
    assert lines(capsys) == []


def test_a_count_of_nothing_is_no_measure(capsys: pytest.CaptureFixture[str]) -> None:
    @observed
    def handle(event: dict[str, Any], context: Any) -> None:
        EmfMetrics().count("SubscriptionsSkipped", 0)

    handle({}, Context())  # type: ignore[arg-type]
    assert lines(capsys) == []
