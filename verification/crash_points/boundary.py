"""The requests of a running service to the outside, one at a time. Each request is a boundary at which something can go wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from verification.crash_points.world import World


class FaultGroup(StrEnum):
    """Faults are enumerated by groups: those of the order protocol itself, and those of everything around it."""

    ORDERS = "ORDERS"  # what a venue can answer to an order
    AROUND = "AROUND"  # stores that throttle, conflict or are slow; questions without an answer; rate limits


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a request can end badly: `act` does to the world what it does, and answers or raises."""

    name: str
    act: Callable[[World], Any]
    group: FaultGroup = FaultGroup.AROUND


@dataclass(frozen=True, slots=True)
class Operation:
    """One request.

    `apply` carries the request out; `faults` are other ways in which the request can end. `client_id` belongs to a new order.
    """

    name: str
    apply: Callable[[World], Any]
    faults: tuple[Fault, ...] = ()
    client_id: str = ""
    at_venue: bool = False


class Crosser(Protocol):
    """Lets an operation happen, or a fault instead of it."""

    @property
    def world(self) -> World: ...

    def cross(self, operation: Operation) -> Any: ...
