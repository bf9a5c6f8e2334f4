"""The golden items of requests: with a key, under way and answered; and the count of a window."""

from __future__ import annotations

from candlecast.adapters.dynamodb.requests import DynamoKeptRequests, DynamoRequestCounts
from candlecast.domain.people.kept_request import KeptAnswer, KeptRequest
from candlecast.domain.people.request_rate import RequestKind, window_of
from tests.golden.cases import Case, World, stored
from tests.golden.times import NOW
from tests.golden.values import TENANT

PLACE = (TENANT, "cancel_order", "golden-key")
ANSWER = KeptAnswer(status=202, text='{"order_id":"golden"}')


def _request(answer: KeptAnswer | None = None) -> KeptRequest:
    return KeptRequest(asked_for="d1" * 16, attempt="golden-attempt", begun_at=NOW, answer=answer)


def _begin(world: World) -> None:
    DynamoKeptRequests(world.table).begin_request(*PLACE, _request(), NOW)


def _answer(world: World) -> None:
    _begin(world)
    DynamoKeptRequests(world.table).end_request(*PLACE, "golden-attempt", ANSWER)


def _known(world: World) -> KeptRequest:
    another = KeptRequest(asked_for="e2" * 16, attempt="another", begun_at=NOW)
    return DynamoKeptRequests(world.table).begin_request(*PLACE, another, NOW)


def _take(world: World) -> int | None:
    return DynamoRequestCounts(world.table).take_requests(TENANT, RequestKind.WRITE, window_of(NOW), 10, 300)


REQUESTS: tuple[Case, ...] = (
    stored("request", "under-way", _request, _begin, _known),
    stored("request", "answered", lambda: _request(ANSWER), _answer, _known),
    stored("request", "counted", lambda: 20, _take, _take),
)
