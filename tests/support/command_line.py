"""The `candlecast` command as documents print it, held against the command itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from candlecast_cli.main import app


class UnknownCommand(Exception):
    """Words that the command would refuse."""


def check(words: Sequence[str]) -> None:
    """Raise `UnknownCommand` unless `candlecast` takes these words: group, command, arguments and options."""
    given = [word for word in words[1:] if word not in ("-h", "--help")]
    command: Any = typer.main.get_command(app)
    while given and hasattr(command, "commands"):
        name, *given = given
        if name not in command.commands:
            raise UnknownCommand(f"{' '.join(words)}: no {name}")
        command = command.commands[name]
    if not hasattr(command, "commands"):
        try:
            command.make_context("candlecast", given)
        except Exception as error:  # the parser's refusal, or that of a callback that checks a word
            raise UnknownCommand(f"{' '.join(words)}: {error!r}") from error
