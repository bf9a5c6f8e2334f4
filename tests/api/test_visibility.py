"""Who sees a strategy's decisions: followers and operators; a stranger sees none of them on any route."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.strategies.execution import ExecutionStatus
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from tests.api.conftest import ORDER, Deployment
from tests.support.builders import (
    ACCOUNT,
    STRATEGY,
    SUBSCRIPTION,
    a_signal,
    a_signal_record,
    a_strategy,
    a_subscription,
    after,
    an_execution,
)
from tests.support.gateway import Client
from tests.support.routes import Operation, operations

LOGGED, EXPLAINED, TUNED, CODE = "secret-log-line", "secret-explanation", "secret-parameter", "secret_code"
DECISIONS = (LOGGED, EXPLAINED, TUNED, CODE)
IDS = {"strategy_id": STRATEGY, "subscription_id": SUBSCRIPTION, "account_id": ACCOUNT, "order_id": ORDER}
READS = [it for it in operations() if it.method == "GET" and it.is_secured]
SHOWING = {"list_executions": {LOGGED, EXPLAINED}, "list_signals": {EXPLAINED}, "get_strategy": {TUNED, CODE}}
FOLLOWER = "tenant-3"


@pytest.fixture
def secretive(populated: Deployment) -> Deployment:
    """The strategy has words of its own in its parameters, its code, its run and its signal; a third tenant follows it."""
    strategy = a_strategy(parameters={"mode": TUNED}, code=CODE, subscriber_count=1)
    populated.database.strategies[STRATEGY] = strategy
    signal = a_signal(issued_at=after(61), metadata={"why": EXPLAINED})
    run = an_execution(after(60), status=ExecutionStatus.COMPLETED, signal=signal, logs=(LOGGED,))
    populated.executions.begin(run)
    populated.signals.put_signal(a_signal_record(signal))
    populated.subscriptions.write(a_subscription("follows", tenant_id=FOLLOWER, account_id=None), None, 1)
    return populated


def shown(client: Client, operation: Operation) -> set[str]:
    text = client.send(operation.method, operation.url(**IDS)).text
    return {word for word in DECISIONS if word in text}


@pytest.mark.parametrize("operation", READS, ids=lambda it: it.operation_id)
def test_a_stranger_sees_no_decision_on_any_route(secretive: Deployment, operation: Operation) -> None:
    assert shown(secretive.stranger, operation) == set()


@pytest.mark.parametrize("operation", READS, ids=lambda it: it.operation_id)
def test_a_follower_sees_decisions_on_known_routes_only(secretive: Deployment, operation: Operation) -> None:
    follower = Client(secretive.providers, tenant=FOLLOWER)
    assert shown(follower, operation) == SHOWING.get(operation.operation_id, set())


@pytest.mark.parametrize("operation", READS, ids=lambda it: it.operation_id)
def test_an_operator_sees_parameters_in_the_listing_too(secretive: Deployment, operation: Operation) -> None:
    expected = {**SHOWING, "list_strategies": {TUNED, CODE}}
    assert shown(secretive.admin, operation) == expected.get(operation.operation_id, set())


@pytest.mark.parametrize("listing", ["executions", "signals"])
def test_a_stranger_is_told_that_decisions_are_for_followers(secretive: Deployment, listing: str) -> None:
    answer = secretive.stranger.get(f"/v1/strategies/{STRATEGY}/{listing}")
    assert (answer.status, answer.code) == (403, "FOLLOWERS_ONLY")
    assert secretive.stranger.get(f"/v1/strategies/unknown-1/{listing}").status == 404


def test_a_stranger_sees_the_listing(secretive: Deployment) -> None:
    found = secretive.stranger.get(f"/v1/strategies/{STRATEGY}").json
    assert (found["name"], found["venue"], found["market"], found["timeframe"]) == ("SMA cross", "paper", "BTC/USDT:USDT", "1m")
    assert (found["subscriber_count"], found["code"], found["parameters"]) == (2, None, None)


@pytest.mark.parametrize(("status", "answered"), [(SubscriptionStatus.PAUSED, 200), (SubscriptionStatus.CANCELLED, 403)])
def test_a_subscription_counts_until_it_is_cancelled(secretive: Deployment, status: SubscriptionStatus, answered: int) -> None:
    followed = secretive.subscriptions.get_subscription(FOLLOWER, "follows")
    change = -1 if status is SubscriptionStatus.CANCELLED else 0
    secretive.subscriptions.write(replace(followed, status=status), None, change)
    follower = Client(secretive.providers, tenant=FOLLOWER)
    assert follower.get(f"/v1/strategies/{STRATEGY}/signals").status == answered


def test_following_one_strategy_shows_nothing_of_another(secretive: Deployment) -> None:
    secretive.strategies.create_strategy(a_strategy("strategy-2"))
    follower = Client(secretive.providers, tenant=FOLLOWER)
    assert follower.get("/v1/strategies/strategy-2/signals").code == "FOLLOWERS_ONLY"


@pytest.mark.parametrize("path", ["", "/statistics", "/executions", "/signals"])
def test_a_reserved_strategy_does_not_exist_for_others_than_its_tenant_and_operators(secretive: Deployment, path: str) -> None:
    secretive.strategies.create_strategy(a_strategy("strategy-2", reserved_for=FOLLOWER))
    assert secretive.stranger.get(f"/v1/strategies/strategy-2{path}").status == 404
    assert secretive.admin.get(f"/v1/strategies/strategy-2{path}").status == 200
    assert Client(secretive.providers, tenant=FOLLOWER).get("/v1/strategies/strategy-2").status == 200


def test_a_reserved_strategy_is_followed_by_its_tenant_alone(secretive: Deployment) -> None:
    secretive.strategies.create_strategy(a_strategy("strategy-2", reserved_for=FOLLOWER))
    body = {"strategy_id": "strategy-2", "settings": {"capital": "1000"}}
    assert secretive.stranger.post("/v1/subscriptions", body).status == 404
    assert Client(secretive.providers, tenant=FOLLOWER).post("/v1/subscriptions", body).status == 201
