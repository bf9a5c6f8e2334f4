"""`make check` and `make test`: every check side by side, a line for each, and a report for machines.

The report is build/<command>/report.json: for each step its command, seconds and status, for each test run its counts
and its slowest tests. Steps that fail show what their tool said.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
STEP_SECONDS = 600  # a check that takes ten minutes hangs
TESTS_SECONDS = 3600
SLOWEST = 10
CRASH_POINTS = ROOT / "build" / "check" / "crash_points"  # a report of each part of the enumeration, written by its tests


@dataclass(frozen=True)
class Step:
    """One tool with its arguments, found in the development environment."""

    name: str
    words: tuple[str, ...]

    def command(self) -> list[str]:
        return [str(TOOLS / self.words[0]), *self.words[1:]]


@dataclass
class Outcome:
    """What a step came to; `tests` holds pytest's counts."""

    name: str
    command: str
    seconds: float
    passed: bool
    output: str = field(repr=False)
    tests: dict[str, object] | None = None


# Longest first: two cores work them off side by side.
CHECKS = (
    Step("fast tests", ("python", "-m", "pytest", "-m", "not e2e and not slow", "-n", "2", "--dist", "worksteal")),
    Step("cfn-lint", ("cfn-lint",)),
    Step("mypy", ("mypy", ".")),
    Step("import arrows", ("lint-imports",)),
    Step("ruff check", ("ruff", "check", ".")),
    Step("ruff format", ("ruff", "format", "--check", ".")),
)
TESTS = (
    Step("slow tests", ("python", "-m", "pytest", "-m", "slow and not e2e", "-n", "2", "--dist", "worksteal", "-v")),
    Step("end-to-end tests", ("python", "-m", "pytest", "-m", "e2e", "-v")),  # one after another: they share one cloud
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `check` or `test`; 0 if every step passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("check", "test"))
    command = parser.parse_args(arguments).command
    folder = ROOT / "build" / command
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(CRASH_POINTS, ignore_errors=True)  # an earlier run's reports say nothing of this one
    started = time.monotonic()
    outcomes = run_checks(folder)
    passed = all(outcome.passed for outcome in outcomes)
    for step in TESTS if command == "test" else ():
        if passed:
            outcomes.append(run_aloud(step, folder))
            passed = outcomes[-1].passed
    seconds = time.monotonic() - started
    crash_points = counted_schedules(CRASH_POINTS)
    write_report(folder / "report.json", command, outcomes, seconds, crash_points)
    print(f"\n{command}: {'passed' if passed else 'FAILED'} in {seconds:.0f} s, report in build/{command}/report.json")
    for outcome in outcomes:
        if outcome.tests:  # pytest's own last words, where people and machines look for them
            print(f"{outcome.name}: {outcome.output.strip().splitlines()[-1].strip('= ')}")
    print(told_schedules(crash_points))
    return 0 if passed else 1


def run_checks(folder: Path) -> list[Outcome]:
    """Run all checks side by side and say how each ended as it ends."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        running = [pool.submit(run_step, step, folder) for step in CHECKS]
        outcomes = []
        for finished in as_completed(running):
            outcome = finished.result()
            print(f"  {'ok  ' if outcome.passed else 'FAIL'} {outcome.name:<14} {outcome.seconds:5.1f} s", flush=True)
            if not outcome.passed:
                print(outcome.output, flush=True)
            outcomes.append(outcome)
    return outcomes


def run_step(step: Step, folder: Path) -> Outcome:
    """Run one tool to its end."""
    words, results = with_results(step, folder)
    started = time.monotonic()
    try:
        process = subprocess.run(
            words,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        output, passed = process.stdout, process.returncode == 0
    except subprocess.TimeoutExpired:
        output, passed = f"did not end within {STEP_SECONDS} s", False
    return Outcome(step.name, " ".join(step.words), time.monotonic() - started, passed, output, counts(results))


def run_aloud(step: Step, folder: Path) -> Outcome:
    """Run tests that take minutes and pass on what pytest says as it says it."""
    words, results = with_results(step, folder)
    print(f"\n  {step.name}", flush=True)
    started = time.monotonic()
    lines = []
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(f"  {line}", end="", flush=True)
            lines.append(line)
        passed = process.wait(TESTS_SECONDS) == 0
    seconds = time.monotonic() - started
    return Outcome(step.name, " ".join(step.words), seconds, passed, "".join(lines), counts(results))


def with_results(step: Step, folder: Path) -> tuple[list[str], Path | None]:
    """The command, and for pytest the file that it will write its results to."""
    if "pytest" not in step.words:
        return step.command(), None
    results = folder / f"{step.name.replace(' ', '-')}.xml"
    results.unlink(missing_ok=True)
    return [*step.command(), f"--junit-xml={results}"], results


def counts(results: Path | None) -> dict[str, object] | None:
    """Counts and slowest tests of a pytest run; None for other tools and for a run that did not get that far."""
    if results is None or not results.exists():
        return None
    suite = ElementTree.parse(results).getroot().find("testsuite")  # noqa: S314 - written by our own pytest
    if suite is None:
        return None
    total, failed, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    cases = sorted(suite.iter("testcase"), key=lambda case: -float(case.get("time", 0)))
    return {
        "total": total,
        "passed": total - failed - errors - skipped,
        "failed": failed,
        "errors": errors,
        "skipped": skipped,
        "slowest": [
            {"test": f"{case.get('classname')}::{case.get('name')}", "seconds": float(case.get("time", 0))}
            for case in cases[:SLOWEST]
        ],
    }


def counted_schedules(folder: Path) -> dict[str, Any]:
    """How many schedules the crash-point tests enumerated, by number of faults and by case, and what that took.

    Faults of orders are among all faults: where both were enumerated of a scenario, the larger count holds the smaller.
    """
    cases: dict[str, list[int]] = {}
    scenarios: dict[str, list[int]] = {}
    work = dict.fromkeys(("worlds", "invocations", "violations"), 0)
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    for part in reports:
        before = cases.get(part["case"], [])
        cases[part["case"]] = [sum(counts) for counts in zip_longest(before, part["schedules"], fillvalue=0)]
        for name in work:
            work[name] += part[name]
    for scenario, case in {(part["scenario"], part["case"]) for part in reports}:
        known = scenarios.get(scenario, [])
        scenarios[scenario] = [max(counts) for counts in zip_longest(known, cases[case], fillvalue=0)]
    by_faults = [sum(counts) for counts in zip_longest(*scenarios.values(), fillvalue=0)]
    return {"schedules": sum(by_faults), "by_faults": by_faults, **work, "cases": cases}


def told_schedules(counted: dict[str, Any]) -> str:
    """The counts of the crash-point tests as a line for people."""
    return (
        f"crash points: {counted['schedules']:,} schedules of up to {max(len(counted['by_faults']) - 1, 0)} faults"
        f" ({counted['worlds']:,} worlds, {counted['invocations']:,} invocations), {counted['violations']:,} violations"
    )


def write_report(path: Path, command: str, outcomes: Sequence[Outcome], seconds: float, crash_points: dict[str, Any]) -> None:
    """Write everything but what the tools printed, which is on the terminal."""
    steps = [{key: value for key, value in asdict(outcome).items() if key != "output"} for outcome in outcomes]
    passed = all(outcome.passed for outcome in outcomes)
    report = {"command": command, "passed": passed, "seconds": round(seconds, 1), "steps": steps, "crash_points": crash_points}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
