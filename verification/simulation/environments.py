"""Warm environments of the functions: their memory is as old as their last invocation."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from candlecast.ports.budget import WeightStore
from candlecast.ports.clock import Clock, Metrics
from candlecast.ports.gate import BreakerStore, GateReader
from candlecast.ports.limits import LimitStore
from candlecast.services.limits.read_limits import ReadLimits
from candlecast.services.venue.check_gate import CheckGate
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.fakes.gate import EGRESS
from verification.simulation.crossings import Crash


@dataclass(frozen=True, slots=True)
class Environment:
    """The memory of an environment: the gate with the venue's breaker and the address's budget, and the limits last read."""

    gate: CheckGate
    limits: ReadLimits


@dataclass(slots=True)
class Environments:
    """One invocation at a time in each environment.

    The environment that was idle longest comes first, so that its memory is old.
    """

    make: Callable[[], Environment]
    _idle: defaultdict[str, deque[Environment]] = field(default_factory=lambda: defaultdict(deque))

    @contextmanager
    def of(self, function: str) -> Iterator[Environment]:
        """An environment of a function; one in which the process dies is gone."""
        idle = self._idle[function]
        environment = idle.popleft() if idle else self.make()
        try:
            yield environment
        except Crash:
            raise
        except BaseException:
            idle.append(environment)
            raise
        idle.append(environment)


def an_environment(
    gate: GateReader, breakers: BreakerStore, weights: WeightStore, limits: LimitStore, clock: Clock, metrics: Metrics
) -> Environment:
    """A fresh environment, wired as the composition root wires it."""
    watch, spend = WatchVenue(breakers, clock, metrics), SpendWeight(weights, EGRESS, clock, metrics)
    return Environment(CheckGate(gate, watch, spend, clock, metrics), ReadLimits(limits, clock, metrics))
