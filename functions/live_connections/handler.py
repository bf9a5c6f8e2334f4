"""Routes of the WebSocket API: a ticket opens a connection. For the relay: changes are pushed. For the clock: ended ones close.

A message of a client never comes here: the gateway answers it by itself. So a client keeps its connection alive at no cost of
ours. The event of a handshake holds the ticket in its query, so no event is ever logged.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.domain.values.errors import Conflict, NotFound, RetryLater
from candlecast.runtime.compose.start import uncollected
from candlecast.runtime.observe import logger, observed

with uncollected():
    from candlecast.runtime.compose import live_connections


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a route with a status, `{"close": [connection ids]}` with the number closed, `{"push": [...]}` with counts."""
    if "push" in event:
        pushed = live_connections.build().push_changes(event["push"])
        logger.info("live changes pushed", extra=pushed)
        return dict(pushed)
    if "close" in event:
        closed = live_connections.build().end_connections(event["close"])
        logger.info("live connections ended", extra={"asked": len(event["close"]), "closed": closed})
        return {"closed": closed}
    about = event["requestContext"]
    status = _opened(event, about["connectionId"]) if about["routeKey"] == "$connect" else _forgotten(about["connectionId"])
    return {"statusCode": status.value}


def _opened(event: dict[str, Any], connection_id: str) -> HTTPStatus:
    query = event.get("queryStringParameters") or {}
    try:
        opened = live_connections.build().open_connection(query.get("ticket"), connection_id)
    except NotFound:
        logger.info("live connection refused", extra={"reason_code": "TICKET_UNKNOWN"})
        return HTTPStatus.UNAUTHORIZED
    except Conflict as error:
        logger.info("live connection refused", extra={"reason_code": error.code})
        return HTTPStatus.TOO_MANY_REQUESTS
    except RetryLater as error:
        logger.warning("live connection refused", extra={"reason_code": error.code})
        return HTTPStatus.SERVICE_UNAVAILABLE
    logger.info("live connection opened", extra={"tenant_id": opened.tenant_id, "connection_id": connection_id})
    return HTTPStatus.OK


def _forgotten(connection_id: str) -> HTTPStatus:
    live_connections.build().connections.forget_connections([connection_id])
    return HTTPStatus.OK
