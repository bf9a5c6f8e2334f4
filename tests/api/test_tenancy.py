"""Nobody reaches what is not theirs (invariant 8), on any route, and nobody without a token reaches anything."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from candlecast.domain.values.ids import SYNTHETIC_TENANT
from tests.api.conftest import EXTERNAL, ORDER, Deployment
from tests.support.builders import ACCOUNT, STRATEGY, SUBSCRIPTION, TENANT, a_signal, an_account
from tests.support.fakes.backtests import BACKTEST
from tests.support.gateway import Client, http_event, provide, the_app
from tests.support.routes import Operation, body_examples, document, operations

OPERATIONS = operations()
SCHEMAS = document()["components"]["schemas"]
REQUESTS_AT_ONCE = 40  # of each tenant: as many as the threads that routes run in
OWNED = {"subscription_id": SUBSCRIPTION, "account_id": ACCOUNT, "order_id": ORDER, "backtest_id": BACKTEST}
PUBLIC = {"strategy_id": EXTERNAL}
OF_ONE_TENANT = [it for it in OPERATIONS if any(f"{{{name}}}" in it.path for name in OWNED)]
ADMINS_ONLY = {"list_approvals", "list_quarantined_signals"}
LISTINGS = [
    it
    for it in OPERATIONS
    if it.operation_id.startswith("list_") and "{" not in it.path and it.is_secured and it.operation_id not in ADMINS_ONLY
]


def request(operation: Operation, client: Client, ids: dict[str, str], body: Any = None) -> tuple[int, str]:
    answer = client.send(operation.method, operation.url(**ids), body if body is not None else example(operation))
    return answer.status, answer.text


def example(operation: Operation) -> Any:
    return next(iter(body_examples(operation.description, SCHEMAS)), None)


def test_the_walk_covers_every_kind_of_thing() -> None:
    assert {it.operation_id for it in OF_ONE_TENANT} == {
        "get_subscription",
        "update_subscription",
        "pause_subscription",
        "resume_subscription",
        "cancel_subscription",
        "get_account_equity",
        "get_subscription_equity",
        "get_subscription_statistics",
        "get_effective_limits",
        "get_usage",
        "get_account",
        "put_credentials",
        "delete_credentials",
        "disable_account",
        "enable_account",
        "get_order",
        "get_order_receipt",
        "explain_order",
        "put_account_limits",
        "put_position_mode",
        "pin_version",
        "get_backtest",
        "cancel_backtest",
        "cancel_order",
        "rename_account",
        "retire_account",
        "get_backtest_results",
    }


@pytest.mark.parametrize("operation", OF_ONE_TENANT, ids=lambda it: it.operation_id)
def test_a_foreign_id_answers_exactly_as_an_unknown_one(populated: Deployment, operation: Operation) -> None:
    before = copy.deepcopy(populated.database)
    foreign = request(operation, populated.stranger, OWNED)
    unknown = request(operation, populated.stranger, dict.fromkeys(OWNED, "unknown-1"))
    malformed = request(operation, populated.stranger, dict.fromkeys(OWNED, "no such id#"))
    assert foreign[0] == 404
    assert foreign == unknown == malformed
    assert populated.database == before
    assert populated.trade_queue.sent == []


@pytest.mark.parametrize("operation", OF_ONE_TENANT, ids=lambda it: it.operation_id)
def test_the_owners_id_is_found_on_the_same_route(populated: Deployment, operation: Operation) -> None:
    found = 409 if operation.operation_id in ("cancel_order", "retire_account") else 200  # it has ended; somebody trades on it
    assert request(operation, populated.client, OWNED)[0] == found


@pytest.mark.parametrize(
    ("operation", "name"),
    [(it, name) for it in OPERATIONS for name in it.query_ids if name in OWNED],
    ids=lambda it: it.operation_id if isinstance(it, Operation) else it,
)
def test_a_foreign_id_in_a_filter_answers_404(populated: Deployment, operation: Operation, name: str) -> None:
    assert populated.client.get(operation.path, **{name: OWNED[name]}).status == 200
    for value in (OWNED[name], "unknown-1", "no such id#"):
        answer = populated.stranger.get(operation.path, **{name: value})
        assert (answer.status, answer.code) == (404, "NOT_FOUND")


SHARED = {"strategy_id": STRATEGY, "signal_id": a_signal().signal_id}  # they belong to nobody, so everybody may ask


@pytest.mark.parametrize(
    ("operation", "name"),
    [(it, name) for it in OPERATIONS for name in it.query_ids if name not in OWNED],
    ids=lambda it: it.operation_id if isinstance(it, Operation) else it,
)
def test_a_filter_by_what_many_use_shows_nothing_of_others(populated: Deployment, operation: Operation, name: str) -> None:
    assert populated.client.get(operation.path, **{name: SHARED[name]}).status == 200
    for value in (SHARED[name], "unknown-1"):
        answer = populated.stranger.get(operation.path, **{name: value})
        assert (answer.status, answer.json["items"]) == (200, [])
    assert populated.stranger.get(operation.path, **{name: "no such id#"}).code == "NOT_FOUND"


def test_a_foreign_account_cannot_be_subscribed_with(populated: Deployment) -> None:
    body = {"strategy_id": STRATEGY, "account_id": ACCOUNT, "settings": {"capital": "1000"}}
    answer = populated.stranger.post("/v1/subscriptions", body)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert list(populated.database.subscriptions) == [(TENANT, SUBSCRIPTION)]


@pytest.mark.parametrize("operation", LISTINGS, ids=lambda it: it.operation_id)
def test_listings_show_a_stranger_nothing_of_a_tenant(populated: Deployment, operation: Operation) -> None:
    text = populated.stranger.get(operation.path).text
    assert not [value for value in (*OWNED.values(), TENANT) if value in text]
    if operation.operation_id not in ("list_strategies", "list_limits"):
        assert populated.stranger.get(operation.path).json["items"] == []
        assert populated.client.get(operation.path).json["items"] != []


def test_runs_and_signals_of_strategies_name_no_tenant(populated: Deployment) -> None:
    for listing in ("executions", "signals"):
        text = populated.admin.get(f"/v1/strategies/{STRATEGY}/{listing}").text
        assert not [value for value in (*OWNED.values(), TENANT) if value in text]


def test_a_cursor_of_another_tenant_is_refused(populated: Deployment) -> None:
    cursor = populated.client.get("/v1/orders", limit="1").json["next_cursor"]
    assert populated.stranger.get("/v1/orders", cursor=cursor).code == "CURSOR_INVALID"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation_id)
def test_nobody_without_verified_claims_gets_in(populated: Deployment, operation: Operation) -> None:
    before = copy.deepcopy(populated.database)
    nobody = Client(populated.providers, tenant=None)
    answer = nobody.send(operation.method, operation.url(**OWNED, **PUBLIC), example(operation))
    if operation.operation_id == "get_health":
        assert answer.status == 200
        return
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert populated.database == before


def test_a_token_in_a_header_proves_nothing_by_itself(populated: Deployment) -> None:
    nobody = Client(populated.providers, tenant=None)
    answer = nobody.send("GET", "/v1/accounts", headers={"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZW5hbnQtMSJ9."})
    assert answer.status == 401


@pytest.mark.parametrize("tenant", ["", "a#b", "a b", "x" * 129, "tenant-1\n"])
def test_a_subject_that_could_not_be_a_key_is_refused(populated: Deployment, tenant: str) -> None:
    assert Client(populated.providers, tenant=tenant).get("/v1/accounts").status == 401


def test_no_token_speaks_for_the_tenant_of_synthetic_runs(populated: Deployment) -> None:
    """A person whose issuer lets them choose the claim could open a live account there, and so end every deployment's trial."""
    assert Client(populated.providers, tenant=SYNTHETIC_TENANT).get("/v1/accounts").status == 401


# A strategy without code has none; test_strategy_versions.py and test_why.py find them.
OF_VERSIONS = (
    "add_version",
    "ask_strategy_parity",
    "explain_run",
    "get_version",
    "get_version_code",
    "release_version",
    "roll_back_version",
)


@pytest.mark.parametrize("operation", [it for it in OPERATIONS if "{strategy_id}" in it.path], ids=lambda it: it.operation_id)
def test_an_unknown_strategy_answers_404(populated: Deployment, operation: Operation) -> None:
    body: Any = {} if operation.method in ("PUT", "PATCH") else None
    if operation.operation_id in OF_VERSIONS:
        body = example(operation)
    else:
        assert populated.admin.send(operation.method, operation.url(strategy_id=EXTERNAL), body).status < 300
    answers = [populated.admin.send(operation.method, operation.url(strategy_id=it), body) for it in ("unknown-1", "no such id#")]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].text == answers[1].text


TRICKS = (
    "/docs/../v1/accounts",
    "/docs/v1/accounts",
    "/docs;/v1/accounts",
    "/docs%2f..%2fv1%2faccounts",
    "/docs/",
    "/DOCS/../v1/accounts",
    "/openapi.json/../v1/accounts",
    "/openapi.json/v1/accounts",
    "/health/../v1/accounts",
    "//v1/accounts",
    "/v1/accounts",
    "/v1/accounts/",
    "/v1/./accounts",
    "/v1%2Faccounts",
    "/%76%31/accounts",
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("path", TRICKS)
def test_an_open_door_leads_nowhere_else(populated: Deployment, path: str, method: str) -> None:
    """However the gateway may read a path: without claims it reaches no route but those that are open."""
    answer = Client(populated.providers, tenant=None).send(method, path)
    assert answer.status in (401, 404, 405)
    assert ACCOUNT not in answer.text


def test_requests_of_two_tenants_at_once_each_see_their_own(populated: Deployment) -> None:
    """An environment of Lambda serves one request at a time; nothing that is kept between two may depend on that."""
    populated.accounts.create(an_account(tenant_id="tenant-2", account_id="account-of-2", subscriptions={}))
    callers = {TENANT: ACCOUNT, "tenant-2": "account-of-2"}
    app = the_app()
    provide(app, populated.providers)

    async def accounts(tenant: str) -> tuple[str, list[str]]:
        event = http_event("GET", "/v1/accounts", claims={"sub": tenant})
        transport = httpx.ASGITransport(app=WithEvent(app, event))
        async with httpx.AsyncClient(transport=transport, base_url="http://api.example.test") as client:
            listed = (await client.get("/v1/accounts")).json()["items"]
        return tenant, [it["account_id"] for it in listed]

    async def crowd() -> list[tuple[str, list[str]]]:
        return await asyncio.gather(*(accounts(tenant) for _ in range(REQUESTS_AT_ONCE) for tenant in callers))

    seen = asyncio.get_event_loop().run_until_complete(crowd())
    assert len(seen) == REQUESTS_AT_ONCE * len(callers)
    assert all(found == [callers[tenant]] for tenant, found in seen)


def test_requests_of_two_tenants_in_turn_each_see_their_own(populated: Deployment) -> None:
    second = "account-of-2"
    populated.accounts.create(an_account(tenant_id="tenant-2", account_id=second, subscriptions={}))
    nobody = Client(populated.providers, tenant=None)
    for _ in range(3):
        for client, own, foreign in ((populated.client, ACCOUNT, second), (populated.stranger, second, ACCOUNT)):
            assert [it["account_id"] for it in client.get("/v1/accounts").json["items"]] == [own]
            assert client.get(f"/v1/accounts/{foreign}").status == 404
            assert nobody.get("/v1/accounts").status == 401
        assert populated.admin.get("/v1/kill-switches").status == 200
        assert populated.stranger.get("/v1/kill-switches").json["items"] == []
        assert populated.stranger.get("/v1/dead-letters/trade").status == 403


class WithEvent:
    """The application as Mangum calls it: with the gateway's event in the scope."""

    def __init__(self, app: ASGIApp, event: dict[str, Any]) -> None:
        self._app = app
        self._event = event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "aws.event": self._event}, receive, send)
