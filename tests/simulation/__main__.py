"""Run many seeds: `python -m tests.simulation --seeds 1000`; one again: `--first 123 --seeds 1`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.simulation.run import Result, run

REPORT = Path("build/sim/report.json")
SHOW_EVERY = 25


def main() -> int:
    """Run the seeds, show progress, write the report; 1 if any invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    options = parser.parse_args()
    started, results = time.monotonic(), []
    for number in range(options.seeds):
        result = run(options.first + number)
        results.append(result)
        if result.broken:
            replay = f"python -m tests.simulation --first {result.seed} --seeds 1"
            show(f"\rseed {result.seed}: {len(result.broken)} broken; to replay: {replay}\n")
            for what in result.broken:
                show(f"  {what}\n")
        if (number + 1) % SHOW_EVERY == 0 or number + 1 == options.seeds:
            show(f"\r{number + 1} of {options.seeds} seeds, {time.monotonic() - started:.0f} s")
    report = summary(results, time.monotonic() - started)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    show(f"\n{json.dumps({key: report[key] for key in ('crashes', 'orders_sent', 'trades', 'failed_seeds')})} -> {REPORT}\n")
    return 1 if report["failed_seeds"] else 0


def summary(results: list[Result], seconds: float) -> dict[str, Any]:
    """Sums over all runs, and everything that was broken by seed."""
    totals: dict[str, Any] = {
        name: sum(getattr(result, name) for result in results)
        for name in ("boundaries", "crashes", "orders_sent", "venue_orders", "trades", "executions")
    }
    states: Counter[str] = sum((result.states for result in results), Counter())
    reasons: Counter[str] = sum((result.reasons for result in results), Counter())
    return {
        "seeds": len(results),
        "seconds": round(seconds, 1),
        **totals,
        "states": dict(states.most_common()),
        "reasons": dict(reasons.most_common()),
        "longest_naked_seconds": max((result.longest_naked_seconds for result in results), default=0),
        "failed_seeds": [result.seed for result in results if result.broken],
        "broken": {str(result.seed): asdict(result)["broken"] for result in results if result.broken},
    }


def show(text: str) -> None:
    """Progress is for people: it goes where errors go."""
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
