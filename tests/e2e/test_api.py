"""The API at its real address: open routes are open, and another user's data does not exist."""

import csv
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from candlecast.domain.people.request_rate import READS
from infra.local.cloud import Cloud
from tests.support.stage import REQUEST_SECONDS, follower, open_desk
from tests.support.waiting import until


@dataclass(frozen=True)
class Owned:
    """The first user's data, and the second user's access to them."""

    url: str
    token: str
    owner_token: str
    account_id: str
    subscription_id: str
    order_id: str

    def requests(self) -> list[tuple[str, str, object]]:
        """Every request that names something of the first user's."""
        account, subscription = f"/v1/accounts/{self.account_id}", f"/v1/subscriptions/{self.subscription_id}"
        keys = {"api_key": "k" * 64, "api_secret": "s" * 64}
        return [
            ("GET", account, None),
            ("PUT", f"{account}/credentials", keys),
            ("DELETE", f"{account}/credentials", None),
            ("POST", f"{account}/disable", None),
            ("POST", f"{account}/enable", None),
            ("GET", subscription, None),
            ("PATCH", f"{subscription}/settings", {"leverage": 20}),
            ("POST", f"{subscription}/pause", None),
            ("POST", f"{subscription}/resume", None),
            ("POST", f"{subscription}/cancel", {"close_position": True}),
            ("GET", f"{subscription}/statistics", None),
            ("GET", f"/v1/orders/{self.order_id}", None),
            ("GET", f"/v1/orders?account_id={self.account_id}", None),
            ("GET", f"/v1/orders?subscription_id={self.subscription_id}", None),
            ("GET", f"/v1/trades?subscription_id={self.subscription_id}", None),
        ]

    def ask(self, method: str, path: str, body: object = None, token: str | None = None, **headers: str) -> httpx.Response:
        """The answer; headers are given as names of Python: `if_match`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return httpx.request(method, f"{self.url}{path}", json=body, headers=sent, timeout=REQUEST_SECONDS)


@pytest.fixture(scope="module")
def owned(cloud: Cloud) -> Iterator[Owned]:
    opened = open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(2)])
    with closing(opened) as desk:
        first, second = desk.people
        order = desk.orders(desk.signal("buy"))[first.plan.name][0]
        desk.orders(desk.signal("exit"))  # so that a listing has two pages
        assert first.account_id is not None
        yield Owned(
            url=cloud.outputs["ApiUrl"],
            token=second.user.token,
            owner_token=first.user.token,
            account_id=first.account_id,
            subscription_id=first.subscription_id,
            order_id=order.intent_id,
        )


def test_health_answers_without_a_token_by_the_probes_of_its_schedule(owned: Owned, cloud: Cloud) -> None:
    """With roles enforced. The real venue is out of reach here, so the whole is degraded."""
    cloud.fire_schedule("health", datetime.now(UTC).replace(second=0, microsecond=0))
    answer = until(lambda: owned.ask("GET", "/health"), lambda found: "venue:paper" in found.json()["components"])
    found = answer.json()["components"]
    assert found.keys() == {"table", "queues", "secrets", "event_bus", "token_issuer", "venue:binanceusdm", "venue:paper"}
    assert {name: it["error"] for name, it in found.items() if name != "venue:binanceusdm"} == dict.fromkeys(
        found.keys() - {"venue:binanceusdm"}
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "DEGRADED")


def test_the_openapi_document_is_served_without_a_token_and_describes_the_routes(owned: Owned) -> None:
    answer = owned.ask("GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")
    assert {"/v1/accounts", "/v1/subscriptions", "/v1/orders", "/health"} <= set(answer.json()["paths"])
    example = answer.json()["paths"]["/v1/accounts"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert example["example-1"]["value"]["venue"] == "paper"
    page = owned.ask("GET", "/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "create_subscription" in page.text


def test_an_answer_that_is_known_is_not_sent_again_and_a_stale_change_is_refused(owned: Owned) -> None:
    path = f"/v1/accounts/{owned.account_id}"
    first = owned.ask("GET", path, token=owned.owner_token)
    label, tag = first.json()["label"], first.headers["etag"]
    listed = owned.ask("GET", "/v1/strategies", token=owned.token)
    again = owned.ask("GET", "/v1/strategies", token=owned.token, if_none_match=listed.headers["etag"])
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", listed.headers["etag"])
    renamed = owned.ask("PATCH", path, {"label": "renamed"}, token=owned.owner_token, if_match=tag)
    assert (renamed.status_code, renamed.json()["label"]) == (200, "renamed")
    stale = owned.ask("PATCH", path, {"label": "stale"}, token=owned.owner_token, if_match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "PRECONDITION_FAILED")
    page = owned.ask("GET", stale.json()["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    back = owned.ask("PATCH", path, {"label": label}, token=owned.owner_token)
    assert back.json()["label"] == label


def test_a_repeat_with_a_key_gets_the_first_answer_and_its_key_is_for_no_other_request(owned: Owned) -> None:
    path = f"/v1/subscriptions/{owned.subscription_id}"
    key = {"token": owned.owner_token, "idempotency_key": "e2e-pause"}
    first = owned.ask("POST", f"{path}/pause", **key)
    owned.ask("POST", f"{path}/resume", token=owned.owner_token)
    again = owned.ask("POST", f"{path}/pause", **key)
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (200, 200, "true")
    assert again.json() == first.json()
    assert owned.ask("GET", path, token=owned.owner_token).json()["status"] == "ACTIVE"
    other = owned.ask("POST", "/v1/subscriptions/another/pause", **key)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_a_tenants_requests_are_counted_and_its_exits_are_not(owned: Owned) -> None:
    read = owned.ask("GET", "/v1/accounts", token=owned.token)
    assert read.headers["ratelimit-policy"] == f'"reads";q={READS.requests};w=60'
    left = int(read.headers["ratelimit"].split(";")[1].removeprefix("r="))
    assert 0 < left < READS.requests
    stop = owned.ask("PUT", "/v1/kill-switches/USER/me", {"grade": "PAUSE_ENTRIES", "reason": "e2e"}, token=owned.token)
    assert (stop.status_code, "ratelimit" in stop.headers) == (200, False)
    assert owned.ask("DELETE", "/v1/kill-switches/USER/me", token=owned.token).status_code == 200


def test_what_belongs_to_somebody_else_does_not_exist(owned: Owned) -> None:
    before = owned.ask("GET", f"/v1/subscriptions/{owned.subscription_id}", token=owned.owner_token).json()
    for method, path, body in owned.requests():
        answer = owned.ask(method, path, body, token=owned.token)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), f"{method} {path}: {answer.text}"
    account = owned.ask("GET", f"/v1/accounts/{owned.account_id}", token=owned.owner_token).json()
    assert (account["status"], account["credentials_set"]) == ("ACTIVE", True)
    assert owned.ask("GET", f"/v1/subscriptions/{owned.subscription_id}", token=owned.owner_token).json() == before
    assert owned.ask("GET", f"/v1/orders/{owned.order_id}", token=owned.owner_token).status_code == 200


def test_listings_hold_only_what_is_the_callers_own(owned: Owned) -> None:
    for path in ("/v1/accounts", "/v1/subscriptions", "/v1/orders", "/v1/positions", "/v1/trades"):
        mine, theirs = (owned.ask("GET", path, token=token).text for token in (owned.owner_token, owned.token))
        for identity in (owned.account_id, owned.subscription_id, owned.order_id):
            assert identity not in theirs, path
        assert "items" in mine
    assert owned.order_id in owned.ask("GET", "/v1/orders", token=owned.owner_token).text


def test_lists_tell_what_became_of_an_order_as_csv_too(owned: Owned) -> None:
    """By the API's own role: a trade with its signal, a receipt for each decision, and the same in rows."""

    def items(path: str) -> list[dict[str, Any]]:
        answer = owned.ask("GET", path, token=owned.owner_token)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    [trade] = until(lambda: items(f"/v1/trades?account_id={owned.account_id}"), bool)
    [entry] = items(f"/v1/orders?kind=ENTRY&filled=true&until={quote(trade['closed_at'])}")
    assert (entry["order_id"], entry["signal_id"]) == (owned.order_id, trade["signal_id"])
    receipts = items("/v1/receipts?order=asc")
    assert [it["kind"] for it in receipts] == ["ENTRY", "EXIT"]
    assert receipts[0]["decision"]["receipt"]["signal_id"] == trade["signal_id"]
    table = owned.ask("GET", "/v1/trades?format=csv", token=owned.owner_token)
    [row] = csv.DictReader(StringIO(table.text, newline=""))
    assert (row["trade_id"], row["net_pnl"], row["signal_id"]) == (trade["trade_id"], trade["net_pnl"], trade["signal_id"])
    assert table.headers["content-type"] == "text/csv; charset=utf-8; header=present"


def test_a_cursor_is_signed_with_the_stacks_key_and_leads_its_owner_on(owned: Owned) -> None:
    """The API's role may read the key of cursors, and the emulator enforces roles."""
    first = owned.ask("GET", "/v1/orders?limit=1", token=owned.owner_token).json()
    cursor = first["next_cursor"]
    second = owned.ask("GET", f"/v1/orders?limit=1&cursor={cursor}", token=owned.owner_token).json()
    assert first["items"][0]["order_id"] != second["items"][0]["order_id"]
    for path, token in (
        (f"/v1/orders?cursor={cursor}", owned.token),
        (f"/v1/trades?cursor={cursor}", owned.owner_token),
        (f"/v1/orders?cursor={cursor[:-1]}", owned.owner_token),
    ):
        refused = owned.ask("GET", path, token=token)
        assert (refused.status_code, refused.json()["code"]) == (422, "CURSOR_INVALID")


def test_nothing_is_answered_without_a_token(owned: Owned) -> None:
    for method, path, body in owned.requests():
        assert owned.ask(method, path, body).status_code == 401, f"{method} {path}"
    tampered = f"{owned.token[:-6]}AAAAAA"
    assert owned.ask("GET", "/v1/accounts", token=tampered).status_code == 401


def test_only_a_platform_administrator_makes_strategies(owned: Owned) -> None:
    body = {"kind": "EXTERNAL", "strategy_id": "mine", "name": "mine", "venue": "paper"}
    assert owned.ask("POST", "/v1/strategies", body, token=owned.token).status_code == 403
