"""`candlecast watch`: a table of orders, positions or signals that changes as they do, by the platform's HTTP API."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from candlecast_cli.api import At, connect, options
from candlecast_cli.printing import AsJson, console, examples
from candlecast_cli.watch.follow import Follow
from candlecast_cli.watch.screens import Board, Lines
from candlecast_cli.watch.sockets import connector
from candlecast_cli.watch.subjects import Subject

EXAMPLES = examples("candlecast watch positions", "candlecast watch orders --json --for 60")


@options
def watch(
    at: At,
    subject: Annotated[Subject, typer.Argument(help="What to watch; signals are those that were decided on for you.")],
    seconds: Annotated[float | None, typer.Option("--for", metavar="SECONDS", min=0.0, help="Stop after so long.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show orders, positions or signals, newest first, as they change, until Ctrl-C.

    A live connection says when to fetch anew. Without one the page is fetched every five seconds, and the last line says so.
    """
    api = connect(at)
    end = float("inf") if seconds is None else time.monotonic() + seconds
    screen = Board(subject) if console().is_terminal and not as_json else Lines(subject, as_json=as_json)
    with screen:
        Follow(api, subject, connector(), screen, end)()
