"""Progress: lines where nobody looks, a step that spins where somebody does; answers go to standard output alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from candlecast_cli import printing, stacks
from candlecast_cli.failures import CommandFailed
from candlecast_cli.printing import Steps, put_json, put_table, say, visible, warn
from tests.unit.command_line.running import refused


def test_steps_are_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps() as steps:
        steps.step("sam build")
        steps.step("sam deploy")
        print("answer", file=steps)
    told = capsys.readouterr()
    assert told.err.splitlines() == ["  sam build", "  sam deploy"]
    assert told.out == "answer\n"


def test_on_a_terminal_each_step_ends_with_its_time(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Console(stderr=True, force_terminal=True, color_system=None, width=80)
    monkeypatch.setattr(printing, "console", lambda **_: terminal)
    with Steps() as steps:
        steps.step("sam build")
        print("answer", file=steps)
        steps.step("sam deploy")
    told = capsys.readouterr()
    assert told.out == "answer\n"
    assert "sam build, 0 s" in told.err
    assert "sam deploy, 0 s" in told.err


def test_times_are_written_as_the_api_writes_them(capsys: pytest.CaptureFixture[str]) -> None:
    when = datetime(2026, 11, 29, 9, 50, 6, tzinfo=UTC)
    put_json({"at": when, "price": Decimal("1.50")})
    assert json.loads(capsys.readouterr().out) == {"at": "2026-11-29T09:50:06Z", "price": "1.50"}
    put_table(("at",), [(when,)])
    assert "2026-11-29T09:50:06Z" in capsys.readouterr().out


def test_a_terminal_that_is_too_narrow_gets_a_line_for_each_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    terminal = Console(file=shown, force_terminal=True, color_system=None, width=60)
    monkeypatch.setattr(printing, "console", lambda **_: terminal)
    put_table(("scope", "id", "reason"), [("PLATFORM", "platform", "x" * 45), ("USER", "u", None)])
    cells = [line.split() for line in shown.getvalue().splitlines() if line.strip()]
    assert cells == [
        *(["scope", "PLATFORM"], ["id", "platform"], ["reason", "x" * 45]),
        *(["scope", "USER"], ["id", "u"], ["reason", "-"]),
    ]
    put_table(("scope", "id", "reason"), [("USER", "u", None)])
    assert shown.getvalue().split()[-6:] == ["scope", "id", "reason", "USER", "u", "-"]


def test_a_table_in_a_pipe_keeps_its_lines_whole(capsys: pytest.CaptureFixture[str]) -> None:
    put_table(("name", "what"), [("a", "x" * 200), ("b", None)])
    head, first, second = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert head.split() == ["name", "what"]
    assert first.split() == ["a", "x" * 200]
    assert second.split() == ["b", "-"]


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",  # clears the screen, names the window
    "\x9b2J",  # the same in one character, which the pattern of labels allows
    "one\ntwo",  # a row of its own
    "one\rtwo",  # over what stands there
    "\u202egnp.exe",  # backwards
    "a\u2028b",
    "\ud800",  # half of a character, which no stream can write
)


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_others_neither_move_the_cursor_nor_make_rows(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    put_table(("label", "status"), [(text, "ACTIVE")])
    _, row = capsys.readouterr().out.splitlines()
    assert row.isprintable()
    assert row.split()[-1] == "ACTIVE"


def test_words_of_others_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    put_table(("label",), [("[red]main[/red] [link=https://example.com]x[/link]",)])
    assert "[red]main[/red] [link=https://example.com]x[/link]" in capsys.readouterr().out


@pytest.mark.parametrize("tell", [say, warn])
def test_messages_keep_their_lines_and_nothing_else(tell: Callable[[str], None], capsys: pytest.CaptureFixture[str]) -> None:
    tell("first\nsecond \x1b[2J")
    assert capsys.readouterr().err == "  first\nsecond \\x1b[2J\n"


def test_a_refusal_in_others_words_does_not_reach_the_terminal_raw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_where: stacks.Where) -> stacks.Stack:
        raise CommandFailed("AWS_Odd", "what \x1b[2J said")

    monkeypatch.setattr(stacks, "connect", refuse)
    assert refused(1, "AWS_Odd", "switch", "show") == "candlecast: AWS_Odd: what \\x1b[2J said"


def test_ordinary_words_stay_as_they_are() -> None:
    text = "Główne konto, 主账户 \N{ROCKET}"
    assert visible(text) == text
