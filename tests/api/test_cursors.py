"""Cursors are good for the query and the tenant that they came from, as long as nobody has changed them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.adapters.paging import encode_cursor
from functions.api.paging import MAX_CURSOR_CHARACTERS
from tests.api.conftest import Deployment
from tests.support.builders import NOW, SUBSCRIPTION, a_strategy, an_intent
from tests.support.gateway import Answer


@pytest.fixture
def many(populated: Deployment) -> Deployment:
    """More orders and strategies than a page has."""
    for number in range(5):
        intent = an_intent(signal_id=f"signal-{number + 10}", created_at=NOW + timedelta(seconds=number), quantity=Decimal(1))
        populated.history.put_order(intent, 1)
        populated.strategies.create_strategy(a_strategy(f"more-{number}"))
    return populated


def refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (422, "CURSOR_INVALID")


def first_cursor(deployment: Deployment, path: str = "/v1/orders", **query: str) -> str:
    return str(deployment.client.get(path, limit="1", **query).json["next_cursor"])


def test_pages_follow_one_another_until_the_last(many: Deployment) -> None:
    seen: list[str] = []
    query = {"limit": "2"}
    for _ in range(10):
        page = many.client.get("/v1/orders", **query).json
        seen += [it["order_id"] for it in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) == len(many.client.get("/v1/orders").json["items"])


def test_the_size_of_a_page_may_change_on_the_way(many: Deployment) -> None:
    assert many.client.get("/v1/orders", cursor=first_cursor(many), limit="3").status == 200


def test_a_cursor_is_refused_to_another_tenant(many: Deployment) -> None:
    cursor = first_cursor(many, "/v1/strategies")
    assert many.client.get("/v1/strategies", cursor=cursor).status == 200
    assert refused(many.stranger.get("/v1/strategies", cursor=cursor))


def test_a_cursor_is_refused_for_another_query(many: Deployment) -> None:
    cursor = first_cursor(many)
    assert refused(many.client.get("/v1/trades", cursor=cursor))
    assert refused(many.client.get("/v1/strategies", cursor=cursor))
    assert refused(many.client.get("/v1/orders", cursor=cursor, state="FILLED"))
    filtered = first_cursor(many, subscription_id=SUBSCRIPTION)
    assert many.client.get("/v1/orders", cursor=filtered, subscription_id=SUBSCRIPTION).status == 200
    assert refused(many.client.get("/v1/orders", cursor=filtered))


def test_the_stores_own_cursor_is_refused(many: Deployment) -> None:
    inner = first_cursor(many).rsplit(".", 1)[1]
    assert json.loads(base64.urlsafe_b64decode(inner + "=="))
    assert refused(many.client.get("/v1/orders", cursor=inner))
    assert refused(many.client.get("/v1/orders", cursor=encode_cursor("TENANT#tenant-2#ORDERS", {"offset": "0"})))


def test_a_changed_cursor_is_refused(many: Deployment) -> None:
    cursor = first_cursor(many)
    version, signature, inner = cursor.split(".")
    other = encode_cursor("orders", {"offset": "0"})
    changed = [
        cursor[:-1],
        cursor + "A",
        f"2.{signature}.{inner}",
        f"{version}..{inner}",
        f"{version}.{signature}.{other}",
        "",
        ".",
        "..",
    ]
    changed += [
        f"{version}.{signature}.",
        f"{version}.{'A' * 43}.{inner}",
        "é" * 10,
        "A" * (MAX_CURSOR_CHARACTERS + 1),
        "1." * 500,
    ]
    changed += [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(0, len(cursor), 7)]
    assert all(refused(many.client.get("/v1/orders", cursor=it)) for it in changed)


def test_a_replaced_key_lets_a_caller_begin_again(many: Deployment) -> None:
    cursor = first_cursor(many)
    many.cursor_key.key = b"another key"
    assert refused(many.client.get("/v1/orders", cursor=cursor))
    assert many.client.get("/v1/orders", cursor=first_cursor(many)).status == 200


def test_the_key_is_read_for_cursors_only(many: Deployment) -> None:
    assert many.client.get("/v1/orders").status == 200
    assert many.client.get("/v1/accounts").status == 200
    assert many.cursor_key.reads == 0
    first_cursor(many)
    assert many.cursor_key.reads == 1


def test_a_cursor_stays_far_below_its_bound(many: Deployment) -> None:
    long = [first_cursor(many), first_cursor(many, "/v1/strategies")]
    assert max(map(len, long)) < MAX_CURSOR_CHARACTERS / 2
