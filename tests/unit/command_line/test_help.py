"""The command explains itself: every group and command has a help with examples, and the examples are real."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.markup import render

from candlecast_cli.main import app
from tests.unit.command_line.running import run

pytestmark = pytest.mark.slow

EXPECTED = {
    "backtest",
    "build",
    "candles check",
    "candles fetch",
    "deployment pause",
    "deployment resume",
    "deployment show",
    "empty",
    "local up",
    "local demo",
    "local chaos",
    "local down",
    "local status",
    "local logs",
    "local token",
    "local keys",
    "local order",
    "local deploy",
    "account show",
    "account list",
    "history rebuild",
    "parity",
    "restore table",
    "restore adopt",
    "restore status",
    "restore undone",
    "dlq list",
    "dlq show",
    "dlq redrive",
    "dlq drop",
    "switch show",
    "switch set",
    "switch lift",
    "switch requests",
    "switch approve",
    "switch reject",
    "strategy check",
    "strategy new",
    "strategy release",
    "strategy retire",
    "strategy rollback",
    "strategy upload",
    "strategy versions",
    "sweep",
    "synthetic",
    "walk-forward",
    "watch",
}


def walk(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group and command by its words."""
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from walk(below, *names, name)


COMMANDS = dict(walk(typer.main.get_command(app)))


def examples_of(command: Any) -> list[str]:
    return re.findall(r"\[cyan\](.*?)\[/cyan\]", command.epilog or "")


def test_the_commands_are_those_that_are_documented() -> None:
    assert {" ".join(names) for names, it in COMMANDS.items() if not hasattr(it, "commands")} == EXPECTED


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_help_says_what_and_shows_an_example(names: tuple[str, ...]) -> None:
    result = run(*names, "--help")
    assert result.exit_code == 0
    assert "Usage: candlecast" in result.stdout
    assert "Examples" in result.stdout
    assert COMMANDS[names].help


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_no_help_loses_words_in_square_brackets(names: tuple[str, ...]) -> None:
    """Brackets are markup to the terminal's library, which leaves an unknown tag out."""
    command = COMMANDS[names]
    for text in (command.help, *(getattr(parameter, "help", None) for parameter in command.params)):
        assert text is None or render(text).plain == text.replace("\\[", "[")


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_example_is_a_command_with_options_that_exist(names: tuple[str, ...]) -> None:
    for example in examples_of(COMMANDS[names]):
        program, *words = shlex.split(example)
        assert program == "candlecast"
        found: Any = COMMANDS[()]
        while words and words[0] in getattr(found, "commands", {}):
            found = found.commands[words.pop(0)]
        assert not hasattr(found, "commands"), example
        options = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options, example


@pytest.mark.parametrize("names", [names for names, it in COMMANDS.items() if hasattr(it, "commands")], ids=" ".join)
def test_a_group_alone_shows_its_help(names: tuple[str, ...]) -> None:
    result = run(*names)
    assert "Commands" in result.output
    assert f"USAGE: A command is missing. See: {' '.join(('candlecast', *names))} --help" in result.stderr
    assert result.exit_code == 2


def test_exit_codes_are_part_of_the_help() -> None:
    told = " ".join(run("--help").stdout.split())
    assert "0 done, 1 failed, 2 wrong words, 3 something is missing here, 130 stopped by Ctrl-C" in told
