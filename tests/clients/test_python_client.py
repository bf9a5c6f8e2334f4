"""The Python client compiles, has exact types, reads every answer of the API, and raises its refusals."""

from __future__ import annotations

import ast
import asyncio
import csv
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients.python_client import ROOT
from tests.api.conftest import Deployment
from tests.support.builders import ACCOUNT, BTC, STRATEGY, SUBSCRIPTION, TENANT
from tests.support.routes import Operation, document, operations

pytestmark = pytest.mark.slow

MYPY_SECONDS = 300
NO_MONEY = {"drift_seconds", "duration_ms", "spread_seconds"}  # lengths of time
OF_ANYTHING = {"parameters", "axes"}  # values of a strategy's parameters, which may be any number
PROGRAM = """
from decimal import Decimal

from candlecast_client import connect
from candlecast_client.api.orders import list_orders
from candlecast_client.models import IntentState, OrderView

with connect("https://api.example.test", "token") as client:
    page = list_orders.sync(client=client, state=IntentState.FILLED)
    orders: list[OrderView] = page.items
    spent = sum((Decimal(order.fee) for order in orders), Decimal(0))
"""
WRONG = {
    "list_orders.sync(client=client, stat=IntentState.FILLED)": "call-arg",
    "list_orders.sync(client=client).entries": "attr-defined",
    "0.5 + list_orders.sync(client=client).items[0].fee": "operator",
}


def typed(package: Path, program: str, folder: Path) -> str:
    """The words of mypy about the package and a program, as strict as about our own code."""
    file = folder / "program.py"
    file.write_text(program, encoding="utf-8")
    options = ["--strict", "--no-incremental", "--config-file=", f"--python-executable={ROOT}/.venvs/openapi/bin/python"]
    command = [sys.executable, "-m", "mypy", *options, str(package), str(file)]
    ran = subprocess.run(command, cwd=package.parent, capture_output=True, text=True, timeout=MYPY_SECONDS, check=False)  # noqa: S603
    return ran.stdout + ran.stderr


def test_types_are_exact_and_find_a_wrong_program(package: Path, tmp_path: Path) -> None:
    said = typed(package, PROGRAM + "\n".join(f"    {line}" for line in WRONG), tmp_path)
    for code in WRONG.values():
        assert said.count(f"[{code}]") == 1, said
    assert f"Found {len(WRONG)} errors in 1 file" in said, said


def test_the_python_of_the_guide_has_right_types(package: Path, tmp_path: Path) -> None:
    guide = (ROOT / "docs/guides/api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 10
    said = typed(package, "\n".join(blocks), tmp_path)
    assert said.startswith("Success: no issues found"), said


def test_no_money_is_a_float(package: Path) -> None:
    found = {
        field.target.id
        for file in (package / "models").glob("*.py")
        for field in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and "float" in ast.unparse(field.annotation)
    }
    of_values = {"additional_properties", "additional_property_item", "axes_item"}
    assert found - of_values <= NO_MONEY | OF_ANYTHING


def module_of(operation: Operation) -> Any:
    [tag] = operation.description["tags"]
    return importlib.import_module(f"candlecast_client.api.{tag}.{operation.operation_id}")


def alike(value: Any) -> Any:
    """A body with its instants as instants, since those have several forms."""
    if isinstance(value, Mapping):
        return {name: alike(it) for name, it in value.items()}
    if isinstance(value, list):
        return [alike(it) for it in value]
    if isinstance(value, str) and value[:2] == "20" and value[10:11] == "T":
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("operation", operations(), ids=lambda it: it.operation_id)
def test_the_documented_answer_of_each_operation_is_read_whole(package: Path, operation: Operation) -> None:
    examples = json.loads((ROOT / "functions/api/description/examples.json").read_bytes())["operations"]
    example = examples[operation.operation_id]
    response = httpx.Response(int(example["status"]), json=example["answer"])
    parsed = module_of(operation)._parse_response(client=None, response=response)
    assert alike(json.loads(json.dumps(parsed.to_dict()))) == alike(example["answer"])


def test_each_operation_has_a_module(package: Path) -> None:
    made = {file.stem for file in (package / "api").glob("*/*.py")} - {"__init__"}
    assert made == {it.operation_id for it in operations()}
    assert len(made) == sum(len(methods) for methods in document()["paths"].values())


def test_an_account_is_made_once_for_each_key(package: Path, api: str) -> None:
    from candlecast_client import connect
    from candlecast_client.api.accounts import create_account, list_accounts
    from candlecast_client.models import NewAccount

    with connect(api, TENANT) as client:
        made = [
            create_account.sync(client=client, body=NewAccount(label="second", venue="paper"), idempotency_key="once")
            for _ in range(2)
        ]
        assert made[0].account_id == made[1].account_id
        listed = list_accounts.sync(client=client)
    assert {it.account_id for it in listed.items} == {ACCOUNT, made[0].account_id}


def test_lists_are_filtered_and_their_money_is_text(package: Path, api: str) -> None:
    from candlecast_client import connect
    from candlecast_client.api.orders import list_orders
    from candlecast_client.models import IntentState

    with connect(api, TENANT) as client:
        found = list_orders.sync(client=client, state=IntentState.FILLED, market=BTC)
        assert list_orders.sync(client=client, state=IntentState.DENIED).items == []
    [order] = found.items
    assert isinstance(order.filled_quantity, str)
    assert Decimal(order.filled_quantity) > 0


def test_a_list_as_csv_is_handed_on_as_it_comes(package: Path, api: str) -> None:
    from candlecast_client import connect
    from candlecast_client.api.trades import list_trades
    from candlecast_client.models import ListTradesFormat

    with connect(api, TENANT) as client:
        table = list_trades.sync_detailed(client=client, format_=ListTradesFormat.CSV)
        [trade] = list_trades.sync(client=client).items
        with pytest.raises(TypeError, match="content"):
            list_trades.sync(client=client, format_=ListTradesFormat.CSV)
    [row] = csv.DictReader(StringIO(table.content.decode(), newline=""))
    assert (row["trade_id"], row["net_pnl"]) == (trade.trade_id, trade.net_pnl)


def test_a_position_is_closed_and_the_dry_run_before_it_does_nothing(package: Path, deployment: Deployment, api: str) -> None:
    from candlecast_client import connect
    from candlecast_client.api.positions import close_position, list_positions
    from candlecast_client.models import PositionToClose

    with connect(api, TENANT) as client:
        [held] = list_positions.sync(client=client).items
        body = PositionToClose(account_id=held.account_id, subscription_id=held.subscription_id, market=held.market)
        tried = close_position.sync(client=client, body=body, dry_run=True)
        assert (tried.dry_run, deployment.trade_queue.sent) == (True, [])
        close_position.sync(client=client, body=body)
    assert len(deployment.trade_queue.sent) == 1


def test_a_refusal_is_raised_with_its_code_and_its_place(package: Path, api: str) -> None:
    import candlecast_client
    from candlecast_client.api.accounts import create_account, get_account
    from candlecast_client.api.subscriptions import get_subscription
    from candlecast_client.models import NewAccount

    with candlecast_client.connect(api, TENANT) as client:
        with pytest.raises(candlecast_client.NotFound) as unknown:
            get_account.sync("nobody", client=client)
        with pytest.raises(candlecast_client.Invalid) as invalid:
            create_account.sync(client=client, body=NewAccount(label="", venue="paper"))
        assert get_subscription.sync(SUBSCRIPTION, client=client).subscription_id == SUBSCRIPTION
    with candlecast_client.Client(api) as nobody, pytest.raises(candlecast_client.Unauthenticated) as unsigned:
        get_account.sync(ACCOUNT, client=nobody)
    assert (unknown.value.status, unknown.value.code) == (404, "NOT_FOUND")
    assert (invalid.value.status, invalid.value.code) == (422, "INVALID_REQUEST")
    assert [it.pointer for it in invalid.value.problem.errors] == ["/label"]
    assert unsigned.value.code == "UNAUTHENTICATED"


def test_an_answer_of_the_gateway_is_a_refusal_too(package: Path) -> None:
    import candlecast_client
    from candlecast_client.api.accounts import list_accounts

    def throttle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(429, json={"message": "Too Many Requests"}, headers={"Retry-After": "3"})

    client = candlecast_client.AuthenticatedClient(
        "https://api.example.test", token="t", httpx_args={"transport": httpx.MockTransport(throttle)}
    )
    with pytest.raises(candlecast_client.TooManyRequests) as refused:
        list_accounts.sync(client=client)
    assert (refused.value.code, refused.value.problem, refused.value.retry_after_seconds) == ("GATEWAY", None, 3.0)


def test_health_that_is_bad_is_an_answer_and_no_refusal(package: Path, deployment: Deployment) -> None:
    from candlecast_client import Client
    from candlecast_client.api.operations import get_health

    examples = json.loads((ROOT / "functions/api/description/examples.json").read_bytes())["operations"]
    answer = httpx.Response(503, json=examples["get_health"]["answer"])
    client = Client("https://api.example.test", httpx_args={"transport": httpx.MockTransport(lambda _: answer)})
    assert get_health.sync(client=client).to_dict().keys() == examples["get_health"]["answer"].keys()


def test_a_word_of_a_newer_api_is_kept_as_it_came(package: Path) -> None:
    from candlecast_client.models import Reason

    assert Reason("A_REASON_OF_TOMORROW") == "A_REASON_OF_TOMORROW"
    assert Reason("STOP_MISSING") is Reason.STOP_MISSING


def test_the_same_call_waits_in_an_event_loop(package: Path, api: str) -> None:
    from candlecast_client import connect
    from candlecast_client.api.strategies import list_strategies

    async def work() -> list[str]:
        async with connect(api, TENANT) as client:
            return [it.strategy_id for it in (await list_strategies.asyncio(client=client)).items]

    assert STRATEGY in asyncio.run(work())
