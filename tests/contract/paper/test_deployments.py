"""The same application in its two homes: behind an HTTP API as a function, and alone as a process."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import httpx
import pytest

from functions.paper_exchange import handler
from paper_exchange.settings import PaperExchangeSettings
from tests.support.paper_venue import BTC, PATIENCE_SECONDS, START_MS
from tests.support.processes import free_port

REPOSITORY = Path(__file__).parents[3]
KEY = "operator-key-of-the-function"


def event(
    method: str, path: str, body: bytes = b"", query: str = "", address: str = "127.0.0.1", **headers: str
) -> dict[str, Any]:
    """An HTTP API's event, version 2.0; a body that is no text comes in base64."""
    return {
        "version": "2.0",
        "routeKey": "ANY /{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "paper.example", **headers},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": address}, "stage": "$default"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture
def function(cloud: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The handler with the template's table and secret in the embedded cloud."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    monkeypatch.setenv("PAPER_TABLE_NAME", "paper-function")
    monkeypatch.setenv("OPERATOR_SECRET_ID", "operator-secret")
    keys: Any = [{"AttributeName": name, "KeyType": kind} for name, kind in (("PK", "HASH"), ("SK", "RANGE"))]
    types: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")]
    dynamodb, vault = boto3.client("dynamodb"), boto3.client("secretsmanager")
    dynamodb.create_table(TableName="paper-function", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    vault.create_secret(Name="operator-secret", SecretString=KEY)
    handler.application.cache_clear()
    context: Any = SimpleNamespace(aws_request_id="request")
    yield lambda *arguments, **headers: handler.handle(event(*arguments, **headers), context)
    handler.application.cache_clear()
    asyncio.get_event_loop().close()
    asyncio.set_event_loop(None)
    dynamodb.delete_table(TableName="paper-function")
    vault.delete_secret(SecretId="operator-secret", ForceDeleteWithoutRecovery=True)


@pytest.mark.e2e
def test_the_function_answers_an_http_api(function: Any) -> None:
    operator = {"x-operator-key": KEY}
    rows = [[START_MS + minute * 60_000, "1", "1", "1", "1", "1"] for minute in range(10)]
    assert function("PUT", "/operator/markets", json.dumps({"markets": [BTC]}).encode(), **operator)["statusCode"] == 200
    packed = gzip.compress(json.dumps(rows).encode())
    path = "/operator/markets/BTCUSDT/candles"
    loaded = function("POST", path, packed, "interval=1m", **operator, **{"content-encoding": "gzip"})
    assert json.loads(loaded["body"])["count"] == 10
    function("PUT", "/operator/clock", json.dumps({"now_ms": START_MS + 300_000}).encode(), **operator)
    candles = function("GET", "/fapi/v1/klines", b"", "symbol=BTCUSDT&interval=1m&limit=3")
    assert [row[0] for row in json.loads(candles["body"])] == [START_MS + minute * 60_000 for minute in (3, 4, 5)]
    assert function("GET", "/operator/clock", b"", "", **{"x-operator-key": "wrong"})["statusCode"] == 404
    weights = [
        function("GET", "/fapi/v1/ping", address=address)["headers"] for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2")
    ]
    assert [headers["x-mbx-used-weight-1m"] for headers in weights] == ["1", "2", "1"]


def test_missing_settings_are_named_without_their_values() -> None:
    with pytest.raises(RuntimeError, match="OPERATOR_SECRET_ID") as refused:
        PaperExchangeSettings.read({"PAPER_TABLE_NAME": "a-table"})
    assert "a-table" not in str(refused.value)


def test_it_runs_alone(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "paper_exchange", "--port", str(port)]
    environment = {**os.environ, "PAPER_OPERATOR_KEY": KEY}
    with (
        (tmp_path / "output").open("wb") as output,
        subprocess.Popen(  # noqa: S603 - our own program
            command, cwd=REPOSITORY, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            assert answer_of(process, f"http://127.0.0.1:{port}/fapi/v1/ping").json() == {}
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    assert (tmp_path / "output").read_text() == ""


def test_it_does_not_run_without_an_operators_key() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PAPER_OPERATOR_KEY"}
    command = [sys.executable, "-m", "paper_exchange"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert (ended.returncode, "PAPER_OPERATOR_KEY" in ended.stderr) == (2, True)


def answer_of(process: subprocess.Popen[bytes], url: str) -> httpx.Response:
    """The first answer of a process that is starting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return httpx.get(url)
        except httpx.ConnectError:
            time.sleep(0.05)
    pytest.fail("it does not answer")
