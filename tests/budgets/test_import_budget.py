"""Budgets of cold starts: a new import in the wrong place shows up here, not on the bill.

A function's forbidden imports and its number of modules are the same on every machine. CPU time differs, so each start is
compared with a start that every user of AWS knows: importing boto3 and making two clients. Both starts take turns in the same
run.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks.cold_start import Start, functions, keep_bytecode_of_sdk, start, start_of_sdk
from infra.local import deployment

pytestmark = pytest.mark.e2e
RUNS = 3
MOST_RUNS = 15  # on a busy machine: the least of more runs is nearer to the start's own time


@dataclass(frozen=True)
class Budget:
    """CPU time that a start may take as a multiple of two clients of boto3, modules that it loads at most, and never."""

    function: str
    ratio: float  # half as much again as measured
    modules: int
    never: tuple[str, ...]


# Modules that the builds of the layers defer or leave out. A module comes back here when a new version of a package imports it
# elsewhere.
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
# A function that passes messages on has no use for the rules on orders.
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
    "functions.api.description",
    "functions.api.routes.limits",
    "functions.api.schemas.limits",
    "functions.api.schemas.subscriptions",
)
BUDGETS = (
    Budget("candle_clock", 1.9, 502, NO_LIMITS),
    Budget("strategy_runner", 3.6, 792, NO_FRAMEWORK),
    Budget("strategy_validator", 2.6, 635, TRADES),
    # Its own process alone: the one of each run loads numpy, and is a part of that run.
    Budget("strategy_sandbox", 0.6, 171, (*HEAVY, "boto3", "botocore", "aws_lambda_powertools", "pydantic", "pynamodb")),
    Budget("backtest_runner", 4.0, 860, NO_FRAMEWORK),
    Budget("parity_checker", 3.6, 822, NO_FRAMEWORK),
    Budget("signal_intake", 2.0, 522, (*NO_LIMITS, "candlecast.services.signals.fan_out")),
    Budget("signal_fanout", 2.5, 587, HEAVY),
    Budget("order_executor", 2.8, 703, TRADES),
    Budget("reconcile_clock", 2.5, 581, HEAVY),
    Budget("health_probe", 2.5, 640, TRADES),
    Budget("order_reconciler", 2.7, 697, TRADES),
    Budget("key_vetting", 2.6, 675, TRADES),
    Budget("outbox_relay", 2.6, 604, HEAVY),
    Budget("api", 3.3, 792, API),
    Budget("live_connections", 1.8, 487, NO_LIMITS),
    Budget("market_catalogue", 1.8, 552, (*TRADES, "candlecast.domain.orders.intent", "pynamodb")),
    Budget("paper_exchange", 3.1, 662, ("ccxt", "requests", "numpy", "strategies")),
    Budget("dlq_redrive", 1.8, 463, (*NO_ORDERS, "pynamodb")),
    Budget("history_rebuild", 2.5, 578, HEAVY),
)


@dataclass
class Measured:
    """Starts of a function and of the floor, by turns."""

    budget: Budget
    built: Path
    starts: list[Start] = field(default_factory=list)
    floors: list[Start] = field(default_factory=list)

    def run(self) -> None:
        self.floors.append(start_of_sdk())
        self.starts.append(start(self.built, self.budget.function))

    @property
    def ratio(self) -> float:
        """The best start to the best floor: only the machine makes a run longer."""
        mine, theirs = (min(it.own_milliseconds for it in these) for these in (self.starts, self.floors))
        return mine / theirs


@pytest.fixture(scope="module")
def built() -> Path:
    deployment.build()
    keep_bytecode_of_sdk()
    return deployment.SAM_OUTPUT


def test_every_function_of_the_template_has_a_budget() -> None:
    assert sorted(budget.function for budget in BUDGETS) == sorted(functions())


@pytest.fixture(scope="module", params=BUDGETS, ids=lambda budget: budget.function)
def measured(request: pytest.FixtureRequest, built: Path) -> Measured:
    measured = Measured(request.param, built)
    for _ in range(RUNS):
        measured.run()
    return measured


def test_a_cold_start_stays_in_its_budget(measured: Measured) -> None:
    while measured.ratio > measured.budget.ratio and len(measured.starts) < MOST_RUNS:
        measured.run()
    assert measured.ratio <= measured.budget.ratio


def test_a_function_loads_no_more_modules_than_it_did(measured: Measured) -> None:
    assert len(measured.starts[0].modules) <= measured.budget.modules


def test_a_function_does_not_import_what_it_has_no_use_for(measured: Measured) -> None:
    assert not set(measured.starts[0].modules) & {*measured.budget.never, *DEFERRED}
