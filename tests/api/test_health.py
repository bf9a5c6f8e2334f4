"""Health: the newest one, by component; the door probes nothing, and is silent about where things are."""

from __future__ import annotations

from candlecast.domain.health.health import ComponentHealth, HealthState
from tests.api.conftest import Deployment
from tests.support.fakes.health import a_health
from tests.support.gateway import Client

DOWN = ComponentHealth(state=HealthState.DOWN, latency_ms=3_000, error="VENUE_UNAVAILABLE", failures=2)


def test_all_components_healthy_is_200_without_a_token_and_may_be_cached(deployment: Deployment) -> None:
    answer = Client(deployment.providers, tenant=None).get("/health")
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (200, "HEALTHY", None)
    assert answer.json["written_at"] == "2026-11-20T12:00:00Z"
    assert answer.json["components"]["table"] == {"status": "HEALTHY", "latency_ms": 7, "error": None}
    assert answer.headers["cache-control"] == "public, max-age=15"


def test_a_part_that_is_down_leaves_200_and_shows(deployment: Deployment) -> None:
    deployment.health.health = a_health(**{"venue:paper": DOWN})
    answer = deployment.client.get("/health")
    assert (answer.status, answer.json["status"]) == (200, "DEGRADED")
    assert answer.json["components"]["venue:paper"] == {"status": "DOWN", "latency_ms": 3_000, "error": "VENUE_UNAVAILABLE"}


def test_without_what_every_order_needs_it_is_503_and_not_cached(deployment: Deployment) -> None:
    deployment.health.health = a_health(queues=DOWN)
    answer = deployment.client.get("/health")
    assert (answer.status, answer.json["status"]) == (503, "DOWN")
    assert (answer.headers["cache-control"], answer.headers["retry-after"]) == ("no-store", "60")


def test_a_silent_probe_is_503_with_what_was_known_last(deployment: Deployment) -> None:
    deployment.clock.advance(181)
    answer = deployment.client.get("/health")
    assert (answer.status, answer.json["status"], answer.json["reason"]) == (503, "DOWN", "PROBE_SILENT")
    assert answer.json["written_at"] == "2026-11-20T12:00:00Z"


def test_a_table_that_does_not_answer_is_503(deployment: Deployment) -> None:
    deployment.health.fails = True
    answer = deployment.client.get("/health")
    assert (answer.status, answer.json["reason"], answer.json["components"]) == (503, "STORE_UNAVAILABLE", {})


def test_a_flood_of_requests_is_one_read_for_a_while(deployment: Deployment) -> None:
    client = deployment.client
    client.get("/health")
    deployment.clock.advance(4)
    client.get("/health")
    assert deployment.health.reads == 1
    deployment.clock.advance(1)
    deployment.health.health = a_health(table=DOWN)
    assert client.get("/health").status == 503
    assert deployment.health.reads == 2
