"""Run the command in this process, as a shell would see it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from candlecast_cli import stacks
from candlecast_cli.main import app


def run(*words: str) -> Result:
    """Output and exit code of a command; an exception that is no exit is raised again, so a traceback fails the test."""
    result = CliRunner().invoke(app, list(words), prog_name="candlecast")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def answer(*words: str) -> Any:
    """The JSON of a command that succeeds."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def types_as(monkeypatch: pytest.MonkeyPatch, identity: str) -> None:
    """Let the next commands ask a stack in this name."""
    monkeypatch.setattr(stacks, "connect", lambda _where: SimpleNamespace(identity=identity))


def refused(exit_code: int, code: str, *words: str) -> str:
    """The one line of a refusal, alone on standard error; checked for its exit code and its stable code."""
    result = run(*words)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"candlecast: {code}: "), line
    return line
