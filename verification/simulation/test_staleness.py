"""Stale accounts clear in the minutes that their weight needs, and waiting orders come first."""

from __future__ import annotations

import pytest

from verification.simulation.staleness import clear


def test_stale_accounts_clear_in_the_time_that_their_weight_needs() -> None:
    assert clear(accounts=1_000, orders=30).overruns == []


@pytest.mark.prove
def test_five_thousand_accounts_that_grow_stale_at_once_clear_in_the_time_that_their_weight_needs() -> None:
    assert clear(accounts=5_000, orders=30).overruns == []
