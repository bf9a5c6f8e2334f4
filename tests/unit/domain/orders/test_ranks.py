"""Tenths of turns: each signal shuffles anew, so nobody is always first; sums over signals."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from candlecast.domain.orders.ranks import SignalRanks, SlippageSums, by_tenth
from candlecast.domain.values.ids import TENTHS, turn, turn_tenth
from tests.support.builders import NOW

FOLLOWERS = [f"subscription-{number}" for number in range(2_000)]
SIGNALS = [f"signal-{number}" for number in range(200)]
SHARE = 1 / TENTHS


def test_tenths_follow_the_order_in_which_the_fan_out_serves() -> None:
    served = sorted(FOLLOWERS, key=lambda follower: turn("signal", follower))
    tenths = [turn_tenth("signal", follower) for follower in served]
    assert tenths == sorted(tenths)
    assert set(tenths) == set(range(1, TENTHS + 1))


def test_each_tenth_has_its_share_of_the_followers() -> None:
    counted = Counter(turn_tenth("signal", follower) for follower in FOLLOWERS)
    assert all(0.7 * SHARE < count / len(FOLLOWERS) < 1.3 * SHARE for count in counted.values())


def test_nobody_is_always_first() -> None:
    for follower in FOLLOWERS[:100]:
        first = sum(turn_tenth(signal, follower) == 1 for signal in SIGNALS)
        assert 0 < first < 3 * SHARE * len(SIGNALS)


def test_signals_are_added_up_tenth_by_tenth() -> None:
    early = SlippageSums(orders=3, slippage_bps=Decimal(3))
    late = SlippageSums(orders=1, slippage_bps=Decimal("-0.5"))
    none = SlippageSums()
    signals = [
        SignalRanks(signal_id="s1", issued_at=NOW, tenths=(early, *[none] * 8, late)),
        SignalRanks(signal_id="s2", issued_at=NOW, tenths=(late, *[none] * 9)),
    ]
    sums = by_tenth(signals)
    assert sums == (early + late, *[none] * 8, late)
    assert [each.mean_bps for each in sums] == [Decimal("0.62"), *[None] * 8, Decimal("-0.50")]
    assert signals[0].total == early + late
    assert by_tenth([]) == (none,) * TENTHS
