"""The `candlecast` command as documents print it, held against the command itself."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

APP = "candlecast_cli.main"
# Groups and commands, for a checkout without the command itself.
PLANNED: Mapping[str, frozenset[str]] = {
    "local": frozenset({"up", "demo", "chaos", "down", "status", "logs", "token", "keys", "order", "deploy"}),
    "account": frozenset({"list", "show"}),
    "dlq": frozenset({"list", "show", "redrive", "drop"}),
    "switch": frozenset({"show", "set", "lift"}),
    "build": frozenset(),
}


class UnknownCommand(Exception):
    """Words that the command would refuse."""


def is_there() -> bool:
    """Whether this checkout has the command itself."""
    return importlib.util.find_spec(APP.partition(".")[0]) is not None


def check(words: Sequence[str]) -> None:
    """Raise `UnknownCommand` unless `candlecast` takes these words: group, command, arguments and options."""
    given = [word for word in words[1:] if word not in ("-h", "--help")]
    if not is_there():
        group, *rest = given or ["build"]
        commands = PLANNED.get(group)
        if commands is None or (commands and rest and rest[0] not in commands):
            raise UnknownCommand(" ".join(words))
        return
    command: Any = importlib.import_module("typer").main.get_command(importlib.import_module(APP).app)
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
