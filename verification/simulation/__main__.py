"""Run many seeds: `python -m verification.simulation --seeds 1000`.

One again, with its trace: `--first-seed 123 --seeds 1 --trace`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from verification.simulation.regressions import REGRESSIONS, remember
from verification.simulation.report import summary
from verification.simulation.run import Result, run

REPORT = Path("build/sim/report.json")
SHOW_EVERY = 25
SEEDS_AT_ONCE = 5  # handed to a process: few enough that all processes end at about the same time


def main() -> int:
    """Run the seeds, show progress and every failed seed's trace, write the report; 1 if any invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m verification.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first-seed", type=int, default=0, help="the first one")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--trace", action="store_true", help="show what happened even if nothing broke")
    options = parser.parse_args()
    started, results = time.monotonic(), []
    for result in _all(range(options.first_seed, options.first_seed + options.seeds), options.workers, traced=options.trace):
        results.append(result)
        if result.broken or options.trace:
            _show_run(result)
        if len(results) % SHOW_EVERY == 0 or len(results) == options.seeds:
            show(f"\r{len(results)} of {options.seeds} seeds, {time.monotonic() - started:.0f} s")
    report = summary(results, time.monotonic() - started)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    new = remember(results)
    if new:
        show(f"\nkept in {REGRESSIONS.name} for ever: {[regression.seed for regression in new]}")
    told = {key: report[key] for key in ("seeds", "steps", "orders", "violations", "failed_seeds")}
    told["faults"] = sum(report["faults"].values())
    show(f"\n{json.dumps(told)} -> {REPORT}\n")
    return 1 if report["violations"] else 0


def _all(seeds: range, workers: int, *, traced: bool) -> Iterator[Result]:
    """The results in the order of the seeds, by any number of workers."""
    one = partial(run, traced=traced)
    if workers == 1 or len(seeds) == 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(one, seeds, chunksize=SEEDS_AT_ONCE)


def _show_run(result: Result) -> None:
    show(f"\nseed {result.seed}: {len(result.broken)} broken; to replay: make sim SEEDS=1 FIRST_SEED={result.seed}\n")
    show("".join(f"  {line}\n" for line in (*result.trace, *result.broken)))


def show(text: str) -> None:
    """Progress is for people: it goes where errors go."""
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
