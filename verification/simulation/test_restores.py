"""An account catches up with its venue after the table was restored, from seeds."""

from __future__ import annotations

import pytest

from verification.simulation.restores import broken, run


def test_an_account_catches_up_after_a_restore() -> None:
    assert broken(12) == []


@pytest.mark.slow
def test_the_seeds_lose_entries_and_find_them() -> None:
    found = [run(seed) for seed in range(60)]
    assert [each.broken for each in found if each.broken] == []
    assert sum(each.adopted for each in found) >= 5


@pytest.mark.prove
def test_an_account_catches_up_after_a_restore_from_many_seeds() -> None:
    assert broken(1_000) == []
