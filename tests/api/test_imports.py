"""The API starts without what it does not need: its cold start is what people wait for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core'}",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "ENVIRONMENT": "dev",
    "TABLE_NAME": "table",
    "SIGNAL_QUEUE_URL": "https://sqs.example.test/signal",
    "TRADE_QUEUE_URL": "https://sqs.example.test/trade.fifo",
    "AWAITED_LOOK_QUEUE_URL": "https://sqs.example.test/awaited-look",
    "VETTING_QUEUE_URL": "https://sqs.example.test/vetting",
    "MARKETS_BUCKET": "markets",
    "VENUES": '{"paper": {"ccxt_class": "binanceusdm", "base_url": null}}',
    "SECRET_PREFIX": "candlecast/stack",
    "KMS_KEY_ID": "key",
    "DEAD_LETTERS_FUNCTION": "stack-dlq_redrive:live",
    "CURSOR_SECRET_ID": "cursors",
    "QUOTES_FUNCTION": "stack-market_catalogue:live",
    "CODE_BUCKET": "code",
    "VALIDATOR_FUNCTION": "stack-strategy_validator:live",
    "BACKTEST_QUEUE_URL": "http://127.0.0.1:9/backtest",
    "PARITY_QUEUE_URL": "http://127.0.0.1:9/parity",
    "RESULTS_BUCKET": "results",
    "LIVE_URL": "ws://127.0.0.1:9/live",
}


def imported(statement: str, *names: str) -> list[str]:
    """Which of the modules a fresh interpreter has after the statement."""
    code = f"import sys; {statement}; print(*[name for name in {names!r} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603 - our own code
    return done.stdout.split()


ALL_ROUTES = "import functions.api.app as app; [it.routes for it in app.resources()]"


def test_the_application_is_made_without_exchange_arrays_or_aws() -> None:
    made = "import functions.api.app as app; app.create_app()"
    assert imported(made, "ccxt", "numpy", "boto3", "pynamodb", "strategies", "functions.api.app") == ["functions.api.app"]


def test_no_route_needs_the_exchange_or_arrays_before_it_is_called() -> None:
    routes = "functions.api.routes.trades"
    assert imported(ALL_ROUTES, "ccxt", "numpy", "strategies", routes) == [routes]


def test_the_whole_function_is_made_without_exchange_and_arrays() -> None:
    made = "import functions.api.handler as handler; handler._adapter()"
    assert imported(made, "ccxt", "numpy", "strategies", "functions.api.app") == ["functions.api.app"]


def test_the_routes_of_a_resource_are_loaded_when_something_of_it_is_asked_for() -> None:
    routes = [f"functions.api.routes.{path.stem}" for path in (ROOT / "functions/api/routes").glob("*.py")]
    assert len(routes) > 10
    made = "import functions.api.handler as handler; routes = handler._adapter().app.router.routes"
    asked = "[it.matches(dict(type='http', method='GET', path='/v1/kill-switches')) for it in routes]"
    assert imported(f"{made}; {asked}", *routes) == ["functions.api.routes.kill_switches"]
