"""The short way of hot requests: signed as the SDK signs, answered as the SDK answers, and given up for the SDK's own way."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from candlecast.adapters.dynamodb.short_way import CONTENT_TYPE, PROTOCOL, ShortWay, Signature
from tests.fakes.http_body import HttpBody

HOST = "dynamodb.eu-central-1.amazonaws.com"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY: dict[str, Any] = {"PK": {"S": "a"}, "SK": {"S": "STATE"}}
REFUSED = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}
THROTTLED = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "slow down"}


@given(body=st.binary(max_size=200), token=st.one_of(st.none(), st.text("abc/+=", min_size=1)), secret=st.text("xyz", min_size=1))
def test_a_request_is_signed_as_the_sdk_signs_it(body: bytes, token: str | None, secret: str) -> None:
    credentials = Credentials("AKIDEXAMPLE", secret, token)
    headers = Signature(HOST, "eu-central-1").headers("PutItem", body, credentials.get_frozen_credentials(), NOW)
    sent = {"content-type": CONTENT_TYPE, "x-amz-target": f"{PROTOCOL}PutItem"}
    oracle = AWSRequest("POST", f"https://{HOST}/", headers=sent, data=body)
    with patch("botocore.auth.get_current_datetime", return_value=NOW):
        SigV4Auth(credentials, "dynamodb", "eu-central-1").add_auth(oracle)
    assert headers["Authorization"] == oracle.headers["Authorization"]
    assert headers["x-amz-date"] == oracle.headers["X-Amz-Date"]


def test_another_key_or_day_makes_another_signature() -> None:
    signature = Signature(HOST, "eu-central-1")

    def authorization(secret: str, now: datetime) -> str:
        return signature.headers("GetItem", b"{}", Credentials("A", secret).get_frozen_credentials(), now)["Authorization"]

    assert authorization("one", NOW) == authorization("one", NOW)
    assert len({authorization("one", NOW), authorization("two", NOW), authorization("one", NOW.replace(day=22))}) == 3


class Service:
    """Stands behind a client: answers in turn, the last one for ever; an exception is raised. `requests` keeps what came."""

    def __init__(self, *answers: tuple[int, dict[str, Any]] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []
        self.client: Any
        with patch.dict(os.environ, {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}):
            self.client = boto3.client("dynamodb", region_name="eu-central-1")
        self.client.meta.events.register("before-send.dynamodb", self._answer)
        ShortWay.open(self.client)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        headers = HTTPHeaders.from_dict({"content-type": CONTENT_TYPE})
        return AWSResponse(request.url, status, headers, HttpBody(json.dumps(content).encode()))

    @property
    def ways(self) -> str:
        """S for a request that came the short way, L for one of the SDK's own."""
        return "".join("S" if "accept-encoding" in request.headers else "L" for request in self.requests)


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
    assert service.ways == "SSS"


def test_a_condition_that_does_not_hold_is_told_as_the_sdk_tells_it_and_not_tried_again() -> None:
    service = Service((400, REFUSED))
    with pytest.raises(service.client.exceptions.ConditionalCheckFailedException) as refused:
        service.client.put_item(TableName="table", Item=KEY)
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert service.ways == "S"


def test_every_other_error_is_the_sdks_to_try_again_and_to_tell() -> None:
    service = Service((400, THROTTLED), (200, {"Item": KEY}))
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.ways == "SL"
    service = Service((400, {"__type": "com.amazon.coral.validate#ValidationException", "message": "no"}))
    with pytest.raises(ClientError) as told:
        service.client.get_item(TableName="table", Key=KEY)
    assert told.value.response["Error"]["Code"] == "ValidationException"


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    service = Service(ConnectionClosedError(endpoint_url=HOST), (200, {"Item": KEY}))
    assert service.client.get_item(TableName="table", Key=KEY)["Item"] == KEY
    assert service.ways == "SL"


def test_an_answer_that_does_not_come_in_time_is_not_waited_for_twice() -> None:
    service = Service(ReadTimeoutError(endpoint_url=HOST))
    with pytest.raises(ReadTimeoutError):
        service.client.get_item(TableName="table", Key=KEY)
    assert service.ways == "S"


def test_other_operations_go_the_sdks_own_way() -> None:
    service = Service((200, {"Items": [], "Count": 0}))
    service.client.query(TableName="table", KeyConditionExpression="PK = :a", ExpressionAttributeValues={":a": {"S": "a"}})
    assert service.ways == "L"


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
        ShortWay.open(client)
        for _ in range(3):
            assert client.get_item(TableName="table", Key=KEY)["Item"]["asked"]["S"] == f"{PROTOCOL}GetItem"
        client.close()
        server.shutdown()
    assert len(connections) == 1
