"""From an account's new version to its tenant's sockets: each gets its own, in one chain, and nothing while nobody listens."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.live.change import MAX_NAMED, AccountChange, PositionName, Push, joined, message
from candlecast.domain.live.connection import Topic
from candlecast.domain.orders.intent import LegKind
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.venue.reports import VenueOrder, VenueOrderStatus
from candlecast.services.live.note_change import noted
from candlecast.services.live.push_changes import HANDSHAKE_SECONDS, PushChanges
from candlecast.services.live.tell_listeners import KNOWN_FOR, PAUSE, TellListeners
from tests.support.builders import ACCOUNT, BTC, NOW, SUBSCRIPTION, TENANT, a_position, after, an_account, an_intent
from tests.support.fakes.accounts import FakeAccountStore
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.live import FakeGateway, FakeLive, FakeLiveTasks, a_connection

OTHER = "tenant-2"
HERE = PositionName(subscription_id=SUBSCRIPTION, market=BTC)


def a_change(**changes: Any) -> AccountChange:
    values: dict[str, Any] = {"tenant_id": TENANT, "account_id": ACCOUNT, "before": 4, "sequence": 5, "orders": ("order-1",)}
    return AccountChange(**{**values, **changes})


# -- what has changed --------------------------------------------------------------------------------------------------------


def test_each_version_of_an_account_names_what_it_has_changed() -> None:
    accounts = FakeAccountStore()
    entry, closing = an_intent(capital=Decimal(1_000)), an_intent(LegKind.EXIT)
    filled = VenueOrder(
        client_order_id="c",
        venue_order_id="1",
        status=VenueOrderStatus.FILLED,
        filled_quantity=Decimal(10),
        average_price=Decimal(100),
    )
    account = accounts.create(an_account())
    account = accounts.save(account.decide([entry], after(1), receipt="{}"))
    account = accounts.save(account.apply(entry.intent_id, filled, Decimal(0), after(2)))
    account = accounts.save(account.decide([closing], after(3), receipt="{}"))
    account = accounts.save(account.apply(closing.intent_id, filled, Decimal(0), after(4)))
    accounts.save(account.alert("STOP_LOSS_NOT_PLACED", after(5), a_position()))
    stream = accounts.database.stream
    versions = sorted({each.version for each in stream})
    found = [
        noted(a_change(sequence=number, orders=()), [each for each in stream if each.version == number]) for number in versions
    ]
    signal = entry.signal_id
    assert [(each.orders, each.positions, each.signals) for each in found] == [
        ((entry.intent_id,), (), (signal,)),
        ((entry.intent_id,), (HERE,), ()),
        ((closing.intent_id,), (), (closing.signal_id,)),
        ((closing.intent_id,), (HERE,), ()),
        ((), (), ()),
    ]


def test_versions_of_a_batch_are_one_link_of_their_accounts_chain() -> None:
    other = a_change(account_id="account-2", before=1, sequence=2)
    first, then = a_change(signals=("s-1",)), a_change(before=5, sequence=9, orders=("order-2", "order-1"), positions=(HERE,))
    assert joined([first, other, then]) == (
        a_change(sequence=9, orders=("order-1", "order-2"), positions=(HERE,), signals=("s-1",)),
        other,
    )


def test_a_message_has_the_topics_of_its_connection_and_goes_on_with_the_chain_without_them() -> None:
    change = a_change(positions=(HERE,), signals=("signal-1",))
    link = {"type": "account.changed", "account_id": ACCOUNT, "from": 4, "sequence": 5}
    orders = {"topic": "orders", "order_ids": ["order-1"]}
    positions = {"topic": "positions", "positions": [{"subscription_id": SUBSCRIPTION, "market": BTC}]}
    signals = {"topic": "signals", "signal_ids": ["signal-1"]}
    assert message(change, tuple(Topic)) == {**link, "changes": [orders, positions, signals]}
    assert message(change, (Topic.SIGNALS, Topic.POSITIONS)) == {**link, "changes": [positions, signals]}
    assert message(a_change(), (Topic.POSITIONS,)) == {**link, "changes": []}


def test_a_message_names_a_bounded_number() -> None:
    most = a_change(orders=tuple(f"order-{number}" for number in range(MAX_NAMED)))
    assert len(message(most, (Topic.ORDERS,))["changes"][0]["order_ids"]) == MAX_NAMED
    (more,) = joined([most, a_change(orders=("order-x",))])
    assert message(more, (Topic.ORDERS,))["changes"] == [{"topic": "orders", "order_ids": None}]


# -- who is told -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def live() -> FakeLive:
    return FakeLive()


@pytest.fixture
def tasks() -> FakeLiveTasks:
    return FakeLiveTasks()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def tell(live: FakeLive, tasks: FakeLiveTasks, clock: FakeClock) -> TellListeners:
    return TellListeners(live, tasks, clock)


def test_nothing_is_handed_over_while_nobody_listens(tell: TellListeners, live: FakeLive, tasks: FakeLiveTasks) -> None:
    for _ in range(100):
        assert tell([a_change()]) == 0
    assert (tasks.pushed, live.lookups) == ([], 1)


def test_a_batch_without_a_change_asks_for_nothing(tell: TellListeners, live: FakeLive) -> None:
    assert (tell([]), live.lookups) == (0, 0)


def test_a_batch_is_handed_over_at_once_to_those_who_own_its_accounts(
    tell: TellListeners, live: FakeLive, tasks: FakeLiveTasks
) -> None:
    mine, too, theirs = a_connection("a"), a_connection("b"), a_connection("c", tenant_id=OTHER)
    for each in (mine, too, theirs, a_connection("d", tenant_id="tenant-3")):
        live.put_connection(each)
    changes = [
        a_change(),
        a_change(tenant_id=OTHER, account_id="account-2"),
        a_change(before=5, sequence=6),
        a_change(tenant_id="x"),
    ]
    assert tell(changes) == 2
    assert tasks.pushed == [
        [
            Push(tenant_id=TENANT, connections=(mine, too), changes=(a_change(sequence=6),)),
            Push(tenant_id=OTHER, connections=(theirs,), changes=(changes[1],)),
        ]
    ]


def test_a_connection_whose_time_is_over_hears_nothing(tell: TellListeners, live: FakeLive, tasks: FakeLiveTasks) -> None:
    live.put_connection(a_connection(ends_at=NOW))
    assert (tell([a_change()]), tasks.pushed) == (0, [])


def test_whoever_comes_or_goes_is_known_within_seconds(
    tell: TellListeners, live: FakeLive, tasks: FakeLiveTasks, clock: FakeClock
) -> None:
    tell([a_change()])
    live.put_connection(a_connection())
    clock.set(NOW + KNOWN_FOR)
    assert tell([a_change()]) == 1
    live.forget_connections(["connection-1="])
    clock.advance(KNOWN_FOR.total_seconds())
    assert tell([a_change()]) == 0
    assert (len(tasks.pushed), live.lookups) == (1, 3)


def test_after_a_failure_nobody_is_told_for_a_while(
    tell: TellListeners, live: FakeLive, tasks: FakeLiveTasks, clock: FakeClock
) -> None:
    live.put_connection(a_connection())
    tasks.is_down = True
    with pytest.raises(RetryLater):
        tell([a_change()])
    assert (tell([a_change()]), live.lookups) == (0, 1)
    tasks.is_down = False
    clock.set(NOW + PAUSE)
    assert tell([a_change()]) == 1


# -- what is sent ------------------------------------------------------------------------------------------------------------


class Pauses:
    """The pauses of a push; `then` happens in one."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.then: Any = None

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self.then is not None:
            self.then()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def push(live: FakeLive, gateway: FakeGateway, pauses: Pauses) -> PushChanges:
    return PushChanges(live, gateway, pauses)


def a_push(*connection_ids: str, **changes: Any) -> Push:
    connections = tuple(a_connection(each) for each in connection_ids)
    return Push(**{"tenant_id": TENANT, "connections": connections, "changes": (a_change(),), **changes})


def test_each_connection_gets_each_change_once(push: PushChanges, gateway: FakeGateway, pauses: Pauses) -> None:
    further = a_change(account_id="account-2")
    assert push([a_push("a", "b", changes=(a_change(), further))]) == {"sent": 4, "gone": 0, "failed": 0}
    got = [(each.connection_id, json.loads(each.text)) for each in gateway.posted]
    assert got == [(name, message(change, tuple(Topic))) for change in (a_change(), further) for name in ("a", "b")]
    assert pauses.seconds == []


def test_a_message_never_goes_to_another_tenants_connection(push: PushChanges, gateway: FakeGateway) -> None:
    strange = replace(a_connection("b"), tenant_id=OTHER)
    mixed = a_push(connections=(a_connection("a"), strange), changes=(a_change(), a_change(tenant_id=OTHER)))
    assert push([mixed]) == {"sent": 1, "gone": 0, "failed": 0}
    assert [each.connection_id for each in gateway.posted] == ["a"]


def test_a_connection_that_stays_gone_is_forgotten(
    push: PushChanges, gateway: FakeGateway, live: FakeLive, pauses: Pauses
) -> None:
    for name in ("a", "b"):
        live.put_connection(a_connection(name))
    gateway.gone = {"a"}
    assert push([a_push("a", "b")]) == {"sent": 1, "gone": 1, "failed": 0}
    assert (list(live.connections), pauses.seconds) == (["b"], [HANDSHAKE_SECONDS])


def test_a_connection_whose_handshake_is_not_over_gets_its_message_and_stays(
    push: PushChanges, gateway: FakeGateway, live: FakeLive, pauses: Pauses
) -> None:
    live.put_connection(a_connection("early"))
    gateway.gone, pauses.then = {"early"}, lambda: gateway.gone.clear()
    assert push([a_push("early")]) == {"sent": 1, "gone": 0, "failed": 0}
    assert list(live.connections) == ["early"]


def test_a_message_that_fails_is_lost_and_its_connection_stays(push: PushChanges, gateway: FakeGateway, live: FakeLive) -> None:
    live.put_connection(a_connection("a"))
    gateway.unreachable = {"a"}
    assert push([a_push("a")]) == {"sent": 0, "gone": 0, "failed": 1}
    assert list(live.connections) == ["a"]
