"""The host that tells rights of keys has its own budget and breaker: its trouble holds up no order and no look."""

from __future__ import annotations

import pytest

from candlecast.domain.values.errors import DomainError, RetryLater
from candlecast.domain.venue.refusals import KEYS_REFUSED
from candlecast.ports.venue import Credentials, Venue
from candlecast.services.venue.guard_venue import GuardedVenues
from candlecast.services.venue.spend_weight import SpendWeight
from candlecast.services.venue.watch_venue import WatchVenue
from tests.support.builders import NOW, VENUE
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.gate import EGRESS, FakeGate
from tests.support.fakes.venue import FakeExchange, FakeVenues

SILENT = RetryLater("VENUE_UNAVAILABLE", "no answer", after_seconds=5)


class Town:
    """A vetting and a reconciler behind the same address."""

    def __init__(self) -> None:
        self.clock, self.metrics, self.gate = FakeClock(), RecordingMetrics(), FakeGate()
        self.exchange = FakeExchange()

    def venue(self) -> Venue:
        watch = WatchVenue(self.gate, self.clock, self.metrics)
        spend = SpendWeight(self.gate.weights, EGRESS, self.clock, self.metrics)
        return GuardedVenues(FakeVenues(self.exchange), watch, spend).connect(
            VENUE, "account", "v1", Credentials("key", "secret")
        )

    def vet(self, error: DomainError | None = None) -> str | None:
        """The code of the failure, if there is one."""
        if error is not None:
            self.exchange.fail("key_rights", error)
        try:
            self.venue().key_rights()
        except DomainError as failure:
            return failure.code
        return None


@pytest.mark.parametrize(
    "error",
    [SILENT, RetryLater("RATE_LIMITED", "banned", after_seconds=600), RetryLater(KEYS_REFUSED, after_seconds=60)],
    ids=lambda error: error.code,
)
def test_trouble_of_the_host_for_rights_holds_up_no_look(error: DomainError) -> None:
    town = Town()
    for _ in range(10):
        town.vet(error)
    assert town.venue().balance(NOW).as_of == NOW
    assert town.gate.load_breaker(VENUE).is_untouched


def test_a_silent_host_for_rights_is_not_asked_again_at_once() -> None:
    town = Town()
    assert [town.vet(SILENT) for _ in range(5)] == ["VENUE_UNAVAILABLE"] * 5
    asked = town.exchange.count("key_rights")
    assert town.vet() == "VENUE_BREAKER_OPEN"
    assert town.exchange.count("key_rights") == asked
    town.clock.advance(3_600)
    assert town.vet() is None


def test_a_ban_at_the_host_for_rights_silences_vettings_alone() -> None:
    town = Town()
    venue = town.venue()
    town.exchange.fail("key_rights", RetryLater("RATE_LIMITED", "banned", after_seconds=600))
    for code in ("RATE_LIMITED", "ADDRESS_BLOCKED"):
        with pytest.raises(RetryLater, match=code):
            venue.key_rights()
    assert town.exchange.count("key_rights") == 1
    assert venue.balance(NOW).as_of == NOW


def test_trouble_of_the_venue_holds_up_no_vetting() -> None:
    town = Town()
    town.exchange.fail("balance", SILENT, times=10)
    for _ in range(10):
        with pytest.raises(RetryLater):
            town.venue().balance(NOW)
    assert town.vet() is None
