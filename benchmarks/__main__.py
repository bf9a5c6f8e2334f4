"""Benchmarks: `python -m benchmarks`, all of them or `--only order`; the report is build/bench/report.json.

A benchmark prints and records, it does not judge: these figures move with the machine, and only their ratios mean something
elsewhere. Counts and budgets are tests (`tests/budgets/`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import backtests, cold_start, drift, fairness, fan_out, fan_out_throughput, order, strategy, throughput, webhook
from benchmarks.harness import account_item, client, embedded_cloud
from benchmarks.harness.measuring import Figure, rounded
from benchmarks.report import cost, model
from benchmarks.report.summary import table
from infra.local import deployment
from infra.local.project import ROOT

REPORT = ROOT / "build" / "bench" / "report.json"
PLOT = REPORT.with_name("figures.png")
# The longest last.
USUAL = ("model", "account", "client", "webhook", "strategy", "fan_out", "order", "throughput", "start", "backtest")


@dataclass(frozen=True, slots=True)
class Suite:
    """Figures, and their sections in the report's summary."""

    figures: Callable[[], Iterable[Figure]]
    sections: Callable[[Sequence[Figure]], Mapping[str, object]] = lambda _: {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks, show each figure as it comes, write the report; 0, or an exception that says what failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=USUAL, help="instead of all")
    parser.add_argument("--drift", type=int, metavar="FIRINGS", help="the drift of so many real firings, a minute each")
    parser.add_argument("--candles", type=Path, metavar="PATH", help="recorded candles for strategies, instead of the sample")
    options = parser.parse_args(arguments)
    began, begun_at, load = time.monotonic(), datetime.now(UTC), os.getloadavg()
    figures: list[Figure] = []
    sections: dict[str, object] = {}
    wanted = [*(options.only or (() if options.drift else USUAL)), *(("drift",) if options.drift else ())]
    for name in wanted:
        suite = suites(options.candles, options.drift)[name]
        show(f"\n{name}\n")
        measured: list[Figure] = []
        for figure in suite.figures():
            measured.append(figure)
            show(line(figure))
        figures += measured
        sections |= suite.sections(measured)
    sections |= cost.sections(sections)
    seconds = time.monotonic() - began
    run = {"begun_at": begun_at.isoformat(), "seconds": round(seconds, 1), "load_average": list(load)}
    write_report(figures, run | sections)
    show(table(sections))
    show(f"\nbench: {len(figures)} figures in {seconds:.0f} s, {REPORT.relative_to(ROOT)}{drawn()}\n")
    return 0


def suites(candles: Path | None, firings: int | None) -> Mapping[str, Suite]:
    """The suites by the names that `--only` takes; a figure is measured when it is asked for."""
    return {
        "model": Suite(tuple, modelled),
        "account": Suite(account_item.figures),
        "client": Suite(client.figures),
        "fan_out": Suite(fan_out.figures, lambda _: {"fanout": fan_out_throughput.section(), "fairness": fairness.section()}),
        "strategy": Suite(partial(strategy.figures, candles), lambda figures: {"strategy": strategy.section(figures)}),
        "backtest": Suite(partial(backtests.figures, candles), lambda figures: {"backtest": backtests.section(figures)}),
        "webhook": Suite(webhook.figures, lambda figures: {"webhook": webhook.section(figures)}),
        "order": Suite(order.figures, lambda figures: {"order": order.section(figures)}),
        "throughput": Suite(tuple, lambda _: {"throughput": {**throughput.section(), **embedded_cloud.section()}}),
        "start": Suite(cold_starts, lambda _: {"cold_start": cold_start.section(deployment.SAM_OUTPUT)}),
        "drift": Suite(tuple, lambda _: {"drift_ms": drift.section(firings or drift.FIRINGS, show)}),
    }


def modelled(_: Sequence[Figure]) -> Mapping[str, object]:
    """Requests, time and cost of one signal of many subscribers: computed, not measured."""
    show(model.table())
    return {"model": model.section()}


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
    """The report for machines: the figures, Python and the machine."""
    report = {
        **run,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "figures": [figure.row() for figure in figures],
    }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def drawn() -> str:
    """Draw the report, if the environment for it has been made (`make bench` does), and say where."""
    python = ROOT / ".venvs" / "bench" / "bin" / "python"
    if not python.exists():
        return ""
    subprocess.run([python, "-m", "benchmarks.report.plot", REPORT, PLOT], cwd=ROOT, check=True)  # noqa: S603
    return f", {PLOT.relative_to(ROOT)}"


def show(text: str) -> None:
    """Figures are for people first: they come as they are measured."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
