"""Budgets of cold starts: a new import in the wrong place shows up here, not on the bill.

What a function must not import, and how many modules it loads, are the same on every machine. CPU time is not: it is the best of
a few runs, with room for a slower one.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local import deployment
from tests.performance.cold_start import Start, functions, start

pytestmark = pytest.mark.e2e
RUNS = 3


@dataclass(frozen=True)
class Budget:
    """CPU milliseconds that a start may take (half as much again as measured), modules that it may load, and what not."""

    function: str
    milliseconds: int
    modules: int
    never: tuple[str, ...]


# What the layers' builds defer or leave out: back here when a new version of a package asks for it in another place.
DEFERRED = (
    "aws_lambda_powertools.utilities.parser",
    "boto3",
    "botocore.docs.service",
    "charset_normalizer",
    "cryptography",
    "getpass",
    "multiprocessing",
    "OpenSSL",
    "pydantic.v1",
)
NO_FRAMEWORK = ("fastapi", "starlette", "asyncio", "importlib.metadata")
HEAVY = (*NO_FRAMEWORK, "ccxt", "requests", "numpy", "strategies")
TRADES = (*NO_FRAMEWORK, "numpy", "strategies")
BUDGETS = (
    Budget("candle_clock", 320, 485, (*HEAVY, "candlecast.domain.account")),
    Budget("strategy_runner", 540, 730, NO_FRAMEWORK),
    Budget("signal_intake", 330, 515, (*HEAVY, "candlecast.domain.account", "candlecast.services.fan_out")),
    Budget("signal_fanout", 370, 540, HEAVY),
    Budget("order_executor", 420, 650, TRADES),
    Budget("reconcile_clock", 330, 495, HEAVY),
    Budget("order_reconciler", 410, 640, TRADES),
    Budget("outbox_relay", 370, 535, HEAVY),
    Budget("api", 640, 775, ("ccxt", "requests", "numpy", "strategies")),
    Budget("market_catalogue", 350, 550, TRADES),
    Budget("paper_exchange", 480, 645, ("ccxt", "requests", "numpy", "strategies")),
    Budget("dlq_redrive", 300, 455, (*HEAVY, "pynamodb", "candlecast.domain.account")),
)


@pytest.fixture(scope="module")
def built() -> Path:
    deployment.build()
    return deployment.SAM_OUTPUT


def test_every_function_of_the_template_has_a_budget() -> None:
    assert sorted(budget.function for budget in BUDGETS) == sorted(functions())


@pytest.fixture(scope="module", params=BUDGETS, ids=lambda budget: budget.function)
def started(request: pytest.FixtureRequest, built: Path) -> tuple[Budget, list[Start]]:
    return request.param, [start(built, request.param.function) for _ in range(RUNS)]


def test_a_cold_start_stays_in_its_budget(started: tuple[Budget, list[Start]]) -> None:
    budget, starts = started
    assert min(it.own_milliseconds for it in starts) <= budget.milliseconds


def test_a_function_loads_no_more_modules_than_it_did(started: tuple[Budget, list[Start]]) -> None:
    budget, starts = started
    assert len(starts[0].modules) <= budget.modules


def test_a_function_does_not_import_what_it_has_no_use_for(started: tuple[Budget, list[Start]]) -> None:
    budget, starts = started
    assert not set(starts[0].modules) & {*budget.never, *DEFERRED}
