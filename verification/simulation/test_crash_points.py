"""A crash at each single boundary of the canonical scenario leads to the same end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from verification.simulation.canonical import Played, play

PARTS = 8  # of the boundaries, so that a failure names its region


@pytest.fixture(scope="module")
def undisturbed() -> Played:
    return play()


def test_the_scenario_itself_ends_flat_with_both_trades(undisturbed: Played) -> None:
    end = undisturbed.end
    assert (end.net, end.positions, end.open_orders, end.dead_letters, end.broken) == (Decimal(0), 0, 0, 0, ())
    assert [(side, pnl) for side, pnl, _ in end.trades] == [("LONG", Decimal(5)), ("SHORT", Decimal(-5))]


def test_the_scenario_crosses_every_port_of_the_money_path(undisturbed: Played) -> None:
    effects = {label.removeprefix("after ") for label in undisturbed.labels if label.startswith("after ")}
    assert effects >= {
        "accounts.load",
        "accounts.save",
        "vault.read",
        "venues.connect",
        "venue.set_market_settings",
        "venue.create_order",
        "venue.cancel_order",
        "signals.put_signal",
        "signal_queue.send_shards",
        "subscriptions.followers",
        "trade_queue.send_orders",
        "signals.report_shard",
        "history.put_order",
        "history.put_position",
        "history.put_trade",
        "bus.publish",
        "accounts.due_for_reconcile",
    }


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_crash_at_any_boundary_changes_nothing_in_the_end(undisturbed: Played, part: int) -> None:
    different = {}
    # what a death before a call leaves is what a death after the call before it has left
    distinct = [number for number, label in enumerate(undisturbed.labels, 1) if not label.startswith("before ")]
    for boundary in distinct[part::PARTS]:
        played = play(boundary)
        assert played.crashes == 1
        if played.end != undisturbed.end:
            different[boundary, undisturbed.labels[boundary - 1]] = played.end
    assert different == {}
