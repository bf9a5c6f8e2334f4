"""The gateway's management of connections: gone ones count as closed, and one failure leaves the others alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from candlecast.adapters.aws.connections import ApiGatewayConnections, management_endpoint
from candlecast.adapters.aws.live_function import MAX_BYTES, LiveFunction, pushes_of
from candlecast.domain.live.change import AccountChange, PositionName, Push
from candlecast.domain.values.errors import InvalidValue, RetryLater
from candlecast.ports.live import Message, Posted
from tests.support.fakes.live import a_connection


class Management:
    """A client of the management endpoint; `failing` are errors by connection."""

    def __init__(self, failing: dict[str, Exception]) -> None:
        self.failing = failing
        self.closed: list[str] = []
        self.posted: dict[str, bytes] = {}

    def delete_connection(self, *, ConnectionId: str) -> None:  # noqa: N803  (the SDK's name)
        if ConnectionId in self.failing:
            raise self.failing[ConnectionId]
        self.closed.append(ConnectionId)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:  # noqa: N803  (the SDK's names)
        if ConnectionId in self.failing:
            raise self.failing[ConnectionId]
        self.posted[ConnectionId] = Data


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


def test_the_fate_of_each_message_is_told() -> None:
    failing = {
        "gone": refusal("GoneException", 410),
        "throttled": refusal("LimitExceededException", 429),
        "unreachable": EndpointConnectionError(endpoint_url="https://example.test"),
    }
    management = Management(failing)
    messages = [Message(name, f"for {name}") for name in ("open", "gone", "throttled", "unreachable", "other")]
    posted = ApiGatewayConnections(management).post_messages(messages)
    assert posted == [Posted.SENT, Posted.GONE, Posted.FAILED, Posted.FAILED, Posted.SENT]
    assert management.posted == {"open": b"for open", "other": b"for other"}


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


def a_push(number: int, connections: int = 1) -> Push:
    tenant = f"tenant-{number}"
    change = AccountChange(
        tenant_id=tenant,
        account_id=f"account-{number}",
        before=number,
        sequence=number + 1,
        orders=("order-1", "order-2"),
        positions=(PositionName(subscription_id="subscription-1", market="BTC/USDT:USDT"),),
        signals=("signal-1",),
    )
    listening = tuple(a_connection(f"{number}-{each}=", tenant_id=tenant) for each in range(connections))
    return Push(tenant_id=tenant, connections=listening, changes=(change,))


def test_changes_of_a_batch_are_one_invocation_and_arrive_as_they_were() -> None:
    functions, pushes = Functions(), [a_push(1, 2), a_push(2)]
    LiveFunction(lambda: functions, "stack-live_connections:live").ask_to_push(pushes)  # type: ignore[arg-type,return-value]
    (asked,) = functions.asked
    assert (asked["FunctionName"], asked["InvocationType"]) == ("stack-live_connections:live", "Event")
    event = json.loads(asked["Payload"])
    assert list(event) == ["push"]
    assert list(pushes_of(event["push"])) == pushes


def test_a_crowd_that_fits_into_no_invocation_is_handed_over_in_parts() -> None:
    functions, pushes = Functions(), [a_push(number, 20) for number in range(100)]
    LiveFunction(lambda: functions, "f").ask_to_push(pushes)  # type: ignore[arg-type,return-value]
    assert 1 < len(functions.asked) <= 3
    assert max(len(asked["Payload"]) for asked in functions.asked) <= MAX_BYTES + 100
    arrived = [push for asked in functions.asked for push in pushes_of(json.loads(asked["Payload"])["push"])]
    assert arrived == pushes


@pytest.mark.parametrize("pushed", [None, {}, [1], [{"tenant_id": "t"}]])
def test_an_event_that_is_no_push_is_refused(pushed: object) -> None:
    with pytest.raises(InvalidValue):
        pushes_of(pushed)
