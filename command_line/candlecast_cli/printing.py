"""Output of the command: answers to standard output, progress to standard error, JSON where somebody asks for it."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

# A pipe has no width: lines stay whole for grep and cut.
PIPE_WIDTH = 1_000
NOTHING = "-"
LINES = "\n\t"  # what a message of several lines needs

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "[bold]Examples[/bold]\n\n" + "\n".join(f"[cyan]{line}[/cyan]" for line in lines)


def console(*, stderr: bool = False) -> Console:
    """A console of this moment's streams; plain and wide where nobody looks."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=PIPE_WIDTH)


def visible(text: str, *, keep: str = "") -> str:
    """The text with every character that a terminal would obey or hide written out, such as `\\x1b`; those in `keep` stay.

    Labels and reasons are a tenant's own words, and an operator reads them.
    """
    if text.isprintable():
        return text
    return "".join(it if it.isprintable() or it in keep else it.encode("unicode_escape").decode("ascii") for it in text)


def say(text: str) -> None:
    """A line of progress."""
    console(stderr=True).print(Text(f"  {visible(text, keep=LINES)}"))


def put_line(text: str, *, style: str = "") -> None:
    """A line of an answer. The terminal wraps a long line; a copy of it stays whole."""
    console().print(Text(visible(text), style=style), soft_wrap=True)


def warn(text: str) -> None:
    """A line that a person must not overlook."""
    console(stderr=True).print(Text(f"  {visible(text, keep=LINES)}", style="yellow"))


class Steps(io.TextIOBase):
    """Progress of something that takes minutes: on a terminal each step spins until the next, elsewhere it is a line.

    Text that is written as to a file goes to standard output, and ends the step.
    """

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._spinning: Status | None = None
        self._text = ""
        self._since = 0.0

    def step(self, text: str) -> None:
        """Begin a step."""
        self.end()
        if not self._console.is_terminal:
            say(text)
            return
        self._text, self._since = text, time.monotonic()
        self._spinning = self._console.status(Text(text))
        self._spinning.start()

    def end(self) -> None:
        """End the step that is going on, with the time that it took."""
        if self._spinning is not None:
            self._spinning.stop()
            self._spinning = None
            self._console.print(Text(f"  {self._text}, {time.monotonic() - self._since:.0f} s"))

    def write(self, text: str) -> int:
        self.end()
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()

    def __exit__(self, *_error: object) -> None:
        self.end()


def put_json(value: Any) -> None:
    """The value as JSON, whole and uncoloured; times as RFC 3339, everything else that JSON lacks as text."""
    print(json.dumps(value, indent=2, default=_as_text))


def _as_text(value: Any) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(when: datetime) -> str:
    """A time as the API and the logs write it: 2026-11-29T09:50:06Z, with microseconds if it has any."""
    return when.isoformat().replace("+00:00", "Z")


def put_table(head: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table of text; cells that are empty show a dash.

    On a terminal that is too narrow, each cell gets a line: ids that are folded cannot be copied.
    """
    lines = [[NOTHING if cell in (None, "") else visible(_as_text(cell)) for cell in row] for row in rows]
    if len(head) > 2 and console().is_terminal and _width([head, *lines]) > console().width:
        for number, line in enumerate(lines):
            put_table(("", ""), zip(head, line, strict=True), title=None if number else title)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left", title_style="bold")
    for name in head:
        table.add_column(name, no_wrap=not console().is_terminal, overflow="fold", header_style="bold")
    for line in lines:
        table.add_row(*map(Text, line))
    console().print(table)


def _width(lines: Sequence[Sequence[str]]) -> int:
    """Columns of a terminal that a table of these lines takes; two stand between cells."""
    return sum(max(map(len, column)) + 2 for column in zip(*lines, strict=True))
