"""No schedule of up to three faults makes an order twice, loses one, or overshoots a limit."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.account.account import Account
from infra.local.checks import counted_schedules, told_schedules
from verification.crash_points.cases import CHECKED, EVERYTHING, ORDERS, PROVED, SCENARIOS, SINGLE, TESTED, Case, parts_of
from verification.crash_points.enumeration import Enumeration
from verification.crash_points.explorer import Explorer
from verification.crash_points.functions import Functions, put_together
from verification.crash_points.scenario import QUANTITY

REPORTS = Path("build/crash_points")


@pytest.fixture(scope="module")
def functions() -> Functions:
    return put_together()


@pytest.fixture(autouse=True)
def _without_the_collector() -> Iterator[None]:
    """Run without the garbage collector, which would search the many cycle-free objects of an enumeration again and again."""
    gc.disable()
    yield
    gc.freeze()  # what little garbage there is costs more to look for than to keep
    gc.enable()


def named(value: Case | int) -> str:
    return value.name if isinstance(value, Case) else str(value)


@pytest.mark.parametrize(("case", "part"), parts_of(CHECKED), ids=named)
def test_a_single_fault_of_the_usual_order_ends_well(functions: Functions, case: Case, part: int) -> None:
    enumerate_all(functions, case, part)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "part"), parts_of(SINGLE), ids=named)
def test_a_single_fault_anywhere_ends_well(functions: Functions, case: Case, part: int) -> None:
    enumerate_all(functions, case, part)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "part"), parts_of(TESTED), ids=named)
def test_every_schedule_of_two_faults_of_orders_ends_well(functions: Functions, case: Case, part: int) -> None:
    enumerate_all(functions, case, part)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["entry then exit", "reversal", "entry from a pool, then exit"])
def test_a_single_fault_around_orders_in_parts_ends_well(name: str) -> None:
    explorer = Explorer(Enumeration(put_together(largest=QUANTITY * 6 / 10), EVERYTHING), SCENARIOS[name])
    explorer.explore(1)
    assert [f"{violation.what}: {violation.schedule}" for violation in explorer.violations] == []


@pytest.mark.prove
@pytest.mark.parametrize(("case", "part"), parts_of(PROVED), ids=named)
def test_every_schedule_ends_well(functions: Functions, case: Case, part: int) -> None:
    enumerate_all(functions, case, part)


def enumerate_all(functions: Functions, case: Case, part: int) -> None:
    explorer = Explorer(Enumeration(functions, case.groups), SCENARIOS[case.scenario])
    counts = explorer.explore(case.faults, part, case.parts)
    report(case, part, counts, explorer)
    replays = [
        f"{violation.what}: python -m verification.crash_points --scenario '{case.scenario}' --replay='{violation.schedule}'"
        for violation in explorer.violations
    ]
    assert replays == []


def test_a_reconciler_that_does_nothing_is_found_out(functions: Functions) -> None:
    broken = replace(functions, reconcile=lambda _: None)
    explorer = Explorer(Enumeration(broken, ORDERS), SCENARIOS["entry then exit"])
    explorer.explore(1)
    assert "3: it never comes to rest" in {violation.what for violation in explorer.violations}


def test_an_order_that_is_sent_before_it_is_written_is_found_out(functions: Functions) -> None:
    execute: Any = functions.execute
    broken = replace(functions, execute=replace(execute, accounts=Forgetful(functions.accounts)))
    explorer = Explorer(Enumeration(broken, ORDERS), SCENARIOS["entry then exit"])
    explorer.explore(0)
    assert "1: sent without a mark: create BUY MARKET (None)" in {violation.what for violation in explorer.violations}


@dataclass(frozen=True, slots=True)
class Forgetful:
    """A store that says that it has saved and has not."""

    accounts: Any

    def load(self, tenant_id: str, account_id: str) -> Account:
        account: Account = self.accounts.load(tenant_id, account_id)
        return account

    def save(self, account: Account) -> Account:
        return account


def test_schedules_are_counted_once_whatever_cases_and_parts_they_are_in(tmp_path: Path) -> None:
    told = {"scenario": "a", "worlds": 2, "invocations": 3, "violations": 0}
    parts = [
        told | {"case": "a, orders", "schedules": [1, 2, 40]},
        told | {"case": "a, orders", "schedules": [0, 3, 50]},
        told | {"case": "a, all", "schedules": [1, 9]},
        told | {"case": "b, all", "scenario": "b", "schedules": [1, 4], "violations": 1},
    ]
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.json").write_text(json.dumps(part))
    counted = counted_schedules(tmp_path)
    assert counted["by_faults"] == [2, 13, 90]
    assert counted["cases"]["a, orders"] == [1, 5, 90]
    assert told_schedules(counted) == "crash points: 105 schedules of up to 2 faults (8 worlds, 12 invocations), 1 violations"


def report(case: Case, part: int, counts: list[int], explorer: Explorer) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    told = {
        "case": case.name,
        "scenario": case.scenario,
        "schedules": counts,
        "worlds": explorer.worlds,
        "invocations": explorer.enumeration.runs,
        "violations": len(explorer.violations),
        "longest_seconds": explorer.longest_seconds,
    }
    (REPORTS / f"{case.name} {part}.json").write_text(json.dumps(told) + "\n")
