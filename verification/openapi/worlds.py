"""Deployments of fakes to ask: one for each operation's example, and one in which many of them succeed after each other."""

from __future__ import annotations

from functools import cache

from tests.api.examples import everything, prepared
from tests.support.gateway import Providers
from tests.support.routes import body_examples, document, operations


@cache
def bodies() -> dict[str, object]:
    """The first example of each operation's body."""
    schemas = document()["components"]["schemas"]
    return {it.operation_id: next(iter(body_examples(it.description, schemas)), None) for it in operations()}


def world_of(operation_id: str) -> Providers:
    """The world in which the example of the operation succeeds."""
    [operation] = [it for it in operations() if it.operation_id == operation_id]
    return prepared(operation, bodies()[operation_id]).providers


def whole_world() -> Providers:
    """A trader with one of everything, for stories of several requests."""
    return everything().providers
