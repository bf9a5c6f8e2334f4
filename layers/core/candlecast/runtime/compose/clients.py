"""Clients of AWS, each made at its first use: a message pays for the clients that it needs and for no other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from candlecast.adapters.aws.clients import aws_client


class _StandIn:
    """Makes a value when one of its attributes is first asked for."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def lazy[T](make: Callable[[], T]) -> T:
    """A stand-in for the result of `make`, which runs when an attribute of the stand-in is first asked for."""
    stand_in: Any = _StandIn(make)
    made: T = stand_in
    return made


@cache
def aws(service: str) -> Any:
    """The environment's one client of a service."""
    return lazy(partial(aws_client, service))
