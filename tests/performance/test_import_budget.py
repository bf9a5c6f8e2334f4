"""What a cold start costs: the CPU time and the modules of each function, from an empty process to its first message.

Run as on AWS: the standard library, the built function and its built layers, read-only, so whatever has no bytecode is
compiled again. CPU time instead of wall time, and the best of a few runs, because the machine has other things to do.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local import deployment
from tests.infra.test_layers import mounted_layers

pytestmark = pytest.mark.e2e
RUNS = 3

# Whatever variable a function's settings ask for; nothing is contacted while it starts.
ENVIRONMENT = {
    "ENVIRONMENT": "local",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "TABLE_NAME": "table",
    "PAPER_TABLE_NAME": "paper",
    "EVENT_BUS_NAME": "bus",
    "MARKETS_BUCKET": "bucket",
    "SECRET_PREFIX": "candlecast/test",
    "KMS_KEY_ID": "key",
    "OPERATOR_SECRET_ID": "operator",
    "MAX_CANDLE_LATENESS_SECONDS": "300",
    "VENUES": '{"paper": {"ccxt_class": "binanceusdm", "base_url": "http://127.0.0.1:9"}}',
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "Candlecast",
    **{
        f"{queue}_{kind}_URL": f"http://127.0.0.1:9/{queue.lower()}"
        for queue in ("CANDLE", "SIGNAL", "TRADE", "RECONCILE", "OUTBOX")
        for kind in ("QUEUE", "DEAD_LETTERS")
    },
}


@dataclass(frozen=True)
class Budget:
    """CPU milliseconds that a start may take (about half as much again as measured), and what it must not import."""

    function: str
    milliseconds: int
    never: tuple[str, ...]
    start: str = "from candlecast.runtime import bootstrap; bootstrap.{function}()"


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
    Budget("api", 750, ("ccxt",), start="functions.api.handler._adapter()"),
    Budget("market_catalogue", 520, ("fastapi", "numpy")),
    Budget("paper_exchange", 620, ("ccxt", "numpy"), start="functions.paper_exchange.handler.application()"),
    Budget("dlq_redrive", 330, HEAVY),
)


@pytest.fixture(scope="module")
def built() -> Path:
    deployment.build()
    return deployment.SAM_OUTPUT


def start(built: Path, budget: Budget) -> tuple[float, set[str]]:
    """One start of the function: its CPU milliseconds and the top-level packages that it imported."""
    logical = "".join(part.capitalize() for part in budget.function.split("_")) + "Function"
    layers = [built / f"{layer.capitalize()}Layer" / "python" for layer in sorted(mounted_layers()[logical])]
    code = f"""
import sys, time
begin = time.process_time()
import functions.{budget.function}.handler
{budget.start.format(function=budget.function)}
print(1000 * (time.process_time() - begin), *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, [built / logical, *layers])),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-S", "-c", code]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert outcome.returncode == 0, outcome.stderr
    milliseconds, *names = outcome.stdout.split()
    return float(milliseconds), set(names)


def test_every_function_of_the_template_has_a_budget() -> None:
    named = {"".join(part.capitalize() for part in budget.function.split("_")) + "Function" for budget in BUDGETS}
    assert named == set(mounted_layers())


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.function)
def test_a_cold_start_stays_in_its_budget(built: Path, budget: Budget) -> None:
    runs = [start(built, budget) for _ in range(RUNS)]
    assert min(milliseconds for milliseconds, _ in runs) <= budget.milliseconds
    assert not runs[0][1] & set(budget.never)
