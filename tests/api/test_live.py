"""Tickets of live connections: for the caller alone, for as long as the caller's token lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from candlecast.domain.live.connection import Topic, ticket_digest
from tests.api.conftest import Deployment
from tests.support.builders import TENANT, after
from tests.support.gateway import TOKEN_ENDS

TICKETS = "/v1/live/tickets"


def test_a_ticket_is_for_the_caller_and_ends_with_the_token(deployment: Deployment) -> None:
    answer = deployment.client.post(TICKETS, {"topics": ["orders"]})
    assert answer.status == 201
    (ticket,) = deployment.live.tickets.values()
    assert (ticket.tenant_id, ticket.topics) == (TENANT, (Topic.ORDERS,))
    assert ticket.connection_ends_at == datetime.fromtimestamp(TOKEN_ENDS, UTC)
    assert ticket.expires_at == after(30)
    url = urlsplit(answer.json["url"])
    assert (url.scheme, url.netloc, url.path) == ("wss", "live.example.test", "/live")
    (text,) = parse_qs(url.query)["ticket"]
    assert list(deployment.live.tickets) == [ticket_digest(text)]


def test_a_ticket_is_for_all_topics_unless_some_are_named(deployment: Deployment) -> None:
    assert deployment.client.post(TICKETS, {}).json["topics"] == ["orders", "positions", "signals"]


@pytest.mark.parametrize("topics", [[], ["accounts"], ["orders"] * 4, "orders"])
def test_topics_that_there_are_not_are_refused(deployment: Deployment, topics: object) -> None:
    assert deployment.client.post(TICKETS, {"topics": topics}).status == 422
    assert deployment.live.tickets == {}


@pytest.mark.parametrize("ends", [None, "soon", "-1", "0", "1e9", "9" * 12])
def test_a_token_without_a_readable_end_gets_no_ticket(deployment: Deployment, ends: str | None) -> None:
    client = replace(deployment.client, token_ends=ends)
    assert client.post(TICKETS, {}).status == 401
    assert deployment.live.tickets == {}


def test_nobody_gets_a_ticket_without_a_token(deployment: Deployment) -> None:
    assert replace(deployment.client, tenant=None).post(TICKETS, {}).status == 401
