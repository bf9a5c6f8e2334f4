"""Ask the API by its description at length: `python -m verification.openapi --seed 7 --cases 100`.

One role, phase or operation again: `--role trader --phase fuzzing --operation create_account`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from verification.openapi.roles import ROLES
from verification.openapi.run import PHASES, Asked, in_process

REPORT = Path("build/openapi/report.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask as each role, say what was found, and write the report; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m verification.openapi", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all random choices")
    parser.add_argument("--cases", type=int, default=20, help="of an operation in a phase without an end of its own")
    parser.add_argument("--role", choices=ROLES, action="append", help="of the callers; all without it")
    parser.add_argument("--phase", choices=PHASES, action="append", help="all without it")
    parser.add_argument("--operation", help="only this one, by its id")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    roles = options.role or list(ROLES)
    words = options.seed, options.cases, tuple(options.phase or PHASES), options.operation
    if options.workers == 1 or len(roles) == 1:
        results = [_one(role, *words) for role in roles]
    else:
        with ProcessPoolExecutor(options.workers) as pool:
            waiting = [pool.submit(_one, role, *words) for role in roles]
            results = [it.result() for it in waiting]
    for asked in results:
        show(f"{asked}\n")
        show("".join(f"\n{finding}\n" for finding in asked.findings.values()))
    report = summary(results, options.seed, options.cases, time.monotonic() - started)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    show(f"{told(report)} -> {REPORT}\n")
    return 1 if report["findings"] else 0


def _one(role: str, seed: int, cases: int, phases: tuple[str, ...], operation: str | None) -> Asked:
    return in_process(role, seed, cases, phases=phases, only=operation)


def summary(results: Sequence[Asked], seed: int, cases: int, seconds: float) -> dict[str, Any]:
    """The numbers of a run, for machines."""
    return {
        "seed": seed,
        "cases_per_operation": cases,
        "seconds": round(seconds, 1),
        "cases": sum(it.cases.total() for it in results),
        "checks": sum(it.checks.total() for it in results),
        "operations": len(set().union(*(it.succeeded for it in results))),
        "findings": sum(len(it.findings) for it in results),
        "roles": {it.role: {"cases": dict(it.cases), "answers": dict(sorted(it.answers.items()))} for it in results},
    }


def told(report: dict[str, Any]) -> str:
    """The numbers as a line for people."""
    return (
        f"the API by its description: seed {report['seed']}, {report['cases']:,} cases as {len(report['roles'])} roles,"
        f" {report['checks']:,} checks, {report['operations']} operations succeeded, {report['findings']} faults"
    )


def show(text: str) -> None:
    """Progress is for people: it goes where errors go."""
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
