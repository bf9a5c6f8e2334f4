"""Which switch concerns which order."""

from __future__ import annotations

from itertools import product

import pytest

from candlecast.domain.account.kill_switch import PLATFORM, Grade, SwitchPlace, SwitchScope
from candlecast.domain.account.switch_scope import concerning, places_of, stopped_by
from candlecast.domain.orders.intent import LegKind
from tests.support.builders import STRATEGY, TENANT, an_account, an_intent
from tests.support.fakes.gate import a_switch

USER = SwitchPlace(SwitchScope.USER, TENANT)
HOUSE = SwitchPlace(SwitchScope.ORGANISATION, "house-1")
MINE = (PLATFORM, HOUSE, SwitchPlace(SwitchScope.STRATEGY, STRATEGY), USER)
MEMBER = an_account(organisation_id="house-1")


@pytest.mark.parametrize(("grade", "kind"), list(product(Grade, LegKind)))
def test_what_each_grade_stops(grade: Grade, kind: LegKind) -> None:
    stopped = kind is LegKind.ENTRY or (kind is LegKind.EXIT and grade is Grade.HALT_ALL)
    assert (stopped_by([a_switch(grade)], MEMBER, an_intent(kind)) is not None) is stopped


def test_the_strictest_of_several_switches_counts() -> None:
    switches = [a_switch(Grade.REDUCE_ONLY, USER), a_switch(Grade.HALT_ALL, HOUSE), a_switch(Grade.PAUSE_ENTRIES)]
    stopping = stopped_by(switches, MEMBER, an_intent())
    assert stopping is not None
    assert stopping.place == HOUSE


@pytest.mark.parametrize("place", MINE, ids=lambda it: it.scope)
def test_a_switch_concerns_its_own_and_nobody_else(place: SwitchPlace) -> None:
    assert concerning([a_switch(place=place)], MEMBER, STRATEGY)
    stranger = an_account(tenant_id="tenant-2", organisation_id="house-2")
    assert bool(concerning([a_switch(place=place)], stranger, "strategy-2")) is (place == PLATFORM)


def test_an_account_without_an_organisation_is_no_members() -> None:
    assert not concerning([a_switch(place=HOUSE)], an_account(), STRATEGY)
    assert HOUSE not in places_of(an_account(), [STRATEGY])


def test_a_switch_that_is_off_concerns_nobody() -> None:
    assert not concerning([a_switch(None)], MEMBER, STRATEGY)


def test_the_places_of_an_account_are_those_that_can_concern_it() -> None:
    assert places_of(MEMBER, [STRATEGY, "strategy-2"]) == {*MINE, SwitchPlace(SwitchScope.STRATEGY, "strategy-2")}
