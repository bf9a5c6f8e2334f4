"""Budgets of cold starts: a new import in the wrong place shows up here, not on the bill.

What a function must not import, and how many modules it loads, are the same on every machine. CPU time is not: it is the best of
a few runs, with room for a slower one.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.cold_start import Start, functions, start
from infra.local import deployment

pytestmark = pytest.mark.e2e
RUNS = 3


@dataclass(frozen=True)
class Budget:
    """CPU milliseconds that a start may take (half as much again as measured), modules that it loads at most, and never."""

    function: str
    milliseconds: int
    modules: int
    never: tuple[str, ...]


# What the builds of the layers defer or leave out: back here when a new version of a package asks for it in another place.
DEFERRED = (
    "aws_lambda_powertools.utilities.parser",
    "boto3.resources",
    "boto3.s3.transfer",
    "botocore.docs.service",
    "charset_normalizer",
    "cryptography",
    "getpass",
    "multiprocessing",
    "OpenSSL",
    "pydantic.v1",
    "s3transfer",
)
NO_FRAMEWORK = ("fastapi", "starlette", "asyncio", "importlib.metadata")
HEAVY = (*NO_FRAMEWORK, "ccxt", "requests", "numpy", "strategies")
TRADES = (*NO_FRAMEWORK, "numpy", "strategies")
# What passes messages on has no use for the rules on orders.
NO_ORDERS = (*HEAVY, "candlecast.domain.account.account", "candlecast.domain.orders.intent", "candlecast.domain.pools.pool")
NO_LIMITS = (
    *NO_ORDERS,
    "candlecast.domain.limits.limits",
    "candlecast.domain.subscriptions.subscription",
    "candlecast.domain.subscriptions.trade_order",
)
API = (
    "ccxt",
    "requests",
    "numpy",
    "strategies",
    "functions.api.routes.limits",
    "functions.api.schemas.limits",
    "functions.api.schemas.subscriptions",
)
BUDGETS = (
    Budget("candle_clock", 270, 463, NO_LIMITS),
    Budget("strategy_runner", 460, 715, NO_FRAMEWORK),
    Budget("signal_intake", 285, 483, (*NO_LIMITS, "candlecast.services.signals.fan_out")),
    Budget("signal_fanout", 310, 525, HEAVY),
    Budget("order_executor", 355, 639, TRADES),
    Budget("reconcile_clock", 290, 486, HEAVY),
    Budget("order_reconciler", 340, 625, TRADES),
    Budget("outbox_relay", 310, 523, HEAVY),
    Budget("api", 435, 685, API),
    Budget("market_catalogue", 245, 521, (*TRADES, "candlecast.domain.orders.intent", "pynamodb")),
    Budget("paper_exchange", 395, 633, ("ccxt", "requests", "numpy", "strategies")),
    Budget("dlq_redrive", 230, 435, (*NO_ORDERS, "pynamodb")),
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
