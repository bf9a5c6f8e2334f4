"""Tell listeners of changed accounts: the relay hands the changes to the one function that may write to connections.

Nobody waits for it. A client misses an untold change as a link in the chain of the account's versions, and fetches anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from candlecast.domain.live.change import AccountChange, Push, joined
from candlecast.domain.live.connection import Connection
from candlecast.ports.clock import Clock
from candlecast.ports.live import ConnectionStore, LiveTasks

KNOWN_FOR = timedelta(seconds=5)  # a busy relay runs many times a second; a client fetches again after this and more
PAUSE = timedelta(seconds=30)  # after a failure: the relay's own work shall not wait for another one


@dataclass(slots=True)
class TellListeners:
    """One lookup of all connections in `KNOWN_FOR`, and nothing more while nobody of these accounts listens."""

    connections: ConnectionStore
    tasks: LiveTasks
    clock: Clock
    _listeners: Mapping[str, Sequence[Connection]] = field(default_factory=dict, repr=False)
    _known_until: datetime | None = field(default=None, repr=False)

    def __call__(self, changes: Sequence[AccountChange]) -> int:
        """How many tenants are told. Raises what the store or the function has raised, and then tells nobody for `PAUSE`."""
        if not changes:
            return 0
        now = self.clock.now()
        try:
            pushes = self._pushes(changes, now)
            if pushes:
                self.tasks.ask_to_push(pushes)
        except Exception:
            self._listeners, self._known_until = {}, now + PAUSE
            raise
        return len(pushes)

    def _pushes(self, changes: Sequence[AccountChange], now: datetime) -> list[Push]:
        listeners = self._current(now)
        heard = sorted((each for each in changes if each.tenant_id in listeners), key=lambda each: each.tenant_id)
        pushes = []
        for tenant_id, theirs in groupby(heard, key=lambda each: each.tenant_id):
            connections = tuple(each for each in listeners[tenant_id] if each.ends_at > now)
            if connections:
                pushes.append(Push(tenant_id=tenant_id, connections=connections, changes=joined(list(theirs))))
        return pushes

    def _current(self, now: datetime) -> Mapping[str, Sequence[Connection]]:
        """The connections of each tenant."""
        if self._known_until is None or now >= self._known_until:
            found: dict[str, list[Connection]] = {}
            for each in self.connections.all_connections():
                found.setdefault(each.tenant_id, []).append(each)
            self._listeners, self._known_until = found, now + KNOWN_FOR
        return self._listeners
