"""The gateway's management of WebSocket connections.

docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from candlecast.adapters.aws.clients import error_code
from candlecast.adapters.lanes import side_by_side

GONE = "GoneException"


class ApiGatewayConnections:
    """`ports.live.ConnectionGateway`; `management` is a client of the API's management endpoint."""

    def __init__(self, management: Any) -> None:
        self._management = management

    def close_connections(self, connection_ids: Sequence[str]) -> Sequence[str]:
        closed = side_by_side(self._close, connection_ids)
        return [connection_id for connection_id, is_gone in zip(connection_ids, closed, strict=True) if is_gone]

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
