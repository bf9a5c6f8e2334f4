"""The Lambda handler: from the gateway's event to the gateway's answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from io import StringIO

import pytest

from candlecast.runtime.compose import api
from candlecast.runtime.observe import logger
from functions.api import handler
from tests.api.conftest import Deployment
from tests.support.gateway import CONTEXT, REQUEST_ID, http_event, provide, the_app


@pytest.fixture
def deployed(populated: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """The handler in a fresh environment whose composition root makes fakes."""
    monkeypatch.setattr(api, "build", lambda: None)
    provide(the_app(), populated.providers)
    before = asyncio.get_event_loop()
    handler._adapter.cache_clear()
    yield populated
    handler._adapter.cache_clear()
    made = asyncio.get_event_loop()
    if made is not before:
        made.close()
        asyncio.set_event_loop(before)


def test_a_request_is_answered_as_the_gateway_wants_it(deployed: Deployment) -> None:
    event = http_event("GET", "/v1/accounts", claims={"sub": "tenant-1"})
    answer = handler.handle(event, CONTEXT)  # type: ignore[arg-type]
    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] is False
    assert answer["headers"]["content-type"] == "application/json"
    assert [account["account_id"] for account in json.loads(answer["body"])["items"]] == ["account-1"]


def test_a_problem_is_text_too(deployed: Deployment) -> None:
    answer = handler.handle(http_event("GET", "/v1/accounts", claims=None), CONTEXT)  # type: ignore[arg-type]
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (401, False)
    assert json.loads(answer["body"])["code"] == "UNAUTHENTICATED"


def test_the_application_is_made_once_for_many_requests(deployed: Deployment) -> None:
    for _ in range(3):
        handler.handle(http_event("GET", "/health", claims=None), CONTEXT)  # type: ignore[arg-type]
    assert handler._adapter.cache_info().misses == 1
    assert deployed.health.reads == 1


def test_faults_are_logged_with_the_requests_id(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    monkeypatch.setattr(deployed.history, "list_trades", None)
    answer = handler.handle(http_event("GET", "/v1/trades", claims={"sub": "tenant-1"}), CONTEXT)  # type: ignore[arg-type]
    assert answer["statusCode"] == 500
    record = json.loads(stream.getvalue().splitlines()[-1])
    assert (record["error_type"], record["correlation_id"]) == ("TypeError", REQUEST_ID)
    assert (record["function_request_id"], record["level"]) == ("invocation-1", "ERROR")
