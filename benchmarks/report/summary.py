"""The results of a run for people: its ratios, each against its bound. `benchmarks.report.plot` draws the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Section, key, name for people, and the ratio's bound with its direction: at most (<=) or at least (>=).
RATIOS = (
    ("order", "ratio", "CPU of an order / ccxt alone", "<=", 4.0),
    ("throughput", "ratio", "orders per second / bare ccxt", ">=", 0.6),
    ("throughput", "ratio_to_pool", "orders per second / client-per-order pool", ">=", 2.0),
    ("fanout", "ratio", "fan-out messages per second / bare boto3", ">=", 0.7),
    ("fairness", "jain_index", "fairness, Jain's index", ">=", 0.99),
    ("backtest", "two_averages", "backtest, two averages: vectorbt / ours", ">=", 2.0),
    ("backtest", "sma_cross", "backtest, sma_cross: vectorbt / ours", ">=", 2.0),
    ("backtest", "levels", "backtest, stops and targets: vectorbt / ours", ">=", 1.0),
    ("backtest", "sweep", "sweep of 200 pairs: vectorbt / ours", ">=", 3.0),
    ("backtest", "process_vectorbt", "whole backtest: vectorbt / ours", ">=", 8.0),
    ("backtest", "process_backtesting", "whole backtest: backtesting.py / ours", ">=", 2.0),
    ("backtest", "memory", "memory of a backtest: ours / vectorbt", "<=", 0.333),
    ("backtest", "process_memory", "memory of a whole backtest: ours / vectorbt", "<=", 0.333),
)

# Figures that are shown without a bound: section, key, name for people.
BESIDE = (
    ("throughput", "orders_per_second", "orders per second, store in memory"),
    ("throughput", "embedded_cloud_orders_per_second", "orders per second, the whole embedded cloud"),
)

Sections = Mapping[str, Any]
Row = tuple[str, float, str, float]


def rows(sections: Sections) -> Iterator[Row]:
    """The ratios that this run has measured, with their bounds."""
    for section, key, name, sense, bound in RATIOS:
        if key in sections.get(section, {}):
            yield name, float(sections[section][key]), sense, bound


def is_met(row: Row) -> bool:
    """Whether the figure is on the right side of its bound."""
    _, value, sense, bound = row
    return value <= bound if sense == "<=" else value >= bound


def table(sections: Sections) -> str:
    """The ratios against their bounds, then the figures without a bound. Empty if nothing was measured."""
    lines = [_line(row) for row in rows(sections)]
    told = [(name, sections[section][key]) for section, key, name in BESIDE if key in sections.get(section, {})]
    lines += [f"  {name:<44}{value:>9.3g}\n" for name, value in told]
    return "\nsummary\n" + "".join(lines) if lines else ""


def _line(row: Row) -> str:
    name, value, sense, bound = row
    return f"  {name:<44}{value:>9.3g}   {sense} {bound:g}{'' if is_met(row) else '   MISSED'}\n"
