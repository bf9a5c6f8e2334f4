"""Dead letters by API: platform admins see and move them, and every change names who made it."""

from __future__ import annotations

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.ports.dead_letters import QUEUES
from tests.api.conftest import Deployment
from tests.support.fakes.dead_letters import a_dead_letter

LETTER = "/v1/dead-letters/trade/letter-1"
REDRIVE = "/v1/dead-letters/trade/redrive"
ROUTES = [("GET", "/v1/dead-letters/trade"), ("GET", LETTER), ("POST", REDRIVE), ("DELETE", LETTER)]


def test_a_list_shows_reason_age_and_ids(deployment: Deployment) -> None:
    answer = deployment.admin.get("/v1/dead-letters/trade").json
    assert answer["total"] == 1
    (shown,) = answer["items"]
    assert shown == {
        "queue": "trade",
        "message_id": "letter-1",
        "reason_code": "RETRIES_SPENT:KeyError",
        "reason": "the last try failed",
        "function": "order_executor",
        "correlation_id": "correlation-1",
        "put_aside_at": "2026-11-20T11:57:00Z",
        "age_seconds": 180,
        "receives": 5,
        "group_id": "tenant-1#account-1",
        "kind": "TradeOrder",
        "facts": {"account_id": "account-1"},
    }
    assert deployment.admin.get(LETTER).json == shown
    assert deployment.dead_letters.changes == []


def test_a_redrive_without_a_choice_means_all_and_says_who_asked(deployment: Deployment) -> None:
    deployment.dead_letters.letters.append(a_dead_letter("letter-2"))
    answer = deployment.admin.post(REDRIVE)
    assert (answer.status, answer.json["redriven"], answer.json["left"]) == (200, 2, 0)
    assert deployment.dead_letters.changes == [("redriven", "trade", it, "api:admin-1") for it in ("letter-1", "letter-2")]


def test_a_redrive_of_chosen_letters_leaves_the_others(deployment: Deployment) -> None:
    deployment.dead_letters.letters.append(a_dead_letter("letter-2"))
    answer = deployment.admin.post(REDRIVE, {"message_ids": ["letter-2", "letter-9"]})
    assert answer.json == {
        "redriven": 1,
        "message_ids": ["letter-2"],
        "refused": [{"message_id": "letter-9", "code": "LETTER_NOT_FOUND"}],
        "left": 1,
    }


@pytest.mark.parametrize("body", [{"message_ids": []}, {"message_ids": ["x"] * 101}, {"message_ids": ["a#b"]}, {"ids": ["x"]}])
def test_a_choice_that_makes_no_sense_moves_nothing(deployment: Deployment, body: object) -> None:
    answer = deployment.admin.post(REDRIVE, body)
    assert (answer.status, answer.code) == (422, "INVALID_REQUEST")
    assert deployment.dead_letters.changes == []


def test_a_dropped_letter_is_answered_once_more_and_gone(deployment: Deployment) -> None:
    assert deployment.admin.send("DELETE", LETTER).json["message_id"] == "letter-1"
    assert deployment.dead_letters.changes == [("dropped", "trade", "letter-1", "api:admin-1")]
    assert deployment.admin.get(LETTER).code == "NOT_FOUND"
    assert deployment.admin.send("DELETE", LETTER).code == "NOT_FOUND"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_but_a_platform_admin_sees_or_moves_them(deployment: Deployment, method: str, path: str) -> None:
    answer = deployment.client.send(method, path)
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert "letter-1" not in answer.text
    assert deployment.dead_letters.changes == []


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_its_list(deployment: Deployment, queue: str) -> None:
    assert deployment.admin.get(f"/v1/dead-letters/{queue}").json["total"] == (1 if queue == "trade" else 0)


@pytest.mark.parametrize("path", ["/v1/dead-letters/nonsense", "/v1/dead-letters/trade/no%20such#id", "/v1/dead-letters/trade/x"])
def test_what_is_not_there_is_not_found(deployment: Deployment, path: str) -> None:
    assert deployment.admin.get(path).code == "NOT_FOUND"


def test_a_function_that_does_not_answer_is_asked_again_later(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise RetryLater("DEAD_LETTERS_UNAVAILABLE", after_seconds=5)

    monkeypatch.setattr(deployment.dead_letters, "entries", silent)
    answer = deployment.admin.get("/v1/dead-letters/trade")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "DEAD_LETTERS_UNAVAILABLE", "5")
