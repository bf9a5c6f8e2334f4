"""An organisation's pool in the deployed stack: orders reserve, the stream releases, losses pause."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.values.reasons import Reason
from infra.local.cloud import Cloud
from infra.local.demo.replay import invoke
from tests.support.stage import Desk, follower, open_desk, utc_now
from tests.support.waiting import until

MEMBERS = 5
POSITIONS = 3
POOL = "/v1/limits/pools/fund-1"
SWITCH = "/v1/kill-switches/ORGANISATION/fund-1"


def show(desk: Desk) -> dict[str, Any]:
    shown: dict[str, Any] = desk.platform.as_administrator().call("GET", POOL)
    return shown


def set_bounds(desk: Desk, **bounds: Any) -> None:
    """From the next signal on: an environment of the fan-out remembers limits for a few seconds, so it gets a new one."""
    desk.platform.as_administrator().call("PUT", POOL, {"max_open_positions": POSITIONS, **bounds})
    desk.cloud.kill_workers("signal_fanout")
    assert not until(lambda: desk.cloud.workers("signal_fanout"), lambda found: not found)


def entries(desk: Desk, signal_id: str) -> Counter[tuple[IntentState, Reason | None]]:
    orders = [order for orders in desk.orders(signal_id).values() for order in orders]
    return Counter((order.state, order.reason) for order in orders if order.kind is LegKind.ENTRY)


@pytest.fixture(scope="module")
def desk(cloud: Cloud, say: Callable[[str], None]) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(MEMBERS + 1)])) as desk:
        administrator = desk.platform.as_administrator()
        for person in desk.people[:MEMBERS]:  # the last one belongs nowhere
            administrator.call("PUT", f"/v1/limits/members/{person.user.sub}", {"organisation_id": "fund-1"})
        set_bounds(desk)
        say(f"{MEMBERS} members share {POSITIONS} positions")
        yield desk


def test_members_enter_as_far_as_their_pool_goes_and_others_are_not_asked(desk: Desk) -> None:
    taken = {(IntentState.FILLED, None): POSITIONS + 1, (IntentState.DENIED, Reason.POOL_EXHAUSTED): MEMBERS - POSITIONS}
    assert entries(desk, desk.signal("buy")) == taken
    shown = show(desk)
    assert (shown["used_positions"], shown["used_orders"]) == (POSITIONS, POSITIONS)
    assert 0 < float(shown["used_notional"]) <= POSITIONS * 1_000


def test_closed_positions_are_free_for_others_again(desk: Desk) -> None:
    desk.signal("exit")
    shown = until(lambda: show(desk), lambda found: found["used_positions"] == 0)
    assert (shown["used_positions"], float(shown["used_notional"]), shown["used_orders"]) == (0, 0, POSITIONS)
    assert entries(desk, desk.signal("buy"))[IntentState.FILLED, None] == POSITIONS + 1


def test_the_clock_may_look_at_reservations_and_finds_none_to_release(desk: Desk) -> None:
    answer = invoke(desk.cloud, "ReconcileClockFunctionName", {"scheduled_time": utc_now().isoformat()})
    assert answer["released_reservations"] == 0
    assert show(desk)["used_positions"] == POSITIONS


def test_the_organisations_loss_of_the_day_pauses_its_entries_only(desk: Desk) -> None:
    set_bounds(desk, max_daily_loss="0.01")
    desk.signal("exit")  # at the price of its entry, so it loses its fees
    desk.signal("buy")  # carries the new bound into the pool
    desk.signal("exit")
    switches = until(
        lambda: desk.platform.as_administrator().call("GET", "/v1/kill-switches")["items"],
        lambda found: any(it["scope"] == "ORGANISATION" for it in found),
    )
    (switch,) = [it for it in switches if it["scope"] == "ORGANISATION"]
    assert (switch["scope_id"], switch["grade"]) == ("fund-1", "PAUSE_ENTRIES")
    assert "max_daily_loss" in switch["reason"]
    found = entries(desk, desk.signal("buy"))
    assert found[IntentState.FILLED, None] == 1, "of whom belongs nowhere"
    assert found[IntentState.DENIED, Reason.KILL_SWITCH] >= POSITIONS, "the others find the pool taken, or the switch"
    assert sum(found.values()) == MEMBERS + 1
