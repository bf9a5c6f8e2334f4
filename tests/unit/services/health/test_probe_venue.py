"""A venue's probe: inside the weight budget, silent while the address is blocked, and aware of the circuit breaker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.breaker import Breaker, BreakerState
from candlecast.domain.venue.weight_budget import Address
from candlecast.services.health.probe_venue import ProbeVenue
from candlecast.services.venue.spend_weight import SpendWeight
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeGate, FakeWeights
from tests.support.fakes.health import FakeProbe

REAL = "binanceusdm"


class Door:
    def __init__(self) -> None:
        self.clock, self.weights, self.ping = FakeClock(), FakeWeights(), FakeProbe()
        self.gate = FakeGate(self.weights)
        spend = SpendWeight(self.weights, EGRESS, self.clock, RecordingMetrics())
        self.probe = ProbeVenue(REAL, self.ping, spend, self.gate)


def test_a_probe_takes_the_weight_of_one_ping_and_leases_no_more() -> None:
    door = Door()
    door.probe.check()
    assert (door.ping.asked, door.weights.read_spent(Address(REAL, EGRESS), NOW).leased) == (1, 1)


def test_nothing_is_asked_while_the_venue_wants_silence() -> None:
    door = Door()
    door.ping.error = RetryLater("RATE_LIMITED", "429", after_seconds=120)
    with pytest.raises(RetryLater, match="RATE_LIMITED"):
        door.probe.check()
    assert door.weights.blocks == 1, "everybody behind the address hears of it"
    door.clock.advance(60)
    with pytest.raises(RetryLater, match="ADDRESS_BLOCKED"):
        door.probe.check()
    assert door.ping.asked == 1


def test_a_venue_that_answers_nobody_orders_is_not_healthy() -> None:
    door = Door()
    door.gate.breakers[REAL] = replace(Breaker(venue=REAL), state=BreakerState.OPEN, failures=5, since=NOW)
    with pytest.raises(RetryLater, match="VENUE_BREAKER_OPEN"):
        door.probe.check()
    assert door.ping.asked == 1, "the venue itself was asked first: its silence is told before the breaker's"
