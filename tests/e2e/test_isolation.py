"""Fifty accounts at once, and a venue whose answers fail in every way: no request is ever signed with another account's key."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from candlecast.domain.orders.intent import IntentState
from infra.local.cloud import Cloud
from infra.local.demo.exchange import PaperKeys
from infra.local.demo.report import is_sound
from tests.support.stage import Desk, follower, open_desk
from tests.support.waiting import until

ACCOUNTS = 50
ORDER, CONDITIONAL = "/fapi/v1/order", "/fapi/v1/algoOrder"
LATE_MS = 3_500  # the executor waits for 3 s
FAULTS = (
    {"kind": "timeout", "executed": True, "count": 5, "method": "POST", "path": ORDER},
    {"kind": "timeout", "executed": False, "count": 3, "method": "POST", "path": ORDER},
    {"kind": "rate_limited", "count": 4, "method": "POST", "path": ORDER},
    {"kind": "server_error", "executed": True, "count": 4, "method": "POST", "path": ORDER},
    {"kind": "server_error", "executed": False, "count": 2, "method": "POST", "path": ORDER},
    {"kind": "unavailable", "count": 2, "method": "POST", "path": ORDER},
    {"kind": "slow", "delay_ms": LATE_MS, "count": 4, "method": "POST", "path": ORDER},
    {"kind": "timeout", "executed": True, "count": 3, "method": "POST", "path": CONDITIONAL},
    {"kind": "server_error", "executed": False, "count": 3, "method": "POST", "path": CONDITIONAL},
    {"kind": "rate_limited", "count": 3, "method": "POST", "path": "/fapi/v1/leverage"},
    {"kind": "server_error", "count": 3, "method": "GET", "path": ORDER},
)


@pytest.fixture(scope="module")
def desk(cloud: Cloud, say: Callable[[str], None]) -> Iterator[Desk]:
    """Everybody enters with a stop, leaves, and enters on the other side, while the venue fails in between."""

    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(ACCOUNTS)])) as opened:
        say(f"{ACCOUNTS} accounts are open")
        opened.operator.call("PUT", "/counting", {"counting": True})
        stop = str(opened.strategy.file.candles[-1].close * 9 / 10)
        for fault in FAULTS:
            opened.operator.call("POST", "/faults", fault)
        opened.signal("buy", stopLoss={"stopPrice": stop})
        assert until(lambda: all_is_known(opened), bool)  # an exit would end the entries that still wait
        say("entered; most answers of the venue were lost, late or refusals")
        opened.operator.call("POST", "/faults", FAULTS[0])
        opened.operator.call("POST", "/faults", FAULTS[6])
        for action in ("exit", "sell"):
            opened.signal(action)
            assert until(lambda: all_is_known(opened), bool)
        say("left and entered on the other side")
        yield opened


def all_is_known(desk: Desk) -> bool:
    """Whether one more look at every account leaves nothing unknown and nothing that waits to be sent.

    A lost answer takes its time to be proven lost. An order behind a blocked address waits for its next attempt.
    """
    desk.replay.settle()
    return not any(order.state.is_unresolved or order.state is IntentState.PENDING for order in desk.records().orders)


def owners(desk: Desk) -> dict[str, PaperKeys]:
    """The keys that belong to each account of ours."""
    return {str(person.account_id): person.keys for person in desk.people if person.keys is not None}


def test_every_fault_was_met(desk: Desk) -> None:
    rules = desk.operator.call("GET", "/faults")["faults"]
    assert len(rules) == len(FAULTS) + 2
    assert {(rule["kind"], rule["path"]): rule["taken"] for rule in rules if rule["taken"] < rule["count"]} == {}


def test_every_order_was_signed_with_the_key_of_the_account_that_it_belongs_to(desk: Desk) -> None:
    keys = owners(desk)
    assert len({key.key_id for key in keys.values()}) == ACCOUNTS
    orders = desk.records().orders
    assert Counter(order.reason for order in orders if order.state is IntentState.SKIPPED) == {}
    ours = {order.client_order_id: keys[order.account_id] for order in orders}
    seen: Counter[str] = Counter()
    for kind, name in (("orders", "client_order_id"), ("algo-orders", "client_algo_id"), ("fills", "client_order_id")):
        for row in desk.operator.rows(kind):
            owner = ours[row[name]]
            assert (row["account_id"], row["signed_by"]) == (owner.account_id, owner.key_id), row
            seen[kind] += 1
    assert seen["orders"] >= 3 * ACCOUNTS
    assert seen["algo-orders"] == ACCOUNTS
    assert seen["fills"] == 3 * ACCOUNTS


def test_every_account_made_its_own_requests_and_nobody_else_made_any(desk: Desk) -> None:
    counts = desk.operator.call("GET", "/counts")["counts"]
    private = {path: number for path, number in counts.get("", {}).items() if "/v1/order" in path or "/v2/" in path}
    assert private == {}, "a request without a known key"
    for key in owners(desk).values():
        own = counts[key.account_id]
        assert own[f"POST {ORDER}"] >= 3, "entry, exit and the entry on the other side"
        assert own["POST /fapi/v1/leverage"] >= 1
    assert set(counts) - {""} == {key.account_id for key in owners(desk).values()}


def test_what_was_unknown_is_known_in_the_end_and_nothing_happened_twice(desk: Desk) -> None:
    report = desk.report() | {"executions": 1}  # nothing but webhooks here, so no strategy has run
    assert is_sound(report), report
    assert report["orders_accepted"] == 4 * ACCOUNTS, "entry, stop, exit and the entry on the other side of each"
    assert report["trades"] == ACCOUNTS
    positions = desk.records().positions
    assert len(positions) == ACCOUNTS
    assert {position.side.value for position in positions} == {"SHORT"}
