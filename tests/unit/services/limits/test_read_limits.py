"""The limits that stand above a tenant, with an answering and with a failing store."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from candlecast.domain.limits.limits import Authority, Limits, Scope
from candlecast.domain.limits.record import PLATFORM, PRODUCT_LIMITS, LimitPlace, LimitRecord
from candlecast.services.limits import read_limits
from candlecast.services.limits.read_limits import CACHED, EMERGENCY, FRESH, ReadLimits
from tests.support.builders import NOW
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.limits import FakeLimitStore

USER = LimitPlace(Scope.USER, "tenant-1")
OPERATIONS = LimitPlace(Scope.OPERATIONS, "tenant-1")
SECOND = timedelta(seconds=1)


class Authorities:
    def __init__(self) -> None:
        self.store, self.clock = FakeLimitStore(), FakeClock(NOW)
        self.read = ReadLimits(self.store, self.clock, RecordingMetrics())

    def set(self, place: LimitPlace, limits: Limits, organisation_id: str | None = None, group_id: str | None = None) -> None:
        held = self.store.records.get(place)
        self.store.save(
            LimitRecord(
                place=place,
                limits=limits,
                organisation_id=organisation_id,
                group_id=group_id,
                version=held.version if held else 0,
            )
        )


@pytest.fixture
def authorities() -> Authorities:
    return Authorities()


def test_without_any_record_the_products_own_limits_count(authorities: Authorities) -> None:
    found = authorities.read(["tenant-1"])["tenant-1"]
    assert found.effective.limits == PRODUCT_LIMITS
    assert found.effective.authority is Authority.LIVE


def test_every_level_above_a_tenant_tightens(authorities: Authorities) -> None:
    authorities.set(PLATFORM, Limits(max_leverage=Decimal(20), max_positions=10))
    authorities.set(LimitPlace(Scope.ORGANISATION, "fund"), Limits(max_leverage=Decimal(30), max_positions=5))
    authorities.set(LimitPlace(Scope.GROUP, "juniors"), Limits(max_order_notional=Decimal(1_000)))
    authorities.set(USER, Limits(max_leverage=Decimal(3)), organisation_id="fund", group_id="juniors")
    found = authorities.read(["tenant-1"])["tenant-1"]
    limits, origins = found.effective.limits, found.effective.origins
    assert (limits.max_leverage, limits.max_positions, limits.max_order_notional) == (Decimal(3), 5, Decimal(1_000))
    assert [origins[name] for name in ("max_leverage", "max_positions", "max_order_notional")] == [
        Scope.USER,
        Scope.ORGANISATION,
        Scope.GROUP,
    ]
    assert found.organisation_id == "fund"


def test_limits_of_others_do_not_count(authorities: Authorities) -> None:
    authorities.set(LimitPlace(Scope.USER, "tenant-2"), Limits(max_leverage=Decimal(1)), organisation_id="fund")
    authorities.set(LimitPlace(Scope.ORGANISATION, "fund"), Limits(max_positions=1))
    found = authorities.read(["tenant-1", "tenant-2"])
    assert found["tenant-1"].effective.limits.max_leverage is None
    assert found["tenant-1"].effective.limits.max_positions is None
    assert (found["tenant-2"].effective.limits.max_leverage, found["tenant-2"].effective.limits.max_positions) == (Decimal(1), 1)


def test_a_shard_of_tenants_costs_two_requests_and_none_while_they_are_fresh(authorities: Authorities) -> None:
    tenants = [f"tenant-{number}" for number in range(50)]
    for tenant_id in tenants:
        authorities.set(LimitPlace(Scope.USER, tenant_id), Limits(), organisation_id="fund")
    authorities.read(tenants)
    assert authorities.store.requests == 2
    authorities.read(tenants)
    assert authorities.store.requests == 2
    authorities.clock.advance(FRESH.total_seconds() + 1)
    authorities.read(tenants)
    assert authorities.store.requests == 4


def test_a_change_is_in_force_once_what_was_read_is_not_fresh_any_more(authorities: Authorities) -> None:
    authorities.read(["tenant-1"])
    authorities.set(USER, Limits(max_leverage=Decimal(2)))
    authorities.clock.advance(FRESH.total_seconds() + 1)
    assert authorities.read(["tenant-1"])["tenant-1"].effective.limits.max_leverage == 2


@pytest.mark.parametrize(
    ("silence", "authority"),
    [
        (FRESH + SECOND, Authority.CACHED),
        (CACHED - SECOND, Authority.CACHED),
        (CACHED + SECOND, Authority.EMERGENCY),
        (EMERGENCY, Authority.EMERGENCY),
    ],
)
def test_what_was_read_counts_for_minutes_then_the_emergency_limits(
    authorities: Authorities, silence: timedelta, authority: Authority
) -> None:
    authorities.set(USER, Limits(max_leverage=Decimal(2)))
    authorities.read(["tenant-1"])
    authorities.store.unavailable = True
    authorities.clock.advance(silence.total_seconds())
    found = authorities.read(["tenant-1"])["tenant-1"].effective
    assert (found.authority, found.limits.max_leverage) == (authority, Decimal(2))


def test_after_an_hour_without_authority_it_is_lost_until_the_store_answers_again(authorities: Authorities) -> None:
    authorities.store.unavailable = True
    assert authorities.read(["tenant-1"])["tenant-1"].effective.authority is Authority.EMERGENCY
    authorities.clock.advance(EMERGENCY.total_seconds() + 1)
    assert authorities.read(["tenant-1"])["tenant-1"].effective.authority is Authority.LOST
    authorities.store.unavailable = False
    assert authorities.read(["tenant-1"])["tenant-1"].effective.authority is Authority.LIVE


def test_a_tenant_that_was_never_read_has_the_emergency_limits_at_once(authorities: Authorities) -> None:
    authorities.read(["tenant-1"])
    authorities.clock.advance(FRESH.total_seconds() + 1)
    authorities.store.unavailable = True
    found = authorities.read(["tenant-1", "tenant-2"])
    assert [found[key].effective.authority for key in ("tenant-1", "tenant-2")] == [Authority.CACHED, Authority.EMERGENCY]


def test_what_operators_say_about_a_user_counts_whatever_the_user_says(authorities: Authorities) -> None:
    authorities.set(OPERATIONS, Limits(max_leverage=Decimal(2), max_positions=4))
    authorities.set(USER, Limits(max_leverage=Decimal(9), max_positions=3))
    found = authorities.read(["tenant-1", "tenant-2"])
    effective = found["tenant-1"].effective
    assert (effective.limits.max_leverage, effective.origins["max_leverage"]) == (Decimal(2), Scope.OPERATIONS)
    assert (effective.limits.max_positions, effective.origins["max_positions"]) == (3, Scope.USER)
    assert found["tenant-2"].effective.limits == PRODUCT_LIMITS


def test_what_operators_say_about_a_user_without_limits_of_their_own_counts_in_one_request(authorities: Authorities) -> None:
    authorities.set(OPERATIONS, Limits(max_leverage=Decimal(2)))
    assert authorities.read(["tenant-1"])["tenant-1"].effective.limits.max_leverage == 2
    assert authorities.store.requests == 1


def test_while_the_store_is_silent_the_operators_word_counts_as_the_users(authorities: Authorities) -> None:
    authorities.set(OPERATIONS, Limits(max_leverage=Decimal(2)))
    authorities.read(["tenant-1"])
    authorities.store.unavailable = True
    authorities.clock.advance(CACHED.total_seconds())
    found = authorities.read(["tenant-1"])["tenant-1"].effective
    assert (found.authority, found.limits.max_leverage) == (Authority.CACHED, Decimal(2))
    authorities.clock.advance(1)
    assert authorities.read(["tenant-1"])["tenant-1"].effective.authority is Authority.EMERGENCY


def test_a_full_memory_forgets_only_what_the_present_call_did_not_use(
    authorities: Authorities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_limits, "MAX_CACHED_RECORDS", 3)
    authorities.set(PLATFORM, Limits(max_leverage=Decimal(2)))
    for tenant_id in ("tenant-1", "tenant-2", "tenant-3"):
        assert authorities.read([tenant_id])[tenant_id].effective.limits.max_leverage == 2, "the platform's limit was forgotten"
    assert len(authorities.read._known) == 3
