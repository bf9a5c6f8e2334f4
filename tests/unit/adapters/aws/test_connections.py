"""The gateway's management of connections: gone ones count as closed, and one failure leaves the others alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from candlecast.adapters.aws.connections import ApiGatewayConnections, management_endpoint
from candlecast.adapters.aws.live_function import LiveFunction
from candlecast.domain.values.errors import RetryLater


class Management:
    """A client of the management endpoint; `failing` are errors by connection."""

    def __init__(self, failing: dict[str, Exception]) -> None:
        self.failing = failing
        self.closed: list[str] = []

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803  (the SDK's name)
        if ConnectionId in self.failing:
            raise self.failing[ConnectionId]
        self.closed.append(ConnectionId)


def refusal(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "DeleteConnection")  # type: ignore[typeddict-item]


def test_what_is_gone_is_closed_and_what_fails_is_not() -> None:
    failing = {
        "gone": refusal("GoneException", 410),
        "throttled": refusal("LimitExceededException", 429),
        "unreachable": EndpointConnectionError(endpoint_url="https://example.test"),
    }
    management = Management(failing)
    connections = ApiGatewayConnections(management)
    assert connections.close_connections(["open", "gone", "throttled", "unreachable", "other"]) == ["open", "gone", "other"]
    assert sorted(management.closed) == ["open", "other"]


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("wss://id.execute-api.eu-west-1.amazonaws.com/live", "https://id.execute-api.eu-west-1.amazonaws.com/live"),
        ("ws://127.0.0.1:4566/_aws/execute-api/id/live", "http://127.0.0.1:4566/_aws/execute-api/id/live"),
    ],
)
def test_connections_are_managed_where_clients_connect(url: str, endpoint: str) -> None:
    assert management_endpoint(url) == endpoint


class Functions:
    """A client of Lambda."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.asked.append(asked)
        return {"StatusCode": 202}


def test_nobody_waits_for_the_live_function() -> None:
    functions = Functions()
    LiveFunction(lambda: functions, "stack-live_connections:live").ask_to_close(["a", "b"])  # type: ignore[arg-type,return-value]
    (asked,) = functions.asked
    assert (asked["FunctionName"], asked["InvocationType"]) == ("stack-live_connections:live", "Event")
    assert json.loads(asked["Payload"]) == {"close": ["a", "b"]}


def test_an_invocation_that_nobody_took_is_told() -> None:
    functions = Functions(refusal("TooManyRequestsException", 429))
    with pytest.raises(RetryLater, match="LIVE_UNAVAILABLE"):
        LiveFunction(lambda: functions, "f").ask_to_close(["a"])  # type: ignore[arg-type,return-value]
