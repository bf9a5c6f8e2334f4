"""A day of parity with every field, for stores and answers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from candlecast.domain.parity.parity import Difference, ParityCause, ParityDay, end_of
from tests.support.builders import NOW, STRATEGY, a_candle

TODAY = NOW.date()


def a_difference(**changes: Any) -> Difference:
    values: dict[str, Any] = {
        "candle_close": NOW,
        "cause": ParityCause.REVISED,
        "version": 2,
        "recorded": "LONG at 100",
        "recomputed": "HOLD",
        "row": NOW - timedelta(minutes=1),
        "before": a_candle(NOW - timedelta(minutes=1)),
        "after": a_candle(NOW - timedelta(minutes=1), "100.5"),
    }
    return Difference(**{**values, **changes})


def a_parity_day(day: date = TODAY, strategy_id: str = STRATEGY, **changes: Any) -> ParityDay:
    """A day of ten runs, one of them on a revised candle."""
    found = ParityDay.of(
        strategy_id,
        day,
        changes.pop("differences", [a_difference()]),
        equal=changes.pop("equal", 9),
        until=changes.pop("until", end_of(day)),
        checked_at=end_of(day) + timedelta(hours=1),
        missing=3,
        refusal="LEVEL_INVALID",
    )
    assert not changes, changes
    return found
