"""Find the connections whose time is over, each minute, and hand them to the function that may close them.

API Gateway ends a connection after two hours, or ten idle minutes, and knows nothing of tokens. So this is what ends a connection
when its token ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from candlecast.ports.clock import Clock
from candlecast.ports.live import ConnectionStore, LiveTasks

MAX_ENDED = 2_000  # in one minute: their ids fill a fifth of an asynchronous invocation


@dataclass(frozen=True, slots=True)
class FindEnded:
    """One lookup a minute, and nothing more while all connections may stay open."""

    connections: ConnectionStore
    tasks: LiveTasks
    clock: Clock

    def __call__(self) -> int:
        """How many connections are to be closed. Raises `RetryLater`."""
        now = self.clock.now()
        over = (each.connection_id for each in self.connections.all_connections() if each.ends_at <= now)
        ended = list(islice(over, MAX_ENDED))
        if ended:
            self.tasks.ask_to_close(ended)
        return len(ended)
