"""The function for dead letters and its callers: the same answers and refusals on both sides."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters
from candlecast.domain.values.errors import InvalidValue, NotFound, RetryLater
from candlecast.ports.dead_letters import Redriven, RefusedLetter
from candlecast.runtime.compose import dlq_redrive
from functions.dlq_redrive.handler import handle
from tests.support.fakes.dead_letters import FakeDeadLetters, a_dead_letter
from tests.support.queue_events import Context


class Function:
    """Lambda's client in front of the real handler over fake dead letters."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.letters = FakeDeadLetters(a_dead_letter(), a_dead_letter("letter-2"))
        self.seconds_left: list[float] = []
        self.answer: Any = None

        def build(seconds_left: Any) -> FakeDeadLetters:
            self.seconds_left.append(seconds_left())
            return self.letters

        monkeypatch.setattr(dlq_redrive, "build", lambda: build)

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["FunctionName"] == "stack-dlq_redrive:live"
        answer = self.answer or handle(json.loads(request["Payload"]), Context())  # type: ignore[arg-type]
        if answer == "crash":
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "canary"}')}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(monkeypatch)


@pytest.fixture
def asking(function: Function) -> FunctionDeadLetters:
    return FunctionDeadLetters(lambda: function, "stack-dlq_redrive:live", 20.0)  # type: ignore[arg-type,return-value]


def test_what_the_function_sees_is_what_the_caller_gets(asking: FunctionDeadLetters) -> None:
    listing = asking.entries("trade", 1)
    assert (listing.entries, listing.total) == ((a_dead_letter(),), 2)
    assert asking.entry("trade", "letter-2") == a_dead_letter("letter-2")


def test_a_change_reaches_the_function_with_the_name_of_who_asked(asking: FunctionDeadLetters, function: Function) -> None:
    done = asking.redrive("trade", ["letter-2", "letter-9"], "api:admin-1")
    refused = (RefusedLetter(message_id="letter-9", code="LETTER_NOT_FOUND"),)
    assert done == Redriven(message_ids=("letter-2",), refused=refused, left=1)
    assert asking.drop("trade", "letter-1", "cli:arn").message_id == "letter-1"
    assert function.letters.changes == [
        ("redriven", "trade", "letter-2", "api:admin-1"),
        ("dropped", "trade", "letter-1", "cli:arn"),
    ]


def test_an_invocation_by_hand_without_an_action_redrives_all(function: Function) -> None:
    answer = handle({"queue": "trade"}, Context())  # type: ignore[arg-type]
    assert (answer["message_ids"], answer["left"]) == (["letter-1", "letter-2"], 0)
    assert {by for *_, by in function.letters.changes} == {"unnamed"}


def test_the_function_works_as_long_as_the_caller_waits(asking: FunctionDeadLetters, function: Function) -> None:
    """60 s are the function's, the caller gives 20."""
    asking.entries("trade", 1)
    assert function.seconds_left == [20.0]
    handle({"queue": "trade"}, Context())  # type: ignore[arg-type]
    assert function.seconds_left == [20.0, 60.0]


def test_a_refusal_is_the_same_on_both_sides(asking: FunctionDeadLetters, function: Function) -> None:
    with pytest.raises(NotFound):
        asking.entry("trade", "letter-9")
    assert handle({"queue": "trade", "action": "burn"}, Context())["refused_because"]["code"] == "ACTION_UNKNOWN"  # type: ignore[arg-type]
    function.answer = {"refused_because": {"code": "QUEUE_UNKNOWN", "message": "queue must be one of"}}
    with pytest.raises(InvalidValue) as refused:
        asking.entries("nonsense", 1)
    assert refused.value.code == "QUEUE_UNKNOWN"


def test_a_function_that_fails_is_asked_again_later_and_its_words_stay_in_its_log(
    asking: FunctionDeadLetters, function: Function
) -> None:
    function.answer = "crash"
    with pytest.raises(RetryLater) as later:
        asking.redrive("trade", None, "api:admin-1")
    assert (later.value.code, "canary" in str(later.value)) == ("DEAD_LETTERS_UNAVAILABLE", False)
