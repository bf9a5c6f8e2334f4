"""Seeds that have failed once do not fail again; a seed that fails says what happened and is kept."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from verification.simulation.profile import Profile
from verification.simulation.regressions import Regression, load, remember
from verification.simulation.report import summary
from verification.simulation.run import Result, run

ROOT = Path(__file__).resolve().parents[2]


def a_result(seed: int = 5, broken: tuple[str, ...] = (), **changes: int) -> Result:
    return Result(
        seed=seed,
        profile=Profile.calm(crash=0.25),
        broken=list(broken),
        steps=changes.get("steps", 10),
        faults=Counter(crash=changes.get("crash", 2)),
        orders_sent=3,
        venue_orders=2,
        trades=1,
        executions=1,
    )


@pytest.mark.parametrize("regression", load(), ids=lambda regression: str(regression.seed))
def test_a_seed_that_has_failed_once_does_not_fail_again(regression: Regression) -> None:
    assert run(regression.seed, regression.drawn()).broken == []


@pytest.mark.parametrize("regression", load(), ids=lambda regression: str(regression.seed))
def test_what_a_seed_has_shown_is_stated_by_a_test_of_its_own(regression: Regression) -> None:
    assert regression.shown_by, "write that test, and name it in regressions.json"
    path, _, name = regression.shown_by.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text()


def test_a_failed_seed_is_kept_once_with_its_profile_and_what_broke(tmp_path: Path) -> None:
    path = tmp_path / "regressions.json"
    path.write_text("[]")
    failed = a_result(5, ("1: an order twice",))
    remember([a_result(4), failed], path)
    remember([failed], path)
    (kept,) = load(path)
    assert (kept.seed, kept.broke) == (5, ("1: an order twice",))
    assert kept.drawn() == failed.profile


def test_a_profile_from_before_some_trouble_was_known_has_none_of_it() -> None:
    old = Regression(seed=1, version=1, profile={"crash": 0.5, "gone": 1}, broke=())
    assert old.drawn() == Profile.calm(crash=0.5)


def test_the_report_adds_up_what_the_runs_did_and_names_what_broke() -> None:
    report = json.loads(json.dumps(summary([a_result(4), a_result(5, ("a", "b"), steps=7, crash=1)], 1.26)))
    told = {key: report[key] for key in ("seeds", "steps", "faults", "orders", "violations", "failed_seeds", "broken", "seconds")}
    assert told == {
        "seeds": 2,
        "steps": 17,
        "faults": {"crash": 3},
        "orders": 6,
        "violations": 2,
        "failed_seeds": [5],
        "broken": {"5": ["a", "b"]},
        "seconds": 1.3,
    }


def test_a_run_tells_what_happened_in_order() -> None:
    trace = run(3, traced=True).trace
    instants = [float(line.split(" s  ")[0]) for line in trace]
    assert instants == sorted(instants)
    assert any("FAULT crash" in line for line in trace)
    assert any("order_executor" in line for line in trace)
