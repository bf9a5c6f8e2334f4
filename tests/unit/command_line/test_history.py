"""`candlecast history` as an operator types and sees it; the function behind it is tested elsewhere."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from candlecast.adapters.codec import from_json, to_json
from candlecast.ports.rebuild import EARLIEST, RebuildProgress, RebuildRequest
from candlecast_cli import history, stacks
from tests.unit.command_line.running import run

pytestmark = pytest.mark.slow

ME = "cli:arn:aws:iam::123456789012:user/operator"


def progress(cursor: str | None = None, interrupted_by: str | None = None, **events: int) -> RebuildProgress:
    return RebuildProgress(cursor=cursor, events=events, reached=None, interrupted_by=interrupted_by)


class Stack:
    """A stack whose function gives these answers, one after the other; "crash" is a function that failed."""

    identity = ME

    def __init__(self) -> None:
        self.answers: list[Any] = [progress(filled=2)]
        self.asked: list[RebuildRequest] = []

    def output(self, name: str) -> str:
        assert name == "HistoryRebuildFunctionName"
        return "stack-history_rebuild"

    def functions(self, seconds: float) -> Stack:
        assert seconds > 120  # the most that the function works
        return self

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803  (as Lambda's client has it)
        assert FunctionName == "stack-history_rebuild:live"
        event = json.loads(Payload)
        assert event["by"] == ME
        self.asked.append(from_json(RebuildRequest, Payload))
        answer = self.answers.pop(0)
        if answer == "crash":
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}
        body = answer if isinstance(answer, dict) else json.loads(to_json(answer))
        return {"Payload": io.BytesIO(json.dumps(body).encode())}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack()
    monkeypatch.setattr(stacks, "connect", lambda where: made)
    monkeypatch.setattr(history, "PAUSE_SECONDS", 0.0)
    return made


def test_without_words_the_whole_archive_is_meant(stack: Stack) -> None:
    result = run("history", "rebuild")
    assert result.exit_code == 0, result.output
    assert stack.asked == [RebuildRequest()]
    assert result.stdout.splitlines()[0].split() == ["event", "projected"]


def test_days_mean_their_whole_length_and_instants_themselves(stack: Stack) -> None:
    run("history", "rebuild", "--from", "2026-11-01", "--to", "2026-11-30", "--tenant", "t", "--dry-run")
    stack.answers = [progress(filled=1)]
    run("history", "rebuild", "--from", "2026-11-01T10:00:00Z", "--to", "2026-11-01T12:00:00+01:00")
    first, second = stack.asked
    assert (first.since, first.until) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert (first.tenant_id, first.dry_run) == ("t", True)
    assert second.since == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert second.until == datetime(2026, 11, 1, 11, tzinfo=UTC)


def test_slices_are_asked_for_until_the_end_and_added_up(stack: Stack) -> None:
    stack.answers = [progress("events/a", filled=2), progress("events/b", filled=1, closed=1), progress(closed=4)]
    result = run("history", "rebuild", "--json")
    assert json.loads(result.stdout)["events"] == {"filled": 3, "closed": 5}
    assert [asked.cursor for asked in stack.asked] == [None, "events/a", "events/b"]
    assert "goes on after events/b" in result.stderr


def test_an_interruption_is_waited_out_and_the_same_slice_asked_for_again(stack: Stack) -> None:
    stack.answers = [progress("events/a", filled=2), "crash", progress("events/a", "STORE_UNAVAILABLE"), progress(filled=1)]
    result = run("history", "rebuild", "--json")
    assert json.loads(result.stdout)["events"] == {"filled": 3}
    assert [asked.cursor for asked in stack.asked] == [None, "events/a", "events/a", "events/a"]


def test_a_rebuild_that_cannot_go_on_says_how_to_go_on_later(stack: Stack) -> None:
    stack.answers = [progress("events/a", filled=2), *["crash"] * (history.MAX_INTERRUPTIONS + 1)]
    result = run("history", "rebuild")
    assert result.exit_code == 1
    assert "REBUILD_UNAVAILABLE" in result.stderr
    assert "--after events/a" in result.stderr
    stack.answers = [progress(filled=1)]
    run("history", "rebuild", "--after", "events/a")
    assert stack.asked[-1].cursor == "events/a"


def test_letters_that_wait_are_a_refusal_which_force_overrules(stack: Stack) -> None:
    stack.answers = [{"refused_because": {"code": "LETTERS_WAITING", "message": "letters"}}]
    result = run("history", "rebuild")
    assert (result.exit_code, "LETTERS_WAITING" in result.stderr) == (1, True)
    stack.answers = [progress(filled=1)]
    assert run("history", "rebuild", "--force").exit_code == 0
    assert stack.asked[-1].in_spite_of_letters


def test_batches_that_cannot_be_read_are_named_and_fail_the_command(stack: Stack) -> None:
    stack.answers = [RebuildProgress(cursor=None, events={"filled": 1}, reached=None, unreadable=("events/x",))]
    result = run("history", "rebuild")
    assert (result.exit_code, "events/x" in result.stderr) == (1, True)


def test_an_archive_without_such_events_is_said_to_have_none(stack: Stack) -> None:
    stack.answers = [progress()]
    result = run("history", "rebuild")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no such event" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("--from", "yesterday"),
        ("--from", "2026-11-31"),
        ("--to", "9999-12-31"),
        ("--from", "2026-11-02", "--to", "2026-11-01"),
        ("--tenant", "a#b"),
    ],
)
def test_words_that_mean_nothing_are_refused(stack: Stack, words: tuple[str, ...]) -> None:
    assert run("history", "rebuild", *words).exit_code == 2
    assert stack.asked == []
    assert EARLIEST.tzinfo is not None
