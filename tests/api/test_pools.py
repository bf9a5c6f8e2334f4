"""Pools by API: who may set them, what is shown, and that orders carry what was set."""

from __future__ import annotations

from decimal import Decimal

import pytest

from candlecast.domain.limits.pool_bounds import PoolBounds, PoolLimits
from candlecast.services.pools.reserve_pool import ReservePool
from tests.api.conftest import Deployment
from tests.support.builders import TENANT
from tests.support.fakes.limits import FakeLimitStore, read_limits
from tests.support.pooled import Pools, an_entry

POOL = "/v1/limits/pools/organisation-1"
BOUNDS = {"max_gross_notional": "2500.5", "max_open_positions": 4, "max_daily_loss": "50"}


def test_what_was_set_is_shown_with_what_is_used(deployment: Deployment) -> None:
    assert deployment.admin.send("PUT", POOL, BOUNDS).status == 200
    pools = Pools(max_gross_notional=2_500, max_open_positions=4)
    pools.reserve = ReservePool(deployment.pools, deployment.clock, pools.metrics)
    assert pools.enter(an_entry(notional=1_000)) is None
    shown = deployment.admin.get(POOL).json
    assert shown["bounds"] == {**BOUNDS, "max_orders_per_day": None}
    assert (shown["used_notional"], shown["used_positions"], shown["used_orders"]) == ("1000.00000000", 1, 1)
    deployment.clock.advance(24 * 3600)
    shown = deployment.admin.get(POOL).json
    assert (shown["used_positions"], shown["used_orders"]) == (1, 0), "orders are those of today"


def test_orders_of_members_carry_the_pool_and_its_version(deployment: Deployment) -> None:
    deployment.admin.send("PUT", POOL, BOUNDS)
    deployment.admin.send("PUT", POOL, {"max_open_positions": 3})
    deployment.admin.send("PUT", f"/v1/limits/members/{TENANT}", {"organisation_id": "organisation-1"})
    store = deployment.limits
    assert isinstance(store, FakeLimitStore)
    above = read_limits(deployment.clock, store)({TENANT, "stranger"})
    bounds = PoolBounds(max_open_positions=3)
    assert above[TENANT].pool == PoolLimits(organisation_id="organisation-1", bounds=bounds, version=2)
    assert above["stranger"].pool is None
    deployment.admin.send("PUT", POOL, {})
    assert read_limits(deployment.clock, store)({TENANT})[TENANT].pool is None


def test_a_pool_and_the_limits_of_its_organisation_do_not_replace_each_other(deployment: Deployment) -> None:
    level = "/v1/limits/levels/ORGANISATION/organisation-1"
    deployment.admin.send("PUT", POOL, BOUNDS)
    deployment.admin.send("PUT", level, {"max_leverage": "3"})
    deployment.admin.send("PUT", POOL, {"max_open_positions": 1})
    assert deployment.admin.get(level).json["limits"] == {"max_leverage": "3"}
    assert deployment.admin.get(POOL).json["bounds"]["max_open_positions"] == 1


@pytest.mark.parametrize("looser", [{}, {**BOUNDS, "max_open_positions": 5}])
def test_a_locked_pool_can_only_be_tightened(deployment: Deployment, looser: dict[str, object]) -> None:
    deployment.admin.send("PUT", POOL, BOUNDS)
    until = {"limits_locked_until": "2026-11-20T13:00:00Z"}
    deployment.admin.send("PUT", "/v1/limits/levels/ORGANISATION/organisation-1", until)
    answer = deployment.admin.send("PUT", POOL, looser)
    assert (answer.status, answer.code) == (409, "LIMITS_LOCKED")
    assert deployment.admin.send("PUT", POOL, {**BOUNDS, "max_open_positions": 3}).status == 200
    deployment.clock.advance(3600)
    assert deployment.admin.send("PUT", POOL, looser).status == 200


def test_only_platform_admins_reach_pools(deployment: Deployment) -> None:
    for client in (deployment.client, deployment.stranger):
        assert (client.get(POOL).status, client.send("PUT", POOL, BOUNDS).status) == (403, 403)


@pytest.mark.parametrize("wrong", [{"max_open_positions": -1}, {"max_gross_notional": 1.5}, {"max_positions": 1}])
def test_what_is_out_of_bounds_or_misspelt_is_refused(deployment: Deployment, wrong: dict[str, object]) -> None:
    assert deployment.admin.send("PUT", POOL, wrong).status == 422
    assert deployment.admin.get(POOL).json["bounds"]["max_open_positions"] is None


def test_bounds_are_compared_one_by_one() -> None:
    old = PoolBounds(max_gross_notional=Decimal(10), max_open_positions=2)
    assert old.loosened_by(PoolBounds(max_gross_notional=Decimal(11), max_orders_per_day=1)) == (
        "max_gross_notional",
        "max_open_positions",
    )
    assert old.loosened_by(PoolBounds(max_gross_notional=Decimal(9), max_open_positions=2)) == ()
