"""The gateway's management of WebSocket connections.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.aws.clients import error_code
from candlecast.adapters.lanes import side_by_side
from candlecast.ports.live import Message, Posted

GONE = "GoneException"
LANES = 16  # a message is some milliseconds of waiting, and the client has as many connections


class ApiGatewayConnections:
    """`ports.live.ConnectionGateway`; `management` is a client of the API's management endpoint."""

    def __init__(self, management: Any) -> None:
        self._management = management

    def close_connections(self, connection_ids: Sequence[str]) -> Sequence[str]:
        closed = side_by_side(self._close, connection_ids)
        return [connection_id for connection_id, is_gone in zip(connection_ids, closed, strict=True) if is_gone]

    def post_messages(self, messages: Sequence[Message]) -> Sequence[Posted]:
        return side_by_side(self._post, messages, LANES)

    def _post(self, message: Message) -> Posted:
        try:
            self._management.post_to_connection(ConnectionId=message.connection_id, Data=message.text.encode())
        except ClientError as error:
            return Posted.GONE if error_code(error) == GONE else Posted.FAILED
        except BotoCoreError:
            return Posted.FAILED
        return Posted.SENT

    def _close(self, connection_id: str) -> bool:
        try:
            self._management.delete_connection(ConnectionId=connection_id)
        except ClientError as error:
            return error_code(error) == GONE
        except BotoCoreError:
            return False
        return True


def management_endpoint(live_url: str) -> str:
    """Where connections of `wss://host/stage` are managed: the same place by HTTPS."""
    return "http" + live_url.removeprefix("ws")
