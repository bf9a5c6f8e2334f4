"""The model of one signal: its counts are those that were counted, its seconds grow as they must, the guide shows its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report.model import Pace, addresses_for, seconds_of, signal_of, table
from infra.local.project import ROOT

GUIDE = Path(ROOT) / "docs" / "guides" / "scaling.md"


def test_the_guide_shows_the_table_as_it_is_computed() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert table() in text
    assert table(Pace(shards_at_once=200, orders_at_once=1_000)) in text


def test_work_that_the_first_five_can_do_takes_as_long_as_one_task() -> None:
    assert seconds_of(5, 0.6, 50) == 0.6


@pytest.mark.parametrize(("tasks", "at_once", "expected"), [(250, 1_000, 9.05), (4_000, 50, 84.05), (1_000_000, 1_000, 1_099.0)])
def test_consumers_grow_by_five_a_second_up_to_their_bound(tasks: int, at_once: int, expected: float) -> None:
    assert seconds_of(tasks, 1.0, at_once) == pytest.approx(expected, abs=0.05)


def test_more_subscribers_cost_in_proportion_and_more_consumers_only_time() -> None:
    few, many = signal_of(5_000, Pace()), signal_of(1_000_000, Pace())
    assert many.usd / few.usd == pytest.approx(200, rel=0.01)
    assert signal_of(1_000_000, Pace(orders_at_once=1_000)).usd == many.usd
    assert signal_of(1_000_000, Pace(orders_at_once=1_000)).all_ordered_seconds < many.all_ordered_seconds / 2


def test_an_address_carries_no_more_looks_than_the_reconcilers_share() -> None:
    assert (addresses_for(1_680), addresses_for(1_681)) == (1, 2)
