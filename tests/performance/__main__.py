"""Benchmarks: `python -m tests.performance`, all of them or `--only order`; the report is build/bench/report.json.

A benchmark prints and records, it does not judge: these figures move with the machine, and only their ratios mean something
elsewhere. What must not get worse unseen is a count or a budget, and those are tests (`test_*.py` beside this file).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from infra.local import deployment
from infra.local.project import ROOT
from tests.performance import account_item, client, cold_start, fan_out, order, strategy
from tests.performance.measuring import Figure, rounded

REPORT = ROOT / "build" / "bench" / "report.json"
SUITES = ("account", "client", "fan_out", "strategy", "order", "start")  # the longest last: something is to be seen at once


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks, show each figure as it comes, write the report; 0, or an exception that says what failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.performance", description=__doc__)
    parser.add_argument("--only", action="append", choices=SUITES, help="instead of all")
    parser.add_argument("--candles", type=Path, metavar="PATH", help="recorded candles for strategies, instead of the sample")
    options = parser.parse_args(arguments)
    began, begun_at, load = time.monotonic(), datetime.now(UTC), os.getloadavg()
    figures: list[Figure] = []
    for name in options.only or SUITES:
        show(f"\n{name}\n")
        for figure in suite(name, options.candles)():
            figures.append(figure)
            show(line(figure))
    seconds = time.monotonic() - began
    write_report(figures, {"begun_at": begun_at.isoformat(), "seconds": round(seconds, 1), "load_average": list(load)})
    show(f"\nbench: {len(figures)} figures in {seconds:.0f} s, report in {REPORT.relative_to(ROOT)}\n")
    return 0


def suite(name: str, candles: Path | None) -> Callable[[], Iterator[Figure]]:
    """The figures of one suite, measured as they are asked for."""
    suites: dict[str, Callable[[], Iterator[Figure]]] = {
        "account": account_item.figures,
        "client": client.figures,
        "fan_out": fan_out.figures,
        "strategy": partial(strategy.figures, candles),
        "order": order.figures,
        "start": cold_starts,
    }
    return suites[name]


def cold_starts() -> Iterator[Figure]:
    """Of what `sam build` makes, which is made first if it is not up to date."""
    deployment.build(lambda text: show(f"  {text}\n"))
    yield from cold_start.figures(deployment.SAM_OUTPUT)


def line(figure: Figure) -> str:
    """One figure for people."""
    value = f"{rounded(figure.median):>12,.10g} {figure.unit:<14}"
    ratio = "" if figure.ratio is None else f"{rounded(figure.ratio):>10,.10g} x {figure.baseline}"
    return f"  {figure.name:<62}{value}{ratio}\n"


def write_report(figures: Sequence[Figure], run: dict[str, object]) -> None:
    """For machines: what was measured, on what."""
    report = {
        **run,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "figures": [figure.row() for figure in figures],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(text: str) -> None:
    """Figures are for people first: they come as they are measured."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
