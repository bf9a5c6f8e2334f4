"""Push changes of accounts to the connections of their tenants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from candlecast.domain.live.change import Push, message
from candlecast.ports.live import ConnectionGateway, ConnectionStore, Message, Posted

HANDSHAKE_SECONDS = 2.0  # a connection is stored within its handshake, and the gateway calls it gone until that is over


@dataclass(frozen=True, slots=True)
class PushChanges:
    """A message that cannot be delivered is never repeated: the client notices the gap at the next one."""

    connections: ConnectionStore
    gateway: ConnectionGateway
    pause: Callable[[float], None]

    def __call__(self, pushes: Sequence[Push]) -> dict[str, int]:
        """How many messages were sent, found their connection gone, or failed. A connection that stays gone is forgotten.

        Raises `RetryLater` if a connection could not be forgotten.
        """
        posted = self._post([each for push in pushes for each in _messages(push)])
        early = [each for each, outcome in posted if outcome is Posted.GONE]
        if early:
            self.pause(HANDSHAKE_SECONDS)
            posted = [(each, outcome) for each, outcome in posted if outcome is not Posted.GONE] + self._post(early)
        outcomes = [outcome for _, outcome in posted]
        gone = {each.connection_id for each, outcome in posted if outcome is Posted.GONE}
        self.connections.forget_connections(sorted(gone))
        return {outcome.value: outcomes.count(outcome) for outcome in Posted}

    def _post(self, messages: Sequence[Message]) -> list[tuple[Message, Posted]]:
        return list(zip(messages, self.gateway.post_messages(messages), strict=True))


def _messages(push: Push) -> Iterator[Message]:
    """A message for each change and connection, of the same tenant in any case."""
    for change in push.changes:
        for connection in push.connections:
            if connection.tenant_id == change.tenant_id == push.tenant_id:
                text = json.dumps(message(change, connection.topics), separators=(",", ":"))
                yield Message(connection.connection_id, text)
