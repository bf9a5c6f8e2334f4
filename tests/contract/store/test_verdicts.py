"""Verdicts: one per signal, claimed by one worker at a time, released once, listed while quarantined."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from candlecast.domain.signals.verdict import Release, Verdict, judge
from candlecast.domain.values.errors import Conflict, NotFound
from tests.contract.store.conftest import Stores
from tests.support.builders import NOW, VENUE, a_quote, a_signal, a_signal_record, after

SIGNAL = a_signal().signal_id
RELEASE = Release(signal_id="released-1", released_by="admin-1", released_at=after(60))


def passed(mark: int = 100, signal_id: str = SIGNAL) -> Verdict:
    return judge(a_signal(signal_id=signal_id), VENUE, a_quote(Decimal(mark)), after(1))


def quarantined(signal_id: str = SIGNAL, seconds: float = 1) -> Verdict:
    return judge(a_signal(signal_id=signal_id), VENUE, a_quote(Decimal(1)), after(seconds))


def test_the_first_verdict_stays(stores: Stores) -> None:
    assert stores.verdicts.find_verdict(SIGNAL) is None
    assert stores.verdicts.put_verdict(passed()) == passed()
    assert stores.verdicts.put_verdict(passed(101)) == passed()
    assert stores.verdicts.put_verdict(quarantined()) == passed()
    assert stores.verdicts.find_verdict(SIGNAL) == passed()


def test_a_verdict_stands_beside_its_signal_and_its_shards(stores: Stores) -> None:
    stores.signals.put_signal(a_signal_record())
    stores.verdicts.put_verdict(quarantined())
    assert stores.signals.get_signal(SIGNAL) == a_signal_record()


def test_one_worker_at_a_time_claims_a_signal_and_none_once_it_is_judged(stores: Stores) -> None:
    assert stores.verdicts.claim(SIGNAL, NOW, after(3))
    assert not stores.verdicts.claim(SIGNAL, after(2.9), after(6))
    assert stores.verdicts.find_verdict(SIGNAL) is None
    assert stores.verdicts.claim(SIGNAL, after(3), after(6))
    assert stores.verdicts.put_verdict(passed()) == passed()
    assert not stores.verdicts.claim(SIGNAL, after(60), after(63))
    assert stores.verdicts.find_verdict(SIGNAL) == passed()


def test_quarantined_signals_are_listed_newest_first_in_pages(stores: Stores) -> None:
    for number in range(3):
        stores.verdicts.put_verdict(quarantined(f"signal-{number}", seconds=number))
    stores.verdicts.put_verdict(passed(signal_id="signal-9"))
    first = stores.verdicts.list_quarantined(limit=2)
    assert [verdict.signal_id for verdict in first.items] == ["signal-2", "signal-1"]
    rest = stores.verdicts.list_quarantined(first.cursor, limit=2)
    assert ([verdict.signal_id for verdict in rest.items], rest.cursor) == (["signal-0"], None)


def test_the_first_release_stays_and_the_signal_stays_listed(stores: Stores) -> None:
    stores.verdicts.put_verdict(quarantined())
    released = replace(quarantined(), release=RELEASE)
    assert stores.verdicts.release(SIGNAL, RELEASE) == released
    assert stores.verdicts.release(SIGNAL, replace(RELEASE, released_by="admin-2")) == released
    assert stores.verdicts.find_verdict(SIGNAL) == released
    assert list(stores.verdicts.list_quarantined().items) == [released]


def test_only_a_quarantined_signal_is_released(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.verdicts.release(SIGNAL, RELEASE)
    stores.verdicts.claim(SIGNAL, NOW, after(3))
    with pytest.raises(NotFound):
        stores.verdicts.release(SIGNAL, RELEASE)
    stores.verdicts.put_verdict(passed())
    with pytest.raises(Conflict):
        stores.verdicts.release(SIGNAL, RELEASE)
