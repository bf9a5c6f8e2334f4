"""Progress: lines where nobody looks, a step that spins where somebody does; answers go to standard output alone."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from candlecast_cli import printing
from candlecast_cli.printing import Steps, put_json, put_table


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
