"""`candlecast dlq` as an operator types and sees it; the function behind it is tested elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
from functools import partial

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.ports.dead_letters import Redriven
from candlecast_cli import dlq, stacks
from candlecast_cli.stacks import Where
from infra.local.project import ROOT
from tests.support.fakes.dead_letters import FakeDeadLetters, a_dead_letter
from tests.unit.command_line import running
from tests.unit.command_line.running import refused, run

pytestmark = pytest.mark.slow

ME = "cli:arn:aws:iam::123456789012:user/operator"


class Connection:
    """A stack with two dead letters."""

    def __init__(self) -> None:
        self.letters = FakeDeadLetters(a_dead_letter(), a_dead_letter("letter-2", queue="outbox", receives=None, group_id=None))
        self.identity = ME
        self.asked: list[Where] = []

    def __call__(self, where: Where) -> Connection:
        self.asked.append(where)
        return self


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Connection:
    connection = Connection()
    monkeypatch.setattr(stacks, "connect", connection)
    monkeypatch.setattr(dlq, "letters_of", lambda found: found.letters)
    return connection


answer = partial(running.answer, "dlq")


def test_a_list_without_a_queue_is_a_table_of_all_queues(stack: Connection) -> None:
    result = run("dlq", "list", "--stack", "candlecast-prod", "--region", "eu-central-1", "--profile", "operator")
    assert result.exit_code == 0
    head, first, second = result.stdout.splitlines()
    assert head.split()[:3] == ["queue", "message", "age"]
    assert re.split(r"\s{2,}", first.rstrip()) == [
        *("trade", "letter-1", "3m", "5", "RETRIES_SPENT:KeyError", "order_executor"),
        *("TradeOrder account-1", "tenant-1#account-1", "correlation-1"),
    ]
    assert re.split(r"\s{2,}", second.rstrip())[:4] == ["outbox", "letter-2", "3m", "-"]
    assert stack.asked == [Where("up", "candlecast-prod", "operator", "eu-central-1")]


def test_queues_without_letters_are_said_to_have_none(stack: Connection) -> None:
    stack.letters.letters.clear()
    for words in (("list",), ("redrive", "trade")):
        result = run("dlq", *words)
        assert (result.exit_code, result.stdout, result.stderr.strip()) == (0, "", "no dead letter")
    assert answer("list") == []


def test_what_is_not_shown_is_told_of(stack: Connection) -> None:
    stack.letters.letters.append(a_dead_letter("letter-3"))
    assert "about 1 more" in run("dlq", "list", "trade", "--limit", "1").stderr


def test_a_list_and_an_entry_as_json_say_everything(stack: Connection) -> None:
    (shown,) = answer("list", "trade")
    assert answer("show", "trade", "letter-1") == shown
    assert (shown["facts"], shown["receives"]) == ({"account_id": "account-1"}, 5)


def test_an_entry_shows_its_facts_to_people_too(stack: Connection) -> None:
    rows = [re.split(r"\s{2,}", line.strip()) for line in run("dlq", "show", "trade", "letter-1").stdout.splitlines()]
    assert ["reason_code", "RETRIES_SPENT:KeyError"] in rows
    assert ["account_id", "account-1"] in rows


def test_changes_are_made_in_the_name_of_the_identity(stack: Connection) -> None:
    assert answer("redrive", "trade")["redriven"] == 1
    assert answer("drop", "outbox", "letter-2")["message_id"] == "letter-2"
    assert stack.letters.changes == [("redriven", "trade", "letter-1", ME), ("dropped", "outbox", "letter-2", ME)]


def test_a_letter_that_was_refused_makes_the_command_fail(stack: Connection) -> None:
    result = run("dlq", "redrive", "trade", "letter-1", "letter-9", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["redriven"], told["refused"]) == (1, [{"message_id": "letter-9", "code": "LETTER_NOT_FOUND"}])
    assert "refused: LETTER_NOT_FOUND" in run("dlq", "redrive", "trade", "letter-9").stdout


def test_letters_that_one_call_leaves_are_told_of(stack: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Redriven(message_ids=("letter-1",), refused=(), left=7)
    monkeypatch.setattr(stack.letters, "redrive", lambda *_: done)
    result = run("dlq", "redrive", "trade")
    assert (result.exit_code, "about 7 left" in result.stderr) == (0, True)
    assert "left" not in run("dlq", "redrive", "trade", "letter-1").stderr, "the others were not meant"


def test_what_does_not_work_is_one_line(stack: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no such dead letter in this queue" in refused(1, "NOT_FOUND", "dlq", "show", "trade", "letter-9")

    def silent(*_: object) -> None:
        raise RetryLater("DEAD_LETTERS_UNAVAILABLE", "no answer", after_seconds=5)

    monkeypatch.setattr(stack.letters, "entries", silent)
    assert refused(1, "DEAD_LETTERS_UNAVAILABLE", "dlq", "list", "trade").endswith(": no answer")


@pytest.mark.parametrize("words", [("redrive",), ("drop", "trade"), ("show", "trade"), ("list", "nonsense"), ("burn",)])
def test_a_command_that_is_not_whole_is_refused(stack: Connection, words: tuple[str, ...]) -> None:
    assert run("dlq", *words).exit_code == 2
    assert stack.letters.changes == []


def test_the_environment_has_the_command() -> None:
    """`make env` writes the command, which finds its checkout wherever a person calls it."""
    command = ROOT / ".venvs" / "dev" / "bin" / "candlecast"
    told = subprocess.run(  # noqa: S603 - our own command
        [str(command), "dlq", "list", "--help"], cwd="/", capture_output=True, text=True, check=True
    )
    assert "dead letters" in told.stdout
