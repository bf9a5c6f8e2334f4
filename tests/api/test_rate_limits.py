"""Rate limits: by tenant, reads and writes apart, told in headers; acts that close or stop something are never refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from candlecast.domain.people.request_rate import QUOTAS, READS, WRITES, Quota, RequestKind
from candlecast.runtime.compose import api
from candlecast.services.people.admit_requests import AdmitRequests
from functions.api.manners.rate_limits import EXITS
from tests.api.conftest import Deployment, giving
from tests.api.examples import NOT_FOR_TENANTS, address, prepared
from tests.support.builders import ACCOUNT, SUBSCRIPTION
from tests.support.fakes.requests import FakeRequestCounts
from tests.support.gateway import Answer, Client
from tests.support.routes import Operation, body_examples, document, operations

NONE = dict.fromkeys(RequestKind, Quota(requests=0, chunk=1))
FEW = {RequestKind.READ: Quota(requests=6, chunk=2), RequestKind.WRITE: Quota(requests=2, chunk=1)}
SECURED = [it for it in operations() if it.is_secured]


@dataclass
class Door:
    """The API in one environment, with its own memory of chunks."""

    deployment: Deployment
    quotas: dict[RequestKind, Quota] = field(default_factory=lambda: FEW)

    def __post_init__(self) -> None:
        admit = AdmitRequests(self.deployment.request_counts, self.deployment.clock, self.quotas)
        self.providers = {**self.deployment.providers, api.admit_requests: giving(admit)}

    def by(self, tenant: str = "tenant-1") -> Client:
        return Client(self.providers, tenant=tenant)


def numbers(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_a_tenant_is_refused_beyond_its_quota_and_told_until_when(populated: Deployment) -> None:
    populated.clock.advance(seconds=17.5)
    client = Door(populated).by()
    answers = [client.get("/v1/accounts") for _ in range(8)]
    assert numbers(answers) == [200] * 6 + [429] * 2
    assert [it.headers["ratelimit"] for it in answers] == [f'"reads";r={left};t=43' for left in (5, 4, 3, 2, 1, 0, 0, 0)]
    assert {it.headers["ratelimit-policy"] for it in answers} == {'"reads";q=6;w=60'}
    refused = answers[-1]
    assert (refused.code, refused.headers["retry-after"]) == ("TOO_MANY_REQUESTS", "43")
    assert client.get(refused.json["type"]).status == 200


def test_the_next_window_begins_anew(populated: Deployment) -> None:
    client = Door(populated).by()
    assert numbers([client.get("/v1/accounts") for _ in range(7)])[-1] == 429
    populated.clock.advance(seconds=int(client.get("/v1/accounts").headers["retry-after"]))
    assert client.get("/v1/accounts").status == 200


def test_reads_take_nothing_from_writes_and_one_tenant_nothing_from_another(populated: Deployment) -> None:
    door = Door(populated)
    rename = {"label": "other"}
    assert numbers([door.by().get("/v1/accounts") for _ in range(7)])[-1] == 429
    writes = [door.by().send("PATCH", f"/v1/accounts/{ACCOUNT}", rename) for _ in range(3)]
    assert numbers(writes) == [200, 200, 429]
    assert writes[-1].headers["ratelimit-policy"] == '"writes";q=2;w=60'
    assert door.by("tenant-2").get("/v1/accounts").status == 200


def test_environments_share_the_quota(populated: Deployment) -> None:
    doors = [Door(populated).by() for _ in range(4)]
    answers = [door.get("/v1/accounts") for _ in range(4) for door in doors]
    assert numbers(answers).count(200) == 6


def test_a_chunk_is_one_question_to_the_store_and_a_refusal_none(populated: Deployment) -> None:
    client = Door(populated).by()
    asked = []
    for _ in range(12):
        client.get("/v1/accounts")
        asked.append(populated.request_counts.asked)
    assert asked == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4]


def test_a_count_that_cannot_be_asked_refuses_nobody(populated: Deployment) -> None:
    populated.request_counts.unavailable = True
    answer = Door(populated, NONE).by().get("/v1/accounts")
    assert (answer.status, "ratelimit" in answer.headers) == (200, False)


def sender(operation: Operation) -> Callable[[], Answer]:
    """The operation's example by somebody whose requests are all spent."""
    body = next(iter(body_examples(operation.description, document()["components"]["schemas"])), None)
    url, query = address(operation)
    deployment = prepared(operation, body)
    if operation.operation_id == "approve_act":
        body = {"digest": deployment.approvals.find_approval("approval-1").digest}
    is_admin = prepared(operation, body).client.send(operation.method, url, body, query=query).status in NOT_FOR_TENANTS
    client = Client(Door(deployment, NONE).providers, **({"tenant": "admin-1", "roles": "[platform_admin]"} if is_admin else {}))
    return lambda: client.send(operation.method, url, body, query=query)


@pytest.mark.parametrize("operation", SECURED, ids=lambda it: it.operation_id)
def test_everything_is_counted_but_exits(operation: Operation) -> None:
    answer = sender(operation)()
    if operation.operation_id in EXITS:
        assert (answer.status < 300, "ratelimit" in answer.headers) == (True, False), answer.text
    else:
        assert (answer.status, answer.code) == (429, "TOO_MANY_REQUESTS")
    assert ("429" in operation.description["responses"]) == (operation.operation_id not in EXITS)


def test_exits_are_operations_of_the_api() -> None:
    assert {it.operation_id for it in SECURED if it.method != "GET"} >= EXITS


def test_a_tenant_at_its_limit_still_closes_cancels_pauses_and_stops(populated: Deployment) -> None:
    client = Door(populated, NONE).by()
    for _ in range(3):
        assert client.post(f"/v1/subscriptions/{SUBSCRIPTION}/pause").status == 200
        stop = client.send("PUT", "/v1/kill-switches/USER/me", {"grade": "FLATTEN", "reason": "r"})
        assert stop.status == 200
    assert populated.request_counts.asked == 0


def test_without_a_token_nothing_is_counted(populated: Deployment) -> None:
    door = Door(populated, NONE)
    anybody = Client(door.providers, tenant=None)
    assert numbers([anybody.get(path) for path in ("/health", "/docs", "/openapi.json", "/v1/accounts")]) == [200, 200, 200, 401]
    assert populated.request_counts.asked == 0


def test_a_304_counts_and_tells_what_is_left(populated: Deployment) -> None:
    client = Door(populated).by()
    tag = client.get("/v1/accounts").headers["etag"]
    again = client.send("GET", "/v1/accounts", headers={"if-none-match": tag})
    assert (again.status, again.headers["ratelimit"].split(";")[1]) == (304, "r=4")


def test_a_quota_is_whole_chunks_that_are_small_beside_it() -> None:
    for quota in QUOTAS.values():
        assert quota.requests % quota.chunk == 0
        assert quota.chunk * 20 <= quota.requests
    assert READS.requests > WRITES.requests


def test_the_memory_holds_one_window(populated: Deployment) -> None:
    admit = AdmitRequests(FakeRequestCounts(), populated.clock)
    for number in range(100):
        admit(f"tenant-{number}", RequestKind.READ)
    populated.clock.advance(seconds=60)
    admit("tenant-1", RequestKind.READ)
    assert len(admit._chunks) == 1
