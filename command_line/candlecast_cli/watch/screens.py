"""Screens of `candlecast watch`: a table that stays in its place on a terminal, lines elsewhere."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from candlecast_cli.printing import NOTHING, console, put_table, say, visible
from candlecast_cli.watch.subjects import VIEWS, Item, Subject


class Board:
    """A table on a terminal, with a line below it that says how fresh it is."""

    def __init__(self, subject: Subject) -> None:
        self._view = VIEWS[subject]
        self._table = self._made([])
        self._live = Live(console=console(), auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def show(self, items: list[Item]) -> None:
        self._table = self._made(items)

    def tell(self, state: str, age_seconds: float | None) -> None:
        self._live.update(Group(self._table, Text(visible(line(state, age_seconds)), style="dim")), refresh=True)

    def _made(self, items: list[Item]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in self._view.columns:
            table.add_column(name, header_style="bold", overflow="fold")
        for row in self._view.rows(items):
            table.add_row(*(Text(NOTHING if cell in (None, "") else visible(str(cell))) for cell in row))
        return table


class Lines:
    """For a pipe: the whole table, or a line of JSON, each time that it has changed. States go to standard error."""

    def __init__(self, subject: Subject, *, as_json: bool) -> None:
        self._view = VIEWS[subject]
        self._as_json = as_json
        self._shown: list[Item] | None = None
        self._state = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, items: list[Item]) -> None:
        if items == self._shown:
            return
        self._shown = items
        if self._as_json:
            print(json.dumps({"items": items}), flush=True)
        else:
            put_table(tuple(self._view.columns), self._view.rows(items))

    def tell(self, state: str, age_seconds: float | None) -> None:
        if state != self._state:
            self._state = state
            say(line(state, age_seconds))


def line(state: str, age_seconds: float | None) -> str:
    """The state, and the age of the page."""
    return f"{state}; {'nothing shown yet' if age_seconds is None else f'as of {age_seconds:.0f} s ago'}"
