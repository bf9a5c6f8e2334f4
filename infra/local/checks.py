"""`make check`, `make test` and `make prove`: a line for every step, and a report for machines.

The report is build/<command>/report.json. A step has its command, seconds and status; a test run has its counts and its slowest
tests. The numbers of enumerated, simulated and mutated cases follow. Steps that fail show what their tool said. `table` prints
the totals of the last `make prove` as docs/RELIABILITY.md shows them.
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
STEP_SECONDS = 1_800  # a check takes a minute; a step that takes half an hour hangs on any machine
SILENT_SECONDS = 900  # a test takes two minutes at most; a run that says nothing for that long hangs
PROOF_SECONDS = 7_200  # the longest proof takes half an hour, on a machine that may be half as fast
PROGRESS_SECONDS = 30  # a long step that says nothing of itself is told about this often
SLOWEST = 10
CORES = 2  # of the smallest machine that this is made for
CLOUDS = 4  # side by side in make test: an end-to-end test mostly waits for clocks and queues (decision 0114)
SEEDS = 1_000  # of the simulation, in make prove
CASES = 100  # of an operation of the API, as each role, in make prove
CRASH_POINTS = ROOT / "build" / "crash_points"  # a report of each part of the enumeration, written by its tests
SIMULATION = ROOT / "build" / "sim" / "report.json"
OPENAPI = ROOT / "build" / "openapi" / "report.json"
# pytest -vv on several processes: the name when a test begins, and after a prefix when it has ended
TEST_LINE = re.compile(r"(?P<ended>\[gw\d+\] \[ *\d+%\] [A-Z]+ )?(?P<name>\S+\.py::.*?)\s*$")


@dataclass(frozen=True)
class Step:
    """One tool with its arguments, found in the development environment or in one of its own."""

    name: str
    words: tuple[str, ...]
    environment: str | None = None
    silent_seconds: float = SILENT_SECONDS

    def command(self) -> list[str]:
        tools = TOOLS if self.environment is None else ROOT / ".venvs" / self.environment / "bin"
        return [str(tools / self.words[0]), *self.words[1:]]


@dataclass
class Outcome:
    """A step's result; `tests` holds pytest's counts."""

    name: str
    command: str
    seconds: float
    passed: bool
    output: str = field(repr=False)
    tests: dict[str, Any] | None = None


def tests(
    name: str,
    marks: str,
    *words: str,
    processes: int = CORES,
    distribution: str = "worksteal",
    silent_seconds: float = SILENT_SECONDS,
) -> Step:
    """A run of pytest on several processes."""
    command = ("python", "-m", "pytest", "-m", marks, "-n", str(processes), "--dist", distribution, *words)
    return Step(name, command, silent_seconds=silent_seconds)


# Longest first: two cores work them off side by side.
CHECKS = (
    tests("fast tests", "not e2e and not slow and not prove"),
    Step("mypy", ("mypy", ".")),
    Step("import arrows", ("lint-imports",)),
    Step("ruff check", ("ruff", "check", ".")),
    Step("words", ("python", "-m", "infra.words")),
    Step("ruff format", ("ruff", "format", "--check", ".")),
)
TEMPLATES = (
    Step("checkov", ("checkov", "--config-file", ".checkov.yaml"), "checkov"),
    Step("cfn-lint", ("cfn-lint",)),
)
# A module of end-to-end tests has a deployment of its own, so modules run side by side, each process in its own cloud.
TESTS = (
    tests("slow tests", "slow and not e2e and not prove", "-vv"),
    tests("end-to-end tests", "e2e and not prove", "-vv", "--no-loadscope-reorder", processes=CLOUDS, distribution="loadfile"),
)
PROOFS = (
    Step("seeds", ("python", "-m", "verification.simulation", "--seeds", str(SEEDS))),
    Step("API", ("python", "-m", "verification.openapi", "--cases", str(CASES)), silent_seconds=PROOF_SECONDS),
    tests("proofs", "prove and not e2e", "-vv", silent_seconds=PROOF_SECONDS),
    tests(
        "end-to-end proofs",
        "e2e and prove",
        "-vv",
        "--no-loadscope-reorder",
        distribution="loadfile",
        silent_seconds=PROOF_SECONDS,
    ),
)
SIDE_BY_SIDE = {"check": CHECKS, "test": (*TEMPLATES, *CHECKS), "prove": ()}
ONE_BY_ONE = {"check": (), "test": TESTS, "prove": PROOFS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `check`, `test` or `prove`, or print the `table`; 0 if every step passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("check", "test", "prove", "table"))
    command = parser.parse_args(arguments).command
    if command == "table":
        print(table(json.loads((ROOT / "build" / "prove" / "report.json").read_text(encoding="utf-8"))))
        return 0
    folder = ROOT / "build" / command
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(CRASH_POINTS, ignore_errors=True)  # an earlier run's reports say nothing of this one
    started = time.monotonic()
    outcomes = run_side_by_side(SIDE_BY_SIDE[command], folder)
    passed = all(outcome.passed for outcome in outcomes)
    for step in ONE_BY_ONE[command]:
        if passed:
            outcomes.append(run_aloud(step, folder))
            passed = outcomes[-1].passed
    report = reported(command, outcomes, time.monotonic() - started)
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\n{command}: {'passed' if passed else 'FAILED'} in {report['seconds']:.0f} s, report in build/{command}/report.json")
    for outcome in outcomes:
        if outcome.tests:  # pytest's own last words, where people and machines look for them
            print(f"{outcome.name}: {outcome.output.strip().splitlines()[-1].strip('= ')}")
    print(told_schedules(report["crash_points"]))
    if command == "prove" and passed:
        print(f"\nfor docs/RELIABILITY.md:\n\n{table(report)}")
    return 0 if passed else 1


def run_side_by_side(steps: Sequence[Step], folder: Path) -> list[Outcome]:
    """Run all steps side by side and say how each ended as it ends."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        running = [pool.submit(run_step, step, folder) for step in steps]
        outcomes = []
        for finished in as_completed(running):
            outcome = finished.result()
            print(f"  {'ok  ' if outcome.passed else 'FAIL'} {outcome.name:<14} {outcome.seconds:5.1f} s", flush=True)
            if not outcome.passed:
                print(outcome.output, flush=True)
            outcomes.append(outcome)
    return outcomes


def run_step(step: Step, folder: Path) -> Outcome:
    """Run one tool to its end.

    A tool of an environment of its own keeps its temporary files in `folder`. The parser of checkov reads a pickle
    whose name in /tmp anybody can foresee: it would run the code of another user of the machine.
    """
    words, results = with_results(step, folder)
    started = time.monotonic()
    try:
        process = subprocess.run(
            words,
            cwd=ROOT,
            env=environment() if step.environment is None else {**environment(), "TMPDIR": str(folder)},
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
    """Run a step that takes minutes and pass its output on line by line."""
    words, results = with_results(step, folder)
    print(f"\n  {step.name}", flush=True)
    started = time.monotonic()
    lines = []
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in said(process, step.name, step.silent_seconds):
            print(f"  {line}", end="", flush=True)
            lines.append(line)
        passed = process.wait() == 0
    seconds = time.monotonic() - started
    print(f"  {'ok  ' if passed else 'FAIL'} {step.name:<14} {seconds:5.1f} s", flush=True)
    return Outcome(step.name, " ".join(step.words), seconds, passed, "".join(lines), counts(results))


def environment() -> dict[str, str]:
    """The caller's, but bytecode is kept: without it each process compiles every module and rewrites every assertion anew."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def said(process: subprocess.Popen[str], name: str, silent_seconds: float) -> Iterator[str]:
    """The lines of a process as they come; while it is silent, a word of how long it runs.

    One that hangs is ended, and the last line names the tests that had begun.
    """
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    started = spoke = time.monotonic()
    running: set[str] = set()
    while True:
        try:
            line = lines.get(timeout=PROGRESS_SECONDS)
        except queue.Empty:
            silent = time.monotonic() - spoke
            print(f"  ... {name}: {time.monotonic() - started:.0f} s", flush=True)
            if silent > silent_seconds:
                process.kill()
                reading.join(PROGRESS_SECONDS)  # it ends with the pipe, unless a grandchild holds that open
                yield f"nothing was heard for {silent:.0f} s: ended; running were {sorted(running)}\n"
                return
            continue
        if line is None:
            return
        spoke = time.monotonic()
        if test := TEST_LINE.match(line):
            (running.discard if test["ended"] else running.add)(test["name"])
        yield line


def with_results(step: Step, folder: Path) -> tuple[list[str], Path | None]:
    """The command, and for pytest the file that it will write its results to."""
    if "pytest" not in step.words:
        return step.command(), None
    results = folder / f"{step.name.replace(' ', '-')}.xml"
    results.unlink(missing_ok=True)
    return [*step.command(), f"--junit-xml={results}"], results


def counts(results: Path | None) -> dict[str, Any] | None:
    """Counts and slowest tests of a pytest run; None for other tools and for a run that did not get that far."""
    if results is None or not results.exists():
        return None
    suite = ElementTree.parse(results).getroot().find("testsuite")  # noqa: S314 - written by our own pytest
    if suite is None:
        return None
    total, failed, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
    cases = sorted(suite.iter("testcase"), key=lambda case: -float(case.get("time", 0)))
    mutations = [case for case in cases if str(case.get("name")).startswith("test_every_suite_misses_what_is_taken_out[")]
    return {
        "total": total,
        "passed": total - failed - errors - skipped,
        "failed": failed,
        "errors": errors,
        "skipped": skipped,
        "mutations": len(mutations),
        "slowest": [
            {"test": f"{case.get('classname')}::{case.get('name')}", "seconds": float(case.get("time", 0))}
            for case in cases[:SLOWEST]
        ],
    }


def counted_schedules(folder: Path) -> dict[str, Any]:
    """How many schedules the crash-point tests enumerated, by number of faults and by case, and how much work that took.

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


def reported(command: str, outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """The report: everything except the tools' output, which is on the terminal."""
    steps = [{key: value for key, value in asdict(outcome).items() if key != "output"} for outcome in outcomes]
    report = {
        "command": command,
        "passed": all(outcome.passed for outcome in outcomes),
        "seconds": round(seconds, 1),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "steps": steps,
        "crash_points": counted_schedules(CRASH_POINTS),
    }
    if command == "prove":
        for name, path in (("simulation", SIMULATION), ("openapi", OPENAPI)):
            report[name] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return report


def commit() -> str | None:
    """The commit that is checked out, with a plus where files differ from the commit; None without git."""
    git = shutil.which("git")
    if git is None:
        return None
    words = ([git, "rev-parse", "--short", "HEAD"], [git, "status", "--porcelain", "--untracked-files=no"])
    head, changed = (subprocess.run(it, cwd=ROOT, capture_output=True, text=True, check=False) for it in words)
    return None if head.returncode else head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def table(report: dict[str, Any]) -> str:
    """The totals of a `make prove` as a table in Markdown."""
    schedules, simulated, asked = report["crash_points"], report["simulation"], report["openapi"]
    by_faults = ", ".join(f"{count:,} with {faults}" for faults, count in enumerate(schedules["by_faults"]))
    runs = [step["tests"] for step in report["steps"] if step["tests"]]
    ended = "ended" if report["passed"] else "FAILED"
    rows = {
        "run": f"{ended} {report['ended_at']}, commit {report['commit']}, {report['seconds'] / 60:.0f} minutes",
        "schedules of crash points": f"{schedules['schedules']:,} ({by_faults} faults)",
        "worlds and invocations": f"{schedules['worlds']:,} worlds, {schedules['invocations']:,} invocations",
        "seeds of the simulation": f"{simulated['seeds']:,}: {simulated['steps']:,} steps, {simulated['orders']:,} orders",
        "faults in them": f"{sum(simulated['faults'].values()):,} of {len(simulated['faults'])} kinds",
        "API's cases": f"{asked['cases']:,} by {len(asked['roles'])} roles, seed {asked['seed']}: {asked['findings']} faults",
        "violations": f"{schedules['violations']} in the schedules, {simulated['violations']} in the seeds",
        "mutations, by the suite that must miss them": f"{sum(run['mutations'] for run in runs)} tried",
        "tests": f"{sum(run['passed'] for run in runs)} passed, {sum(run['failed'] + run['errors'] for run in runs)} failed",
    }
    return "\n".join(["| make prove | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


if __name__ == "__main__":
    sys.exit(main())
