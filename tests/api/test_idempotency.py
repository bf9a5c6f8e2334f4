"""`Idempotency-Key` on every act: a repeat gets the first answer and does nothing; no item ever holds a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from candlecast.domain.people.kept_request import KEPT_FOR, MAX_ANSWER_CHARACTERS, UNDER_WAY_FOR, KeptRequest
from candlecast.runtime.compose import api
from tests.api.conftest import EXTERNAL, Deployment, giving
from tests.api.examples import MINE, NOT_FOR_TENANTS, address, prepared, uploaded
from tests.support.builders import ACCOUNT, NOW, TENANT
from tests.support.gateway import Answer, Client
from tests.support.routes import Operation, body_examples, document, operations

ACTS = [it for it in operations() if it.method == "POST"]
OWN = {"ask_backtest", "close_position", "create_account", "create_subscription"}  # ids of their things follow from the key
ASK = {"validate_order"}
SHOWN_ONCE = {"create_live_ticket", "rotate_source_secret"}
KEPT = [it for it in ACTS if it.operation_id not in OWN | ASK]
PAUSE, RELEASE = f"/v1/accounts/{ACCOUNT}/disable", f"/v1/strategies/{MINE}/release"
SECRET, TICKETS = f"/v1/strategies/{EXTERNAL}/source/secret", "/v1/live/tickets"
TICKET = {"topics": ["orders"]}
VERSION = {"parameters": {"period": 30}}
VERSIONS = f"/v1/strategies/{MINE}/versions"


def sender(operation: Operation) -> tuple[Deployment, Callable[[str], Answer]]:
    """Sends the operation's example with a key, as a tenant or as an operator where a tenant may not."""
    body = next(iter(body_examples(operation.description, document()["components"]["schemas"])), None)
    for is_admin in (False, True):
        deployment = prepared(operation, body)
        if operation.operation_id == "approve_act":
            body = {"digest": deployment.approvals.find_approval("approval-1").digest}
        client = deployment.admin if is_admin else deployment.client
        url, query = address(operation)
        if client.send("POST", url, body, query=query).status not in NOT_FOR_TENANTS:
            break
    deployment = prepared(operation, body)
    client = deployment.admin if is_admin else deployment.client
    return deployment, lambda key: client.send("POST", url, body, query=query, headers={"idempotency-key": key})


def state(deployment: Deployment) -> str:
    """Everything that an act may have changed."""
    queues = ("trade_queue", "looks", "parity_queue", "signal_queue", "dead_letters")
    parts = (getattr(deployment, name) for name in ("database", "approvals", "live", "vault", "gate", *queues))
    return repr([getattr(part, "__dict__", part) for part in parts])


def test_every_act_takes_a_key() -> None:
    with_key = {
        it.operation_id
        for it in operations()
        if any(parameter["name"] == "idempotency-key" for parameter in it.description.get("parameters", ()))
    }
    assert with_key == {it.operation_id for it in ACTS} - ASK


@pytest.mark.parametrize("operation", KEPT, ids=lambda it: it.operation_id)
def test_a_repeat_gets_the_first_answer_and_does_nothing(operation: Operation) -> None:
    deployment, send = sender(operation)
    first = send("key-1")
    assert 200 <= first.status < 300, first.text
    assert "idempotency-replayed" not in first.headers
    before = state(deployment)
    again = send("key-1")
    [kept] = deployment.kept_requests.requests.values()
    if operation.operation_id in SHOWN_ONCE:
        assert (again.status, again.code) == (409, "ANSWER_NOT_KEPT")
        assert kept.answer is not None
        assert kept.answer.text is None
    else:
        assert (again.status, again.text, again.headers["idempotency-replayed"]) == (first.status, first.text, "true")
    assert state(deployment) == before


def test_no_item_holds_a_secret_that_an_answer_shows(deployment: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    external = {"kind": "EXTERNAL", "strategy_id": "new-1", "name": "n", "venue": "paper"}
    shown = [
        deployment.admin.send("POST", SECRET, headers=key).json["secret"],
        deployment.admin.send("POST", "/v1/strategies", external, headers=key).json["source"]["secret"],
        deployment.client.send("POST", TICKETS, TICKET, headers=key).json["url"].rpartition("=")[2],
    ]
    kept = repr(deployment.kept_requests.requests)
    assert len(deployment.kept_requests.requests) == 3
    assert [secret for secret in shown if len(secret) < 16 or secret in kept] == []
    for client, path, body in (
        (deployment.admin, SECRET, None),
        (deployment.admin, "/v1/strategies", external),
        (deployment.client, TICKETS, TICKET),
    ):
        assert client.send("POST", path, body, headers=key).code == "ANSWER_NOT_KEPT"
    assert len(deployment.live.tickets) == 1


def test_a_new_key_makes_another_secret(deployment: Deployment) -> None:
    secrets = {
        deployment.admin.send("POST", SECRET, headers={"idempotency-key": key}).json["secret"] for key in ("key-1", "key-2")
    }
    assert len(secrets) == 2


@pytest.mark.parametrize(
    ("path", "body", "query"),
    [(RELEASE, {"version": 2, "share_percent": 30}, {}), (RELEASE, {"version": 2, "share_percent": 20}, {"link_key": "x"})],
    ids=["another body", "another query"],
)
def test_a_key_is_for_one_request(deployment: Deployment, path: str, body: Any, query: dict[str, str]) -> None:
    uploaded()(deployment)
    key = {"idempotency-key": "key-1"}
    assert deployment.client.send("POST", RELEASE, {"version": 2, "share_percent": 20}, headers=key).status == 200
    other = deployment.client.send("POST", path, body, query=query, headers=key)
    assert (other.status, other.code in ("IDEMPOTENCY_KEY_REUSED", "INVALID_REQUEST")) == (422, True)


def test_a_key_is_not_for_the_same_act_on_another_thing(populated: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
    other = populated.client.send("POST", "/v1/accounts/account-2/disable", headers=key)
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert populated.client.send("POST", f"/v1/accounts/{ACCOUNT}/enable", headers=key).status == 200


def test_an_answer_to_an_operator_is_none_to_an_operator_no_more(deployment: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    uploaded()(deployment)
    assert deployment.admin.send("POST", f"/v1/strategies/{MINE}/retire", headers=key).status == 200
    dismissed = Client(deployment.providers, tenant="admin-1").send("POST", f"/v1/strategies/{MINE}/retire", headers=key)
    assert dismissed.code == "IDEMPOTENCY_KEY_REUSED"


def test_tenants_share_no_keys(populated: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
    foreign = populated.stranger.send("POST", PAUSE, headers=key)
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")


def test_a_refused_request_may_be_repeated_with_its_key(deployment: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    assert deployment.client.send("POST", VERSIONS, VERSION, headers=key).status == 404
    assert deployment.client.send("POST", VERSIONS, {"parameters": 1}, headers=key).code == "INVALID_REQUEST"
    assert deployment.kept_requests.requests == {}
    uploaded()(deployment)
    made = deployment.client.send("POST", VERSIONS, VERSION, headers=key)
    assert (made.status, made.json["version"]["number"]) == (201, 3)
    assert deployment.client.send("POST", VERSIONS, VERSION, headers=key).json["version"]["number"] == 3
    assert deployment.database.strategies[MINE].latest_version == 3


def under_way(deployment: Deployment, *, dead: bool = False) -> dict[str, str]:
    """A first request that was begun and did not end: its key."""
    key = {"idempotency-key": "key-1"}
    assert deployment.client.send("POST", PAUSE, headers=key).status == 200
    [(place, known)] = deployment.kept_requests.requests.items()
    begun_at = NOW - UNDER_WAY_FOR if dead else NOW
    deployment.kept_requests.requests[place] = KeptRequest(asked_for=known.asked_for, attempt="first", begun_at=begun_at)
    return key


def test_a_repeat_of_a_request_under_way_is_asked_to_wait(populated: Deployment) -> None:
    answer = populated.client.send("POST", PAUSE, headers=under_way(populated))
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (409, "REQUEST_IN_PROGRESS", "2")


def test_a_request_whose_run_has_died_is_done_by_its_repeat(populated: Deployment) -> None:
    answer = populated.client.send("POST", PAUSE, headers=under_way(populated, dead=True))
    assert (answer.status, "idempotency-replayed" in answer.headers) == (200, False)


def test_a_key_is_free_after_a_day(populated: Deployment) -> None:
    key = {"idempotency-key": "key-1"}
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
    populated.clock.advance(KEPT_FOR.total_seconds())
    assert populated.client.send("POST", "/v1/accounts/account-2/disable", headers=key).code == "NOT_FOUND"


def test_without_a_key_nothing_is_kept(populated: Deployment) -> None:
    for _ in range(2):
        assert populated.client.post(PAUSE).status == 200
    assert populated.kept_requests.requests == {}


def test_an_act_is_not_done_if_its_key_cannot_be_kept(populated: Deployment) -> None:
    populated.kept_requests.unavailable = {"begin_request"}
    answer = populated.client.send("POST", PAUSE, headers={"idempotency-key": "key-1"})
    assert (answer.status, answer.code) == (503, "STORE_UNAVAILABLE")
    assert populated.accounts.load(TENANT, ACCOUNT).status == "ACTIVE"


@pytest.mark.parametrize("method", ["end_request", "forget_request"])
def test_a_store_that_fails_afterwards_changes_no_answer(populated: Deployment, method: str) -> None:
    populated.kept_requests.unavailable = {method}
    key = {"idempotency-key": "key-1"}
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
    assert populated.client.send("POST", "/v1/accounts/account-2/disable", headers={"idempotency-key": "key-2"}).status == 404


def test_an_answer_that_is_too_long_is_not_kept(populated: Deployment) -> None:
    account = populated.accounts.load(TENANT, ACCOUNT)
    populated.accounts.save(type(account)(**{**vars(account), "label": "x" * MAX_ANSWER_CHARACTERS}))
    key = {"idempotency-key": "key-1"}
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
    assert populated.client.send("POST", PAUSE, headers=key).code == "ANSWER_NOT_KEPT"


def test_a_fault_of_ours_frees_the_key(populated: Deployment) -> None:
    class Broken:
        def load(self, *_: object) -> object:
            raise ZeroDivisionError

    key = {"idempotency-key": "key-1"}
    client = Client({**populated.providers, api.accounts: giving(Broken())})
    assert client.send("POST", PAUSE, headers=key).status == 500
    assert populated.client.send("POST", PAUSE, headers=key).status == 200
