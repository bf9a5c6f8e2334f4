"""The finding of a check: the value, the bound, whether it passes, and the margin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from candlecast.domain.decide.risk.entry import Situation
from candlecast.domain.values.money import HUNDRED


class Finding(NamedTuple):
    """`value` is None where nothing could be measured (not passed) or nothing has happened yet (passed).

    `margin` is what is left of the limit, below zero by how much it is broken.
    """

    passed: bool
    value: Decimal | None = None
    bound: Decimal | None = None
    margin: Decimal | None = None


Check = Callable[[Situation, Any], Finding]
"""Measures one limit in a situation; the second argument is the limit's value in force."""

PASSED = Finding(True)
BROKEN = Finding(False)


def unknown(bound: Decimal | int) -> Finding:
    """The limit's value is not known, so the limit refuses."""
    return Finding(False, None, Decimal(bound))


def at_most(value: Decimal | int, bound: Decimal | int) -> Finding:
    return Finding(value <= bound, Decimal(value), Decimal(bound), Decimal(bound - value))


def at_least(value: Decimal | int, bound: Decimal | int) -> Finding:
    return Finding(value >= bound, Decimal(value), Decimal(bound), Decimal(value - bound))


def below(value: Decimal | int, bound: Decimal | int) -> Finding:
    """A loss, or a count of events, that must not have reached its bound."""
    return Finding(value < bound, Decimal(value), Decimal(bound), Decimal(bound - value))


def percent(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole * HUNDRED


def long_enough(happened_at: datetime | None, wanted_seconds: Decimal | int, now: datetime) -> Finding:
    """Whether something lies so long back; it passes if it never happened."""
    if happened_at is None:
        return Finding(True, None, Decimal(wanted_seconds))
    return at_least(Decimal((now - happened_at) // timedelta(milliseconds=1)) / 1000, wanted_seconds)
