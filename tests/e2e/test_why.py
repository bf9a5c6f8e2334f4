"""A signal from outside is explained to those whom it reached: one was filled, one denied, and a stranger learns nothing."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from infra.local.cloud import Cloud
from tests.support.stage import REQUEST_SECONDS, Desk, follower, open_desk

SMALL = {"max_order_notional": "100"}


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    """The first follower's entries are worth 1,000; so are the second's, whose limit is 100."""
    opened = open_desk(cloud, lambda strategy: [follower(0, strategy), follower(1, strategy, settings=SMALL)])
    with closing(opened) as made:
        yield made


@pytest.fixture(scope="module")
def signal_id(desk: Desk) -> str:
    return desk.signal("buy")


def ask(desk: Desk, path: str, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{desk.cloud.outputs['ApiUrl']}{path}", headers=headers, timeout=REQUEST_SECONDS)


def why(desk: Desk, signal_id: str, number: int) -> dict[str, Any]:
    answer = ask(desk, f"/v1/signals/{signal_id}", desk.people[number].user.token)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_filled_and_a_denied_entry_are_each_explained_to_their_own_tenant(desk: Desk, signal_id: str) -> None:
    """By the API's own role, from the records of intake, fan-out, executor and relay."""
    placed, denied = (why(desk, signal_id, number) for number in (0, 1))
    [filled], [refused] = placed["outcomes"], denied["outcomes"]
    assert (filled["outcome"], [order["state"] for order in filled["orders"]]) == ("PLACED", ["FILLED"])
    assert filled["sentence"].startswith("Placed and filled: ")
    assert (refused["outcome"], refused["reason"]["code"]) == ("DENIED", "MAX_ORDER_NOTIONAL")
    numbers = refused["reason"]
    assert refused["sentence"].startswith("Not placed: the order of ")
    assert f"is above your limit of {numbers['bound']} USDT per order by " in refused["sentence"]
    for answer in (placed, denied):
        chain = answer["chain"]
        assert (chain["received"]["origin"], chain["judged"]["state"]) == ("MESSAGE", "PASSED")
        assert chain["received"]["at"] <= chain["sent"]["published_at"] <= chain["judged"]["at"] <= chain["sent"]["at"]
        assert (chain["received"]["message"], answer["counts"]) == (None, None)
        assert chain["sent"]["sentence"].startswith("Sent to your part of the followers")
    others = {own["subscription_id"] for own in (filled, refused)}
    assert len(others) == 2
    assert refused["subscription_id"] not in str(placed)
    assert filled["subscription_id"] not in str(denied)


def test_an_order_is_explained_by_the_same_chain(desk: Desk, signal_id: str) -> None:
    told = why(desk, signal_id, 1)
    order_id = told["outcomes"][0]["orders"][0]["order_id"]
    own, other = (ask(desk, f"/v1/orders/{order_id}/why", desk.people[number].user.token) for number in (1, 0))
    assert (own.json()["sentence"], own.json()["chain"]) == (told["outcomes"][0]["sentence"], told["chain"])
    receipt = ask(desk, f"/v1/orders/{order_id}/receipt", desk.people[1].user.token).json()
    assert own.json()["receipt_digest"] == receipt["digest"]
    assert (other.status_code, other.json()["code"]) == (404, "NOT_FOUND")


def test_operators_see_the_message_and_counts_and_nobodys_orders(desk: Desk, signal_id: str) -> None:
    operator = desk.platform.as_administrator()
    told = operator.call("GET", f"/v1/signals/{signal_id}")
    message = told["chain"]["received"]["message"]
    assert desk.ticker in message["body"]
    assert desk.source.secret not in str(told)
    counts = told["counts"]
    assert (counts["subscriptions"], counts["sent"], told["outcomes"]) == (2, 2, [])
    assert (counts["placed"], counts["not_placed"]) == (1, {"DENIED": {"MAX_ORDER_NOTIONAL": 1}})
    assert not [person for person in desk.people if person.subscription_id in str(told) or person.user.sub in str(told)]


def test_an_unknown_signal_is_answered_as_a_strangers(desk: Desk, signal_id: str, cloud: Cloud) -> None:
    unknown = ask(desk, "/v1/signals/unknown-1", desk.people[0].user.token)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
