"""The output of an invocation: its measures in every ending, its errors, and never its event."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.runtime.failures import InvocationFailed
from candlecast.runtime.observe import EmfMetrics, logger, observed
from tests.support.queue_events import Context

ROOT = Path(__file__).parents[3]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """The structured log, which writes to the stream that it was made with."""
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_measures_are_written_out_even_if_the_invocation_fails(capsys: pytest.CaptureFixture[str]) -> None:
    @observed
    def handle(event: dict[str, Any], context: Any) -> None:
        EmfMetrics().count("OrdersAccepted", 2)
        EmfMetrics().milliseconds("SignalToOrderMilliseconds", 12.5)
        raise KeyError("canary-secret")

    with pytest.raises(InvocationFailed):
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


def test_an_unforeseen_error_leaves_with_its_name_and_place_and_without_its_text(logged: StringIO) -> None:
    @observed
    def handle(event: dict[str, Any], context: Any) -> None:
        try:
            raise UnicodeError("canary-secret of the cause")
        except UnicodeError as error:
            raise ValueError("Invalid header value b'canary-secret'") from error

    with pytest.raises(InvocationFailed) as raised:
        handle({}, Context())  # type: ignore[arg-type]
    assert type(raised.value).__name__ == "ValueError"
    assert "test_observe.py" in str(raised.value)
    line = json.loads(logged.getvalue())
    assert line["error_type"] == "ValueError"
    assert "test_observe.py" in line["frames"][-1]
    assert line["causes"][0].startswith("UnicodeError at ")
    assert "canary" not in json.dumps(line) + str(raised.value)
    assert raised.value.__suppress_context__


def test_an_instruction_leaves_as_it_is_and_its_code_is_logged(logged: StringIO) -> None:
    @observed
    def handle(event: dict[str, Any], context: Any) -> None:
        raise RetryLater("STORE_UNAVAILABLE", after_seconds=1)

    with pytest.raises(RetryLater):
        handle({}, Context())  # type: ignore[arg-type]
    line = json.loads(logged.getvalue())
    assert (line["error_type"], line["reason_code"]) == ("RetryLater", "STORE_UNAVAILABLE")


def test_no_function_logs_a_traceback() -> None:
    """A traceback ends with the text of its error, and before it come those of the errors behind."""
    folders = (ROOT / "layers" / "core", ROOT / "layers" / "paper", ROOT / "functions")
    files = [file for folder in folders for file in folder.rglob("*.py")]
    assert len(files) > 200
    found = re.compile(r"\.exception\(|exc_info|format_exc|print_exc")
    assert [str(file) for file in files if found.search(file.read_text())] == []
