"""The fast path of bulk requests: signed as the SDK signs, answered as the SDK answers, and left to the SDK after a failure."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch
from zlib import crc32

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from candlecast.adapters.aws.fast_path import FastPath, Signature
from candlecast.adapters.dynamodb.single_table.table import FREQUENT
from candlecast.adapters.sqs.queues import SqsTradeQueue
from candlecast.adapters.xray.trace import working_on
from candlecast.domain.values.errors import RetryLater
from tests.support.builders import a_trade_order
from tests.support.fakes.http_body import HttpBody
from tests.support.fakes.xray import HEADER, listening

CONTENT_TYPE = "application/x-amz-json-1.0"
PROTOCOL = "DynamoDB_20120810."
HOST = "dynamodb.eu-central-1.amazonaws.com"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY: dict[str, Any] = {"PK": {"S": "a"}, "SK": {"S": "STATE"}}
REFUSED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}
THROTTLED = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "slow down"}


@given(
    service=st.sampled_from(["dynamodb", "sqs"]),
    body=st.binary(max_size=200),
    token=st.one_of(st.none(), st.text("abc/+=", min_size=1)),
    secret=st.text("xyz", min_size=1),
)
def test_a_request_is_signed_as_the_sdk_signs_it(service: str, body: bytes, token: str | None, secret: str) -> None:
    credentials = Credentials("AKIDEXAMPLE", secret, token)
    sent = {"content-type": CONTENT_TYPE, "x-amz-target": f"{PROTOCOL}PutItem"}
    headers = Signature(HOST, "eu-central-1", service).headers(sent, body, credentials.get_frozen_credentials(), NOW)
    oracle = AWSRequest("POST", f"https://{HOST}/", headers=sent, data=body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        SigV4Auth(credentials, service, "eu-central-1").add_auth(oracle)
    assert headers["Authorization"] == oracle.headers["Authorization"]
    assert headers["x-amz-date"] == oracle.headers["X-Amz-Date"]


def test_another_key_or_day_makes_another_signature() -> None:
    signature = Signature(HOST, "eu-central-1", "dynamodb")

    def authorization(secret: str, now: datetime) -> str:
        return signature.headers({}, b"{}", Credentials("A", secret).get_frozen_credentials(), now)["Authorization"]

    assert authorization("one", NOW) == authorization("one", NOW)
    assert len({authorization("one", NOW), authorization("two", NOW), authorization("one", NOW.replace(day=22))}) == 3


Answer = tuple[int, dict[str, Any]] | Exception


class Service:
    """Stands behind a client: answers in turn, the last one for ever; an exception is raised. `requests` keeps what came."""

    def __init__(
        self,
        *answers: tuple[int, dict[str, Any]] | Exception,
        name: str = "dynamodb",
        operations: frozenset[str] = FREQUENT,
    ) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.headers: dict[str, str] = {}
        self.client: Any
        with patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}):
            self.client = boto3.client(name, region_name="eu-central-1")  # type: ignore[call-overload]
        self.client.meta.events.register(f"before-send.{name}", self._answer)
        FastPath.open(self.client, operations)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        headers = HTTPHeaders.from_dict({"content-type": CONTENT_TYPE, **self.headers})
        self.headers = {}  # of one answer only
        return AWSResponse(request.url, status, headers, HttpBody(json.dumps(content).encode()))

    @property
    def paths(self) -> str:
        """F for a request that took the fast path, S for a request that the SDK made."""
        return "".join("F" if "accept-encoding" in request.headers else "S" for request in self.requests)


def test_bytes_come_back_as_they_went() -> None:
    item: dict[str, Any] = {
        **KEY,
        "body": {"B": b"\x00\xff"},
        "n": {"N": "1"},
        "l": {"L": [{"B": b"a"}, {"M": {"x": {"BS": [b"b"]}}}]},
    }
    service = Service((200, {}))
    service.client.put_item(TableName="table", Item=item)
    sent = json.loads(service.requests[0].body)
    service.answers = [(200, {"Item": sent["Item"]})]
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == item
    service.answers = [(200, {"Responses": {"table": [sent["Item"]]}, "UnprocessedKeys": {}})]
    found = service.client.batch_get_item(RequestItems={"table": {"Keys": [KEY]}})
    assert found["Responses"]["table"] == [item]
    service.answers = [(200, {"Items": [sent["Item"]], "Count": 1, "LastEvaluatedKey": KEY})]
    page = service.client.query(TableName="table", KeyConditionExpression="PK = :a", ExpressionAttributeValues={":a": {"S": "a"}})
    assert (page["Items"], page["LastEvaluatedKey"]) == ([item], KEY)
    assert service.paths == "FFFF"


def test_a_condition_that_does_not_hold_is_told_as_the_sdk_tells_it_and_not_tried_again() -> None:
    service = Service((400, REFUSED))
    with pytest.raises(service.client.exceptions.ConditionalCheckFailedException) as refused:
        service.client.put_item(TableName="table", Item=KEY)
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert service.paths == "F"


def test_every_other_error_is_the_sdks_to_try_again_and_to_tell() -> None:
    service = Service((400, THROTTLED), (200, {"Item": KEY}))
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.paths == "FS"
    service = Service((400, {"__type": "com.amazon.coral.validate#ValidationException", "message": "no"}))
    with pytest.raises(ClientError) as told:
        service.client.get_item(TableName="table", Key=KEY)
    assert told.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "lost", [ConnectionClosedError(endpoint_url=HOST), EndpointConnectionError(endpoint_url=HOST, error="no")]
)
def test_a_connection_that_was_closed_meanwhile_or_not_made_is_opened_again(lost: Exception) -> None:
    service = Service(lost, (200, {"Item": KEY}))
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.paths == "FS"


def test_an_answer_that_does_not_come_in_time_is_not_waited_for_twice() -> None:
    service = Service(ReadTimeoutError(endpoint_url=HOST))
    with pytest.raises(ReadTimeoutError):
        service.client.get_item(TableName="table", Key=KEY)
    assert service.paths == "F"


def test_an_answer_that_is_damaged_is_asked_for_again() -> None:
    service = Service((200, {"Item": {**KEY, "damaged": {"BOOL": True}}}), (200, {"Item": KEY}))
    service.headers = {"x-amz-crc32": "1"}
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.paths == "FS"
    service.headers = {"x-amz-crc32": str(crc32(json.dumps({"Item": KEY}).encode()))}
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.paths == "FSF"


def test_keys_that_were_renewed_are_used_at_the_next_request() -> None:
    service = Service((200, {"Item": KEY}))
    for key, token in (("one", None), ("two", "token of two")):
        service.client._request_signer._credentials = Credentials(key, f"secret of {key}", token)
        service.client.get_item(TableName="table", Key=KEY)
    first, second = (request.headers for request in service.requests)
    assert "Credential=one/" in first["Authorization"]
    assert "x-amz-security-token" not in first
    assert "Credential=two/" in second["Authorization"]
    assert "x-amz-security-token" in second["Authorization"]
    assert second["x-amz-security-token"] == "token of two"


def test_the_trace_of_an_invocation_goes_along() -> None:
    service = Service((200, {"Item": KEY}))
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    with patch.dict(os.environ, {"AWS_LAMBDA_FUNCTION_NAME": "signal_fanout", "_X_AMZN_TRACE_ID": trace}):
        service.client.get_item(TableName="table", Key=KEY)
    sent = service.requests[0].headers
    assert sent["X-Amzn-Trace-Id"] == trace
    assert "trace" not in sent["Authorization"], "a proxy may change it"


def test_a_request_is_a_part_of_the_trace_of_its_message(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service((200, {"Item": KEY}))
    with listening(monkeypatch) as daemon:
        with working_on("order_executor", HEADER):
            service.client.get_item(TableName="table", Key=KEY)
        (segment,) = daemon.documents()
    (part,) = segment["subsegments"]
    assert (part["name"], part["namespace"], part["aws"]) == ("DynamoDB", "aws", {"operation": "GetItem"})


class Queue(Service):
    """The same in the place of SQS, with the product's own queue of orders."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers, name="sqs", operations=frozenset({"SendMessageBatch"}))
        self.send = SqsTradeQueue(self.client, "https://sqs.eu-central-1.amazonaws.com/1/trade.fifo").send_orders


def test_messages_are_sent_as_the_sdk_sends_them() -> None:
    fast, slow = Queue((200, {"Successful": []})), Queue((200, {"Successful": []}))
    slow.client._make_api_call = slow.client._make_api_call._sdk_call
    for queue in (fast, slow):
        queue.send([a_trade_order()])
    assert (fast.paths, slow.paths) == ("F", "S")
    mine, theirs = fast.requests[0], slow.requests[0]
    assert mine.url == theirs.url
    assert json.loads(mine.body) == json.loads(theirs.body)
    for name in ("X-Amz-Target", "Content-Type"):
        assert mine.headers[name] == as_text(theirs.headers[name])


def test_messages_that_were_not_taken_are_told() -> None:
    queue = Queue((200, {"Successful": [], "Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]}))
    with pytest.raises(RetryLater, match="1 of 1 messages"):
        queue.send([a_trade_order()])


def test_a_queue_that_is_throttled_is_asked_again_by_the_sdk() -> None:
    queue = Queue((400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}), (200, {"Successful": []}))
    queue.send([a_trade_order()])
    assert queue.paths == "FS"


def test_a_queue_that_does_not_answer_is_left_to_the_message_that_comes_again() -> None:
    queue = Queue(ReadTimeoutError(endpoint_url=HOST))
    with pytest.raises(RetryLater, match="QUEUE_UNAVAILABLE"):
        queue.send([a_trade_order()])
    assert queue.paths == "F"


def as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_other_operations_are_made_by_the_sdk() -> None:
    service = Service((200, {}))
    service.client.update_item(TableName="table", Key=KEY)
    assert service.paths == "S"


def test_what_has_no_place_in_a_request_is_a_mistake_of_ours() -> None:
    service = Service((200, {}))
    with pytest.raises(TypeError):
        service.client.put_item(TableName="table", Item={**KEY, "n": {"N": object()}})


def test_requests_go_over_one_connection_that_is_kept_alive() -> None:
    connections: list[Any] = []

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connections.append(self.client_address)
            super().setup()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"Item": {**KEY, "asked": {"S": self.headers["X-Amz-Target"]}}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        client: Any = boto3.client(
            "dynamodb",
            region_name="eu-central-1",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        FastPath.open(client, FREQUENT)
        for _ in range(3):
            assert client.get_item(TableName="table", Key=KEY)["Item"]["asked"]["S"] == f"{PROTOCOL}GetItem"
        client.close()
        server.shutdown()
    assert len(connections) == 1
