"""Follow a page of the API: by a live connection that says when to fetch anew, else by fetching every few seconds.

A message is read for nothing but the fact of a change. The page is fetched at the connection, and again when the relay must
know of it. Then it is fetched at each change, at a gap, and once a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from candlecast_cli.api import Api, ApiRefused, require
from candlecast_cli.failures import CommandFailed
from candlecast_cli.watch.chain import Chain, News
from candlecast_cli.watch.sockets import Connect, ConnectionLost, Socket
from candlecast_cli.watch.subjects import VIEWS, Item, Subject

TICKETS = "/v1/live/tickets"
POLL_SECONDS = 5.0  # without a connection
SETTLE_SECONDS = 10.0  # the relay looks for new listeners every five
REFRESH_SECONDS = 60.0  # in case the last message was lost; prices of positions are never told
KEEP_ALIVE_SECONDS = 240.0  # API Gateway ends a connection that was silent for ten minutes
GATHER_SECONDS = 0.2  # one fetch for messages that come together
TICK_SECONDS = 1.0  # between two looks at the clock: the age is shown in seconds
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0  # before another try to connect; doubled each time
STILL_HERE = "still here"
UNREACHABLE = "API_UNREACHABLE"


class Screen(Protocol):
    """Shows what was fetched."""

    def show(self, items: list[Item]) -> None:
        """Show the newest items."""
        ...

    def tell(self, state: str, age_seconds: float | None) -> None:
        """Say how fresh they are; None: nothing was fetched yet."""
        ...


@dataclass(slots=True)
class Follow:
    """One run of the command."""

    api: Api
    subject: Subject
    connect: Connect | None
    screen: Screen
    end: float = float("inf")
    """When to stop, by `now`."""
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _fetched_at: float | None = field(default=None, init=False)

    def __call__(self) -> None:
        """Follow until the end. Raises `CommandFailed` for a refusal that no waiting would change."""
        pause, reason = FIRST_PAUSE_SECONDS, "connecting"
        self._fetch()
        while self.now() < self.end:
            began = self.now()
            try:
                self._listen()
            except ConnectionLost as lost:
                reason = str(lost)
            if self.now() - began > SETTLE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._poll(reason, min(self.end, self.now() + pause))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _listen(self) -> None:
        """Until the end, or the end of the connection: then it raises `ConnectionLost`."""
        if self.connect is None:
            raise ConnectionLost("live needs the extra [live]: pip install '.[live]' in a checkout")
        with self.connect(self._ticket()) as socket:
            self._hear(socket)

    def _hear(self, socket: Socket) -> None:
        chain, now = Chain(), self.now()
        self._fetch()
        fetch_at, keep_at, settle_at = now + SETTLE_SECONDS, now + KEEP_ALIVE_SECONDS, now + SETTLE_SECONDS
        while (now := self.now()) < self.end:
            self._tell("live")
            text = socket.receive(max(0.0, min(fetch_at, self.end, now + TICK_SECONDS) - now))
            now = self.now()
            if text is not None and chain.take(text) is not News.NOTHING:
                fetch_at = min(fetch_at, now + GATHER_SECONDS)
            if now >= fetch_at:
                self._fetch()
                fetch_at = settle_at if now < settle_at else now + REFRESH_SECONDS
            if now >= keep_at:
                socket.send(STILL_HERE)
                keep_at = now + KEEP_ALIVE_SECONDS

    def _poll(self, reason: str, until: float) -> None:
        """Fetch every few seconds until then."""
        while (now := self.now()) < until:
            if self._fetched_at is None or now - self._fetched_at >= POLL_SECONDS:
                self._fetch()
            self._tell(f"polling every {POLL_SECONDS:.0f} s, not live ({reason})")
            self.sleep(min(TICK_SECONDS, until - now))

    def _ticket(self) -> str:
        """The address of a connection. Raises `ConnectionLost` if the API gives none at present."""
        try:
            return require(self.api.post(TICKETS, {"topics": [self.subject.value]}), "url", str)
        except CommandFailed as error:
            raise ConnectionLost(_passing(error)) from None

    def _fetch(self) -> None:
        """Show the page as it is now. While the API does not answer, the older page stays."""
        view = VIEWS[self.subject]
        try:
            items: list[Mapping[str, Any]] = require(self.api.get(view.path, **view.query), "items", list)
        except CommandFailed as error:
            self._tell(f"not answered ({_passing(error)})")
            return
        self._fetched_at = self.now()
        self.screen.show(items)

    def _tell(self, state: str) -> None:
        self.screen.tell(state, None if self._fetched_at is None else self.now() - self._fetched_at)


def _passing(error: CommandFailed) -> str:
    """The code of a failure that may pass. Raises the others."""
    busy = isinstance(error, ApiRefused) and (
        error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.TOO_MANY_REQUESTS
    )
    if busy or error.code == UNREACHABLE:
        return error.code
    raise error
