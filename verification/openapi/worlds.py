"""Deployments of fakes to ask: one for each operation's example, and one in which each of them succeeds after the other."""

from __future__ import annotations

from functools import cache

from tests.api.conftest import Deployment, made_deployment, populate
from tests.api.examples import compared, prepared, resting, uploaded
from tests.support.builders import an_account
from tests.support.fakes.backtests import a_backtest
from tests.support.routes import body_examples, document, operations


@cache
def bodies() -> dict[str, object]:
    """The first example of each operation's body."""
    schemas = document()["components"]["schemas"]
    return {it.operation_id: next(iter(body_examples(it.description, schemas)), None) for it in operations()}


def world_of(operation_id: str) -> Deployment:
    """The world in which the example of the operation succeeds."""
    [operation] = [it for it in operations() if it.operation_id == operation_id]
    return prepared(operation, bodies()[operation_id])


def whole_world() -> Deployment:
    """A trader with one of everything, for stories of several requests."""
    deployment = populate(made_deployment())
    uploaded(candidate=True)(deployment)
    resting(deployment)
    compared(deployment)
    deployment.accounts.create(an_account("account-2", subscriptions={}))
    deployment.backtests.create_backtest(a_backtest("backtest-2"))
    return deployment
