"""Orders above the market's maximum are placed in parts, which together never close more than is held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.account.kill_switch import Grade
from candlecast.domain.limits.limits import Limits
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.orders.sizing import MAX_PARTS, parts
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action, TakeProfit
from candlecast.domain.subscriptions.subscription import Sizing, SizingMode
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.domain.venue.reports import VenueOrderStatus
from tests.support.builders import BTC, a_market, a_signal, settings
from tests.support.fakes.venue import Fault
from tests.support.money_path import MoneyPath, bracket

D = Decimal
LARGEST = D(15)
ADDS = Limits(max_adds=9)


def sized(quantity: str, **changes: Any) -> Any:
    sizing = Sizing(SizingMode.FIXED_QUANTITY, D(quantity))
    usual = {"sizing": sizing, "max_positions": 1, "limits": ADDS, "leverage": D(10), "capital": D(1_000_000)}
    return settings(**{**usual, **changes})


def a_path(**market: Any) -> MoneyPath:
    path = MoneyPath()
    limit(path, **market)
    return path


def limit(path: MoneyPath, largest: Decimal = LARGEST, **market: Any) -> None:
    """The venue takes no order at market above `largest`, and its catalogue says so."""
    path.exchange.largest[BTC] = largest
    path.markets.put(a_market(max_quantity=largest, **market))


def enter(path: MoneyPath, quantity: str = "10", **changes: Any) -> None:
    options = changes.pop("settings", {})
    signal = bracket(issued_at=path.clock.now(), **{"targets": (), **changes})
    path.execute(signal, settings=sized(quantity, **options))
    path.clock.advance(60)


def sent(path: MoneyPath, kind: LegKind) -> list[Decimal]:
    return [leg.quantity for leg in path.told(kind)]


def of_two_entries() -> MoneyPath:
    """Ten and ten more are held where the venue takes at most fifteen at once."""
    path = a_path()
    enter(path)
    enter(path)
    assert path.net == 20
    return path


# -- the parts themselves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "largest", "expected"),
    [
        ("10", "15", ["10"]),
        ("15", "15", ["15"]),
        ("20", "15", ["10", "10"]),
        ("15.001", "15", ["7.500", "7.501"]),
        ("44", "15", ["14.666", "14.667", "14.667"]),
        ("31", "15.0005", ["10.333", "10.333", "10.334"]),
        ("75", "15", ["15"] * 5),
        ("76", "15", ["15"] * 5),  # the bound: the rest is left for later
        ("7", "0.0001", ["7"]),  # a maximum below the step says nothing
    ],
)
def test_a_quantity_is_split_into_parts_of_about_one_size(quantity: str, largest: str, expected: list[str]) -> None:
    found = parts(D(quantity), a_market(max_quantity=D(largest)))
    assert found == tuple(D(part) for part in expected)
    assert max(found) <= D(largest) or len(found) == 1


# -- exits -------------------------------------------------------------------------------------------------------------------


def test_ten_and_ten_are_closed_where_the_venue_takes_at_most_fifteen() -> None:
    path = of_two_entries()
    path.leave()
    assert (path.net, sent(path, LegKind.EXIT), path.states(LegKind.EXIT)) == (D(0), [D(10)] * 2, [IntentState.FILLED] * 2)
    path.settle(looks=2)
    assert path.is_flat


def test_parts_of_an_exit_have_ids_that_a_repeat_finds() -> None:
    path = of_two_entries()
    signal = a_signal(Action.EXIT, issued_at=path.clock.now())
    path.execute(signal)
    count = path.exchange.count("create_order")
    path.execute(signal)
    assert path.exchange.count("create_order") == count
    first, second = path.told(LegKind.EXIT)
    assert (second.part_of, second.leg) == (first.intent_id, "EXIT_PART_2")
    assert first.client_order_id != second.client_order_id


@pytest.mark.parametrize("fault", [*Fault])
def test_an_exit_in_parts_closes_all_whatever_happens_to_its_first_part(fault: Fault) -> None:
    path = of_two_entries()
    path.exchange.script(fault)
    path.leave()
    path.exchange.arrive_late()
    assert path.net >= 0
    if fault is Fault.FATAL:
        return
    path.settle(looks=12)
    assert path.is_flat
    assert sum(i.filled_quantity for i in path.told(LegKind.EXIT)) == 20


def test_an_exit_beyond_the_bound_goes_on_in_looks() -> None:
    path = of_two_entries()
    limit(path, D(3))
    path.leave()
    assert path.net == 20 - MAX_PARTS * 3
    path.settle(looks=4, seconds=5)
    assert path.is_flat
    assert sum(sent(path, LegKind.EXIT)) == 20


def test_an_exit_that_waited_is_sent_in_parts_too() -> None:
    path = of_two_entries()
    enter(path, "1", entry=EntryOrder(type=EntryType.LIMIT, price=D(98), rests_seconds=600))
    path.leave()
    path.settle(looks=4, seconds=5)
    assert path.is_flat


def test_a_forced_exit_is_sent_in_parts() -> None:
    path = of_two_entries()
    path.gate.flip(Grade.FLATTEN)
    path.reconcile(60)
    assert (path.net, sent(path, LegKind.EXIT)) == (D(0), [D(10)] * 2)
    path.settle(looks=2)
    assert path.is_flat


# -- stops -------------------------------------------------------------------------------------------------------------------


def test_stops_are_placed_in_parts_and_are_what_should_stand() -> None:
    path = of_two_entries()
    path.settle(looks=3, seconds=60)
    assert path.live_stops() == [(D(10), D(90))] * 2
    count = path.exchange.count("create_order")
    path.settle(looks=3, seconds=60)
    assert path.exchange.count("create_order") == count
    path.exchange.trade(BTC, D(90))
    path.settle(looks=3, seconds=60)
    assert path.is_flat


def test_a_part_of_a_stop_that_was_refused_is_placed_alone() -> None:
    path = a_path()
    path.exchange.script(Fault.NONE, Fault.NONE, Fault.NONE, Fault.REJECT)
    enter(path, "20")
    assert path.live_stops() == [(D(10), D(90))]
    path.settle(looks=2, seconds=60)
    assert path.live_stops() == [(D(10), D(90))] * 2
    assert path.net == 20


def test_a_stop_in_parts_is_moved_as_a_whole() -> None:
    path = a_path()
    enter(path, "20", settings={"trailing_stop_percent": D(20)})
    path.exchange.trade(BTC, D(150))
    path.settle(looks=3, seconds=60)
    assert path.live_stops() == [(D(10), D(120))] * 2


def test_stops_and_targets_of_an_entry_that_was_filled_in_part_close_no_more_than_is_held() -> None:
    path = a_path()
    path.exchange.script(Fault.NONE, Fault.REJECT)
    enter(path, "20", targets=(TakeProfit(D(120), D("0.5")), TakeProfit(D(130), D("0.5"))))
    assert path.net == 10
    assert path.live_stops() == [(D(10), D(90))]
    targets = [i.quantity for i in path.account.intents.values() if i.kind is LegKind.TAKE_PROFIT]
    assert sum(targets) <= 10


# -- entries -----------------------------------------------------------------------------------------------------------------


def test_an_entry_at_market_is_sent_in_parts_that_open_one_position() -> None:
    path = a_path()
    enter(path, "20", targets=(TakeProfit(D(120), D(1)),))
    assert (path.net, sent(path, LegKind.ENTRY)) == (D(20), [D(10)] * 2)
    position = path.position
    assert position is not None
    assert (position.quantity, position.adds, position.entry_intent_id) == (D(20), 0, path.told(LegKind.ENTRY)[0].intent_id)
    assert path.live_stops() == [(D(10), D(90))] * 2
    assert path.account.usage.results_of(position.subscription_id, path.clock.now()).entries == 1
    path.exchange.trade(BTC, D(120))
    path.settle(looks=3, seconds=60)
    assert path.is_flat


@pytest.mark.parametrize("fault", [Fault.REJECT, Fault.RETRY_LATER, Fault.AMBIGUOUS_EXECUTED, Fault.AMBIGUOUS_NOT_EXECUTED])
@pytest.mark.parametrize("place", [0, 1])
def test_an_entry_in_parts_is_covered_whatever_happens_to_one_of_them(fault: Fault, place: int) -> None:
    path = a_path()
    path.exchange.script(*[Fault.NONE] * place, fault)
    enter(path, "20")
    path.settle(looks=12)
    assert sum(quantity for quantity, _ in path.live_stops()) == path.net
    assert path.position is None or path.position.quantity == path.net
    path.leave()
    path.settle(looks=6)
    assert path.is_flat


def test_an_entry_that_could_not_be_closed_in_the_bound_of_parts_is_refused() -> None:
    path = a_path()
    enter(path, str(MAX_PARTS * 15))
    enter(path, "1")
    assert path.net == MAX_PARTS * 15
    assert path.told(LegKind.ENTRY)[-1].denial == Denial(Reason.QUANTITY_TOO_LARGE, D(1), D(0))


def test_an_entry_that_rests_is_one_order_and_is_refused_above_the_maximum() -> None:
    path = a_path()
    enter(path, "20", entry=EntryOrder(type=EntryType.LIMIT, price=D(98), rests_seconds=600))
    assert path.told(LegKind.ENTRY)[-1].denial == Denial(Reason.QUANTITY_TOO_LARGE, D(20), LARGEST)
    assert not path.venue_orders(VenueOrderStatus.OPEN)


def test_a_reversal_closes_and_opens_in_parts() -> None:
    path = of_two_entries()
    signal = bracket(Action.SHORT, stop="110", targets=(), issued_at=path.clock.now())
    path.execute(signal, settings=sized("20"))
    path.settle(looks=2, seconds=60)
    assert (path.net, path.live_stops()) == (D(-20), [(D(10), D(110))] * 2)


def test_the_venues_own_trailing_stop_is_left_out_where_it_would_need_parts() -> None:
    path = a_path()
    enter(path, "20", settings={"trailing_stop_percent": D(5)})
    assert path.told(LegKind.TRAILING_STOP) == []
