"""Counters of sources: messages within their bounds, each order's notional once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from candlecast.ports.sources import MessageBounds, MessageKind
from tests.contract.store.conftest import Stores
from tests.support.builders import NOW, SOURCE, after

TWO = MessageBounds(per_minute=2, per_hour=3)


def test_messages_are_counted_up_to_the_minute_s_and_the_hour_s_bound(stores: Stores) -> None:
    def count(seconds: float) -> bool:
        return stores.source_use.count_message(SOURCE, MessageKind.ENTRY, after(seconds), TWO) is None

    assert [count(0), count(1), count(2)] == [True, True, False]
    assert [count(60), count(61), count(120)] == [True, False, False]
    assert count(3_600)


def test_kinds_and_sources_are_counted_apart_and_no_hour_s_bound_is_any_number(stores: Stores) -> None:
    use, one = stores.source_use, MessageBounds(per_minute=1)
    assert use.count_message(SOURCE, MessageKind.ENTRY, NOW, one) is None
    assert use.count_message(SOURCE, MessageKind.ENTRY, NOW, one) is not None
    assert use.count_message(SOURCE, MessageKind.EXIT, NOW, one) is None
    assert use.count_message("source-2", MessageKind.ENTRY, NOW, one) is None
    for minute in range(1, 6):
        assert use.count_message(SOURCE, MessageKind.EXIT, after(60 * minute), one) is None


def test_a_message_beyond_a_bound_is_told_when_the_spent_minute_or_hour_ends(stores: Stores) -> None:
    def count(minute: int, second: int) -> datetime | None:
        at = NOW.replace(minute=minute, second=second, microsecond=500_000)
        return stores.source_use.count_message(SOURCE, MessageKind.ENTRY, at, TWO)

    hour = NOW.replace(minute=0, second=0, microsecond=0)
    assert [count(58, 1), count(58, 2)] == [None, None]
    assert count(58, 3) == hour + timedelta(minutes=59)
    assert count(59, 4) is None
    assert count(59, 5) == count(58, 59) == hour + timedelta(hours=1)


def test_notional_is_the_sum_of_a_day_s_orders_each_counted_once(stores: Stores) -> None:
    use, day = stores.source_use, NOW.date()
    assert use.notional_of(SOURCE, day) == 0
    for number in range(20):
        for _ in range(2):
            use.add_notional(SOURCE, f"order-{number}", f"account-{number}", Decimal("0.1"), NOW)
    use.add_notional("source-2", "order-1", "account-1", Decimal(7), NOW)
    use.add_notional(SOURCE, "order-99", "account-1", Decimal(9), after(24 * 60 * 60))
    assert use.notional_of(SOURCE, day) == Decimal(2)
    assert use.notional_of("source-2", day) == Decimal(7)
    assert use.notional_of(SOURCE, after(24 * 60 * 60).date()) == Decimal(9)
