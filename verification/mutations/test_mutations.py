"""Take out a mechanism, and the suites turn red; leave everything as it is, and they do not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from verification.mutations.__main__ import NONE
from verification.mutations.catalogue import MUTATIONS, Mutation, Suite
from verification.mutations.edits import Edit, EditDoesNotApply

ROOT = Path(__file__).resolve().parents[2]
TOLD = {
    Suite.SIMULATION: "simulation",
    Suite.CRASH_POINTS: "crash points",
    Suite.STALENESS: "accounts that turn stale at once",
    Suite.RESTORES: "accounts that catch up",
    Suite.TESTS: "its tests",
}


def found(name: str, suite: Suite) -> list[str]:
    """The invariants that a suite finds broken, in a process of its own."""
    command = [sys.executable, "-m", "verification.mutations", name, suite]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 - our own names
    broken: list[str] = json.loads(done.stdout)
    return broken


def named(value: object) -> str:
    return value.name if isinstance(value, Mutation) else str(value)


@pytest.mark.slow
@pytest.mark.parametrize(("mutation", "suite"), [(it, it.found_by[0]) for it in MUTATIONS], ids=named)
def test_a_suite_misses_what_is_taken_out(mutation: Mutation, suite: Suite) -> None:
    assert found(mutation.name, suite) != []


@pytest.mark.prove
@pytest.mark.parametrize(("mutation", "suite"), [(it, suite) for it in MUTATIONS for suite in it.found_by], ids=named)
def test_every_suite_misses_what_is_taken_out(mutation: Mutation, suite: Suite) -> None:
    assert found(mutation.name, suite) != []


@pytest.mark.prove
@pytest.mark.parametrize("suite", Suite)
def test_the_suites_find_nothing_where_nothing_is_taken_out(suite: Suite) -> None:
    assert found(NONE, suite) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_what_is_to_be_taken_out_is_still_where_it_is_looked_for(mutation: Mutation) -> None:
    for edit in mutation.edits:
        source = (ROOT / "layers/core" / edit.module.replace(".", "/")).with_suffix(".py").read_text()
        assert edit.made_in(source) != source


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_names_tests_where_they_find_it(mutation: Mutation) -> None:
    assert bool(mutation.tests) is (Suite.TESTS in mutation.found_by)
    for file in mutation.tests:
        assert "def test_" in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_of_reliability_lists_each_mutation_with_the_suites_that_miss_it() -> None:
    page = (ROOT / "docs" / "RELIABILITY.md").read_text(encoding="utf-8")
    told = {row[1]: row[2] for row in re.finditer(r"^\| (the [^|]+) \| ([^|]+) \|$", page, re.MULTILINE)}
    assert told == {it.name: ", ".join(TOLD[suite] for suite in sorted(it.found_by, key=list(Suite).index)) for it in MUTATIONS}


def test_an_edit_of_code_that_has_changed_says_so() -> None:
    with pytest.raises(EditDoesNotApply, match=r"a\.module has 2 times"):
        Edit("a.module", "x", "y").made_in("x x")
