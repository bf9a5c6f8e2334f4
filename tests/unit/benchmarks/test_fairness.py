"""Fairness as it is measured: the index knows the unfair from the fair, and the product's order is fair."""

from __future__ import annotations

import pytest

from benchmarks.fairness import jain_index, section

FAIR = 0.99  # of the mean rank, over 200 signals
FEW = 150  # subscribers; the index does not depend on how many there are


def test_the_index_is_one_for_equal_shares_and_one_in_n_for_who_has_all() -> None:
    assert jain_index([3.0, 3.0, 3.0, 3.0]) == 1
    assert jain_index([7.0, 0.0, 0.0, 0.0]) == 0.25


def test_nobody_is_first_more_often_than_others() -> None:
    found = section(signals=200, subscribers=FEW)
    assert found["jain_index"] >= FAIR
    assert found["jain_index_without_shuffle"] < 0.76


@pytest.mark.slow
def test_nobody_is_first_more_often_than_others_in_five_shards() -> None:
    assert section()["jain_index"] >= FAIR
