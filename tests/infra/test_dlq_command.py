"""`candlecast dlq`: what an operator types and sees; what it does is the function's, tested elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.values.errors import RetryLater
from infra.local import __main__ as command_line
from infra.local import dead_letters
from infra.local.project import CommandError
from tests.support.fakes.dead_letters import FakeDeadLetters, a_dead_letter

ROOT = Path(__file__).parents[2]
ME = "cli:arn:aws:iam::123456789012:user/operator"


class Connection:
    """A stack with two dead letters."""

    def __init__(self) -> None:
        self.letters = FakeDeadLetters(a_dead_letter(), a_dead_letter("letter-2", queue="outbox", receives=None, group_id=None))
        self.identity = ME
        self.asked: list[tuple[str | None, str | None]] = []

    def __call__(self, options: Any) -> Connection:
        self.asked.append((options.stack, options.region))
        return self


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Connection:
    connection = Connection()
    monkeypatch.setattr(dead_letters, "_connect", connection)
    return connection


def run(*words: str) -> int:
    return command_line.main(["dlq", *words])


def test_a_list_without_a_queue_is_a_table_of_all_queues(stack: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--stack", "candlecast-prod", "--region", "eu-central-1") == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["queue", "message", "age"]
    assert re.split(r"\s{2,}", first) == [
        *("trade", "letter-1", "3m", "5", "RETRIES_SPENT:KeyError", "order_executor"),
        *("TradeOrder account-1", "tenant-1#account-1", "correlation-1"),
    ]
    assert re.split(r"\s{2,}", second)[:4] == ["outbox", "letter-2", "3m", "-"]
    assert stack.asked == [("candlecast-prod", "eu-central-1")]


def test_what_is_not_shown_is_told_of(stack: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    stack.letters.letters.append(a_dead_letter("letter-3"))
    assert run("list", "trade", "--limit", "1") == 0
    assert "about 1 more" in capsys.readouterr().err


def test_a_list_and_an_entry_as_json_say_everything(stack: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "trade", "--json") == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert run("show", "trade", "letter-1") == 0
    assert json.loads(capsys.readouterr().out) == shown
    assert (shown["facts"], shown["receives"]) == ({"account_id": "account-1"}, 5)


def test_changes_are_made_in_the_name_of_the_identity(stack: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("redrive", "trade") == 0
    assert json.loads(capsys.readouterr().out)["redriven"] == 1
    assert run("drop", "outbox", "letter-2") == 0
    assert stack.letters.changes == [("redriven", "trade", "letter-1", ME), ("dropped", "outbox", "letter-2", ME)]


def test_a_letter_that_was_refused_makes_the_command_fail(stack: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("redrive", "trade", "letter-1", "letter-9") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["redriven"], answer["refused"]) == (1, [{"message_id": "letter-9", "code": "LETTER_NOT_FOUND"}])


def test_what_does_not_work_is_one_line(
    stack: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", "trade", "letter-9") == 1
    assert capsys.readouterr().err == "candlecast: NOT_FOUND: dead letter\n"

    def silent(*_: object) -> None:
        raise RetryLater("DEAD_LETTERS_UNAVAILABLE", "no answer", after_seconds=5)

    monkeypatch.setattr(stack.letters, "entries", silent)
    assert run("list", "trade") == 1
    assert capsys.readouterr().err == "candlecast: DEAD_LETTERS_UNAVAILABLE: no answer\n"


@pytest.mark.parametrize("words", [("redrive",), ("drop", "trade"), ("show", "trade"), ("list", "nonsense"), ("burn",)])
def test_a_command_that_is_not_whole_is_refused(stack: Connection, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        run(*words)
    assert stack.letters.changes == []


def test_without_a_stack_the_embedded_cloud_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.cloud.CLOUDS", tmp_path)
    options = command_line.parser().parse_args(["dlq", "list"])
    with pytest.raises(CommandError, match="no embedded cloud called up is running"):
        dead_letters._connect(options)


def test_the_environment_has_the_command() -> None:
    """`make env` writes it; it finds the checkout that its environment lies in, wherever it is called from."""
    command = ROOT / ".venvs" / "dev" / "bin" / "candlecast"
    told = subprocess.run(  # noqa: S603 - our own command
        [str(command), "dlq", "list", "--help"], cwd="/", capture_output=True, text=True, check=True, timeout=30
    )
    assert "dead letters" in told.stdout
