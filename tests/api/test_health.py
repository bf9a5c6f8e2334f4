"""Health: by dependency, cached, and silent about where things are."""

from __future__ import annotations

from candlecast.domain.values.errors import RetryLater
from tests.api.conftest import Deployment
from tests.support.gateway import Client


def test_all_dependencies_up_is_200(deployment: Deployment) -> None:
    answer = Client(deployment.providers, tenant=None).get("/health")
    assert answer.status == 200
    assert answer.json["status"] == "UP"
    assert {name: found["status"] for name, found in answer.json["dependencies"].items()} == {"table": "UP", "trade_queue": "UP"}


def test_one_dependency_down_is_503_and_names_it_without_its_address(deployment: Deployment) -> None:
    deployment.queue.error = RuntimeError("arn:aws:sqs:eu-central-1:123456789012:trade did not answer")
    deployment.table.error = RetryLater("STORE_BUSY", "table-name", after_seconds=1)
    answer = deployment.client.get("/health")
    assert (answer.status, answer.json["status"]) == (503, "DOWN")
    found = answer.json["dependencies"]
    assert (found["trade_queue"]["status"], found["trade_queue"]["error"]) == ("DOWN", "RuntimeError")
    assert (found["table"]["status"], found["table"]["error"]) == ("DOWN", "STORE_BUSY")
    assert "arn:" not in answer.text
    assert "table-name" not in answer.text


def test_health_is_asked_anew_only_after_a_while(deployment: Deployment) -> None:
    client = deployment.client
    client.get("/health")
    deployment.clock.advance(4)
    client.get("/health")
    assert deployment.table.asked == 1
    deployment.clock.advance(1)
    deployment.table.error = RuntimeError()
    assert client.get("/health").status == 503
    assert deployment.table.asked == 2
