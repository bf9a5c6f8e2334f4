"""Signals and receipts: stored once, reported shard by shard, received once within the window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.execution import ShardReport
from candlecast.domain.values.errors import NotFound
from candlecast.ports.filters import SignalFilter, Window
from candlecast.ports.store import NewestMessage
from tests.contract.store.conftest import Stores
from tests.support.builders import BTC, ETH, NOW, SOURCE, STRATEGY, a_signal, a_signal_record, after

SIGNAL = a_signal().signal_id
WINDOW = 600


def test_a_signal_is_stored_once_and_a_repeat_learns_of_the_first(stores: Stores) -> None:
    assert stores.signals.put_signal(a_signal_record(shards=2)) == a_signal_record(shards=2)
    assert stores.signals.put_signal(a_signal_record(subscriber_count=99)) == a_signal_record(shards=2)
    assert stores.signals.get_signal(SIGNAL) == a_signal_record(shards=2)


def test_a_signal_that_does_not_exist_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.signals.get_signal(SIGNAL)
    assert stores.signals.shard_report(SIGNAL, 0) is None


def test_shards_report_beside_each_other_and_each_goes_forward_only(stores: Stores) -> None:
    stores.signals.put_signal(a_signal_record(shards=3))
    half = ShardReport(shard=0, orders=1, is_complete=False, reached="5", began_at=NOW, sent_at=NOW)
    whole = replace(half, orders=3, is_complete=True, reached="a", sent_at=after(2))
    other = ShardReport(shard=1, orders=7, skipped={"NO_ACCOUNT": 2}, reached="b", began_at=after(1), sent_at=after(3))
    for report in (half, other, whole, half):
        stores.signals.report_shard(SIGNAL, report)
    stores.signals.put_signal(a_signal_record(shards=3))
    record = stores.signals.get_signal(SIGNAL)
    assert record.reports == {0: whole, 1: other}
    assert (record.orders, record.shards_done, record.spread_seconds) == (10, 2, 3.0)
    assert (stores.signals.shard_report(SIGNAL, 0), stores.signals.shard_report(SIGNAL, 2)) == (whole, None)
    assert list(stores.signals.list_signals(STRATEGY, SignalFilter()).items) == [record]


def test_a_shard_without_anybody_is_reported_too(stores: Stores) -> None:
    stores.signals.put_signal(a_signal_record())
    for _ in range(2):
        stores.signals.report_shard(SIGNAL, ShardReport(shard=0, orders=0))
    assert stores.signals.get_signal(SIGNAL).shards_done == 1


def test_signals_of_a_strategy_are_listed_newest_first(stores: Stores) -> None:
    records = [a_signal_record(a_signal(Action.LONG, issued_at=after(number)), published_at=after(number)) for number in range(3)]
    for record in records:
        stores.signals.put_signal(record)
    stores.signals.put_signal(a_signal_record(replace(a_signal(Action.EXIT), strategy_id="strategy-2")))
    first = stores.signals.list_signals(STRATEGY, SignalFilter(), limit=2)
    second = stores.signals.list_signals(STRATEGY, SignalFilter(), first.cursor, limit=2)
    assert [*first.items, *second.items] == records[::-1]
    assert second.cursor is None


def test_signals_are_narrowed_by_time_market_and_action(stores: Stores) -> None:
    actions = (Action.LONG, Action.EXIT, Action.SHORT)
    for number, action in enumerate(actions):
        signal = a_signal(action, issued_at=after(number), market=ETH if action is Action.SHORT else BTC)
        stores.signals.put_signal(a_signal_record(signal, published_at=after(number)))

    def found(**wanted: Any) -> list[Action]:
        return [it.signal.action for it in stores.signals.list_signals(STRATEGY, SignalFilter(**wanted)).items]

    assert found() == [*reversed(actions)]
    assert found(window=Window(ascending=True)) == [*actions]
    assert found(window=Window(since=after(1))) == [Action.SHORT, Action.EXIT]
    assert found(window=Window(since=after(1), until=after(2))) == found(action="EXIT") == [Action.EXIT]
    assert found(market=ETH) == [Action.SHORT]
    assert found(market=ETH, action="LONG") == []


def test_signals_are_found_by_their_ids(stores: Stores) -> None:
    records = [a_signal_record(a_signal(Action.LONG, issued_at=after(number), candle_close=after(number))) for number in range(3)]
    for record in records:
        stores.signals.put_signal(record)
        stores.signals.report_shard(record.signal.signal_id, ShardReport(shard=0, orders=1))
    wanted = [record.signal.signal_id for record in records[:2]]
    assert stores.signals.find_signals([*wanted, "unknown"]) == dict(zip(wanted, records[:2], strict=True))
    assert stores.signals.find_signals([]) == {}


def test_a_message_is_received_once_within_its_window(stores: Stores) -> None:
    assert stores.signals.receive(SOURCE, "key", "signal-1", "{}", NOW, WINDOW) == ("signal-1", False)
    assert stores.signals.receive(SOURCE, "key", "signal-2", "{}", after(WINDOW - 1), WINDOW) == ("signal-1", False)
    assert stores.signals.receive(SOURCE, "key", "signal-3", "{}", after(WINDOW), WINDOW) == ("signal-3", False)


def test_a_repeat_learns_whether_the_first_has_been_queued(stores: Stores) -> None:
    stores.signals.receive(SOURCE, "key", "signal-1", "{}", NOW, WINDOW)
    stores.signals.mark_queued(SOURCE, "key", NOW)
    assert stores.signals.receive(SOURCE, "key", "signal-2", "{}", after(1), WINDOW) == ("signal-1", True)
    assert stores.signals.receive(SOURCE, "key", "signal-3", "{}", after(WINDOW), WINDOW) == ("signal-3", False)


def test_messages_of_other_sources_and_other_keys_are_others(stores: Stores) -> None:
    long_key = "any text of its sender, # and / included " * 100
    stores.signals.receive(SOURCE, "key", "signal-1", "{}", NOW, WINDOW)
    assert stores.signals.receive("source-2", "key", "signal-2", "{}", NOW, WINDOW) == ("signal-2", False)
    assert stores.signals.receive(SOURCE, long_key, "signal-3", "{}", NOW, WINDOW) == ("signal-3", False)
    assert stores.signals.receive(SOURCE, long_key, "signal-4", "{}", NOW, WINDOW) == ("signal-3", False)


def test_a_receipt_that_does_not_exist_cannot_be_marked(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.signals.mark_queued(SOURCE, "key", NOW)


def test_the_newest_message_of_a_market_replaces_the_one_before_and_no_other_market_s(stores: Stores) -> None:
    assert stores.signals.newest_message(SOURCE, BTC) is None
    entry, leaving = NewestMessage("entry-key", "signal-1"), NewestMessage("exit-key", "signal-2", "signal-1")
    stores.signals.put_newest_message(SOURCE, BTC, entry, NOW)
    stores.signals.put_newest_message(SOURCE, ETH, entry, NOW)
    stores.signals.put_newest_message(SOURCE, BTC, leaving, after(1))
    assert stores.signals.newest_message(SOURCE, BTC) == leaving
    assert stores.signals.newest_message(SOURCE, ETH) == entry
    assert stores.signals.newest_message("source-2", BTC) is None


def test_a_message_that_came_earlier_does_not_replace_the_newest(stores: Stores) -> None:
    entry, leaving = NewestMessage("entry-key", "signal-1"), NewestMessage("exit-key", "signal-2")
    stores.signals.put_newest_message(SOURCE, BTC, entry, after(1))
    stores.signals.put_newest_message(SOURCE, BTC, leaving, NOW)
    assert stores.signals.newest_message(SOURCE, BTC) == entry
    stores.signals.put_newest_message(SOURCE, BTC, leaving, after(1))
    assert stores.signals.newest_message(SOURCE, BTC) == leaving
