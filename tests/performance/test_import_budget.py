"""Budgets of cold starts: a new import in the wrong place shows up here, not on the bill.

CPU time instead of wall time, and the best of a few runs, because the machine has other things to do.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local import deployment
from tests.performance.cold_start import functions, start

pytestmark = pytest.mark.e2e
RUNS = 3


@dataclass(frozen=True)
class Budget:
    """CPU milliseconds that a start may take (about half as much again as measured), and what it must not import."""

    function: str
    milliseconds: int
    never: tuple[str, ...]


HEAVY = ("fastapi", "ccxt", "numpy")
BUDGETS = (
    Budget("candle_clock", 400, HEAVY),
    Budget("strategy_runner", 800, ("fastapi",)),
    Budget("signal_intake", 520, HEAVY),
    Budget("signal_fanout", 520, HEAVY),
    Budget("order_executor", 650, ("fastapi", "numpy")),
    Budget("reconcile_clock", 400, HEAVY),
    Budget("order_reconciler", 650, ("fastapi", "numpy")),
    Budget("outbox_relay", 460, HEAVY),
    Budget("api", 750, ("ccxt",)),
    Budget("market_catalogue", 520, ("fastapi", "numpy")),
    Budget("paper_exchange", 620, ("ccxt", "numpy")),
    Budget("dlq_redrive", 330, HEAVY),
)


@pytest.fixture(scope="module")
def built() -> Path:
    deployment.build()
    return deployment.SAM_OUTPUT


def test_every_function_of_the_template_has_a_budget() -> None:
    assert sorted(budget.function for budget in BUDGETS) == sorted(functions())


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.function)
def test_a_cold_start_stays_in_its_budget(built: Path, budget: Budget) -> None:
    starts = [start(built, budget.function) for _ in range(RUNS)]
    assert min(started.own_milliseconds for started in starts) <= budget.milliseconds
    assert not starts[0].packages & set(budget.never)
