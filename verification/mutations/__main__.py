"""Run the suites on mutated code, in a process of its own: `python -m verification.mutations 'the settle window' simulation`.

Without a mutation (`none`), the same seeds and schedules must find nothing. The first broken invariant is printed, as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
from collections.abc import Callable

from tests.support import lazy_ccxt
from verification.mutations.catalogue import MUTATIONS, Mutation, Suite
from verification.mutations.edits import install, require_made

NONE = "none"
SEEDS = 160  # at most: most mutations are found within the first ten, the rarest at the fortieth
FAULTS = 1
WITHOUT_CLOUD = "not e2e and not slow and not prove"


def main() -> int:
    """Print the broken invariants. Returns 0 with or without any: the caller judges."""
    parser = argparse.ArgumentParser(prog="python -m verification.mutations", description=__doc__)
    parser.add_argument("mutation", choices=[NONE, *(mutation.name for mutation in MUTATIONS)])
    parser.add_argument("suite", choices=list(Suite))
    options = parser.parse_args()
    mutation = next((mutation for mutation in MUTATIONS if mutation.name == options.mutation), None)
    edits = mutation.edits if mutation is not None else ()
    lazy_ccxt.install()
    install(edits)
    gc.disable()  # a short life
    suites: dict[Suite, Callable[[], list[str]]] = {
        Suite.SIMULATION: _simulation,
        Suite.CRASH_POINTS: lambda: _crash_points(mutation.case if mutation else None),
        Suite.STALENESS: _staleness,
        Suite.RESTORES: _restores,
        Suite.TESTS: lambda: _tests(mutation),
    }
    broken = suites[Suite(options.suite)]()
    require_made(edits)
    sys.stdout.write(json.dumps(broken) + "\n")
    return 0


def _simulation() -> list[str]:
    from verification.simulation.run import run

    for seed in range(SEEDS):
        broken = run(seed).broken
        if broken:
            return [f"seed {seed}: {what}" for what in broken]
    return []


def _staleness() -> list[str]:
    from verification.simulation.staleness import clear

    return clear(accounts=1_000, orders=30).overruns


def _restores() -> list[str]:
    from verification.simulation.restores import broken

    return broken(SEEDS)


def _tests(mutation: Mutation | None) -> list[str]:
    """Names of the failed tests, of one mutation or of all. Raises `RuntimeError` if a test could not begin."""
    import pytest

    class Failures:
        """The plugin that notes failed tests; a fixture or a module that fails says nothing of the mechanism."""

        def __init__(self) -> None:
            self.names: list[str] = []
            self.broken: list[str] = []

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                (self.names if report.when == "call" else self.broken).append(report.nodeid)

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed:
                self.broken.append(report.nodeid)

    mutations = MUTATIONS if mutation is None else (mutation,)
    files = sorted({file for each in mutations for file in each.tests})
    failures = Failures()
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main(["-p", "no:cacheprovider", "-m", WITHOUT_CLOUD, *files], plugins=[failures])
    if failures.broken or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {code}: {failures.broken}")
    return failures.names


def _crash_points(case: str | None) -> list[str]:
    from verification.crash_points.cases import EVERYTHING, SCENARIOS
    from verification.crash_points.enumeration import Enumeration
    from verification.crash_points.explorer import Explorer
    from verification.crash_points.functions import put_together

    functions = put_together()
    cases = [case] if case is not None else sorted({mutation.case for mutation in MUTATIONS})
    for name in cases:
        explorer = Explorer(Enumeration(functions, EVERYTHING), SCENARIOS[name])
        for faults in range(1, FAULTS + 1):
            explorer.explore(faults)
            if explorer.violations:
                return [f"{name}, {violation.schedule}: {violation.what}" for violation in explorer.violations]
    return []


if __name__ == "__main__":
    sys.exit(main())
