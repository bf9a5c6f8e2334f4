"""Tickets of live connections: for the caller alone, for as long as the caller's token lives."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from candlecast.domain.live.change import MAX_NAMED, TYPE, AccountChange, PositionName, message
from candlecast.domain.live.connection import Topic, ticket_digest
from functions.api.schemas.live import AccountChanged
from tests.api.conftest import Deployment
from tests.support.builders import TENANT, after
from tests.support.gateway import TOKEN_ENDS
from tests.support.routes import document

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


# -- messages ----------------------------------------------------------------------------------------------------------------

HERE = PositionName(subscription_id="subscription-1", market="BTC/USDT:USDT")
CHANGE = AccountChange(
    tenant_id=TENANT, account_id="account-1", before=4, sequence=6, orders=("o-1",), positions=(HERE,), signals=("s-1",)
)
MANY = replace(CHANGE, before=0, orders=tuple(f"o-{number}" for number in range(MAX_NAMED + 1)), positions=(), signals=())


@pytest.mark.parametrize("change", [CHANGE, MANY])
@pytest.mark.parametrize("topics", [tuple(Topic), (Topic.SIGNALS,), (Topic.POSITIONS, Topic.ORDERS)])
def test_a_message_is_as_the_description_has_it(change: AccountChange, topics: tuple[Topic, ...]) -> None:
    sent = message(change, topics)
    assert AccountChanged.model_validate(sent).model_dump(mode="json", by_alias=True) == sent


def test_the_description_has_each_message_and_its_example() -> None:
    described = document()
    messages = described["webhooks"]
    assert set(messages) == {TYPE}
    schema = messages[TYPE]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/AccountChanged"}
    (example,) = described["components"]["schemas"]["AccountChanged"]["examples"]
    assert AccountChanged.model_validate(example).model_dump(mode="json", by_alias=True) == example


def test_the_guide_shows_the_message_of_the_description() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "api.md").read_text(encoding="utf-8")
    (shown,) = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", guide, re.DOTALL) if TYPE in text)
    assert [shown] == document()["components"]["schemas"]["AccountChanged"]["examples"]
