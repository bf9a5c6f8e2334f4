"""Hold two results of a backtest equal, trade by trade, and name the first difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

RELATIVE = 1e-6
NOISE = 1e-12  # of the value of a trade: a difference of two prices has lost these digits
EXACT = ("side", "entry_time", "exit_time")


def first_difference(result: Mapping[str, Any], wanted: Mapping[str, Any], cash: float = 10_000_000) -> str | None:
    """Say where a result leaves the wanted one: rows, trades, open position, fees, what was gained; None if nowhere."""
    return (
        _different("rows", result["rows"], wanted["rows"], 0)
        or trades_difference(result["trades"], wanted["trades"])
        or _position_difference(result["open_position"], wanted["open_position"])
        or _different("fees", result["fees"], wanted["fees"], 0)
        or _different("final_equity - cash", result["final_equity"] - cash, wanted["final_equity"] - cash, cash * 1e-14)
    )


def trades_difference(trades: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> str | None:
    for number, (trade, other) in enumerate(zip(trades, wanted, strict=False)):
        difference = _entry_difference(f"trade {number}", trade, other)
        if difference:
            return difference
    return _different("closed trades", len(trades), len(wanted), 0)


def _position_difference(held: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> str | None:
    if held is None or wanted is None:
        return None if held == wanted else f"open_position: {held} is not {wanted}"
    return _entry_difference("open_position", held, wanted)


def _entry_difference(place: str, entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    noise = wanted["entry_price"] * wanted["quantity"] * NOISE
    for name, value in wanted.items():
        if name in EXACT:
            if entry[name] != value:
                return f"{place}: {name} {entry[name]} is not {value}"
        elif difference := _different(f"{place}: {name}", entry[name], value, noise):
            return difference
    return None


def _different(place: str, value: float, wanted: float, noise: float) -> str | None:
    same = isclose(float(value), float(wanted), rel_tol=RELATIVE, abs_tol=noise)
    return None if same else f"{place} {value} is not {wanted}"
