"""Uploaded code in the deployed sandbox: the decisions of built-in code, attacks that harm nobody, a process for each tenant."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.sandbox.protocol import Answer, Job, Request, encode_candles, parse_answer
from infra.local.candle_files import read_candle_file, sample_files
from infra.local.cloud import Cloud
from infra.local.deployment import STACK
from infra.local.project import ROOT
from tests.support.builders import a_strategy
from tests.support.sandbox import HONEST, request
from tests.support.sandbox_attacks import ATTACKS, Attack, seen

FUNCTION = f"{STACK}-strategy_sandbox:live"
BUILT_IN = ROOT / "strategies" / "sma_cross.py"
ROWS = 300
DECISIONS = 40  # closes in a row: the samples turn often enough for both sides and for no decision
SECONDS = 1.0  # of an attack; an endless loop takes them all
MARKER = "marker-of-the-run-before-5f2e"
HONEST_RUN = request(f"kept = '{MARKER}'\n" + HONEST, Job.SIGNALS)
HONEST_TENANT, OTHER_TENANT = "owner-of-honest-code", "owner-of-hostile-code"


@pytest.fixture(scope="module")
def deployed(cloud: Cloud) -> Cloud:
    cloud.deploy()
    return cloud


def answer_of(cloud: Cloud, tenant: str, asked: Request) -> Any:
    """The function's own answer."""
    given = cloud.client("lambda").invoke(FunctionName=FUNCTION, TenantId=tenant, Payload=json.dumps(asked.to_json()))
    body = json.loads(given["Payload"].read())
    assert "FunctionError" not in given, body
    return body


def ask(cloud: Cloud, tenant: str, asked: Request) -> Answer[Any]:
    """The answer as the runner reads it."""
    return parse_answer(asked.job, answer_of(cloud, tenant, asked))


def test_an_uploaded_copy_of_a_built_in_strategy_decides_as_the_built_in_does(deployed: Cloud) -> None:
    candles = read_candle_file(sample_files()[0]).candles
    definition = a_strategy(code="sma_cross", parameters={"fast_period": 5, "slow_period": 13})
    source, sides = BUILT_IN.read_text(encoding="utf-8"), set()
    for end in range(ROWS, ROWS + DECISIONS):
        seen = candles[end - ROWS : end]
        (expected,) = BuiltInStrategies().evaluate(definition, [CodeRun(version=None, candles=seen)])
        assert isinstance(expected, Evaluation)
        packed = encode_candles(seen)
        asked = Request(job=Job.DECIDE, source=source, parameters=definition.parameters, columns=packed, seconds=30)
        found = ask(deployed, HONEST_TENANT, asked).result
        assert found == expected, end
        sides.add(found.action)
    assert len(sides) > 1, "one decision of all would show little"


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """A server on the loopback in the place of Lambda's interface of the runtime; nobody may reach it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


@pytest.fixture(scope="module")
def honest_result(deployed: Cloud) -> Any:
    return ask(deployed, HONEST_TENANT, HONEST_RUN).result


def serving(cloud: Cloud, tenant: str) -> int:
    """Process id of the tenant's environment; the tenant's first run starts one."""
    if tenant not in {worker.tenant for worker in cloud.workers("strategy_sandbox")}:
        ask(cloud, tenant, HONEST_RUN)
    (pid,) = [worker.pid for worker in cloud.workers("strategy_sandbox") if worker.tenant == tenant]
    return pid


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused_as_the_table_says_and_the_next_runs_of_both_tenants_are_untouched(
    deployed: Cloud, listener: socket.socket, honest_result: Any, tmp_path: Path, attack: Attack
) -> None:
    file = tmp_path / "of-another-tenant"
    file.write_text("secret", encoding="utf-8")
    file.chmod(0o644)
    environments = {tenant: serving(deployed, tenant) for tenant in (HONEST_TENANT, OTHER_TENANT)}
    body, before = attack.source(parent=environments[OTHER_TENANT], port=listener.getsockname()[1], file=file, marker=MARKER)
    told = answer_of(deployed, OTHER_TENANT, request(body, before=before, seconds=SECONDS))
    assert seen(told, bare=False) == attack.full
    with pytest.raises(BlockingIOError):
        listener.accept()
    for tenant, pid in environments.items():
        assert ask(deployed, tenant, HONEST_RUN).result == honest_result
        assert serving(deployed, tenant) == pid, "the attack has ended an environment"


def test_each_tenant_has_a_process_of_its_own(deployed: Cloud) -> None:
    first = [serving(deployed, tenant) for tenant in (HONEST_TENANT, OTHER_TENANT)]
    for tenant in (HONEST_TENANT, OTHER_TENANT):
        ask(deployed, tenant, HONEST_RUN)
    assert [serving(deployed, tenant) for tenant in (HONEST_TENANT, OTHER_TENANT)] == first
    assert len(set(first)) == 2


def test_the_log_has_the_locks_that_held_and_nothing_of_the_code(deployed: Cloud) -> None:
    marker = "a-word-that-only-the-source-has"
    ask(deployed, HONEST_TENANT, request(f"kept = '{marker}'\nprint(kept)\n" + HONEST))
    log = deployed.logs()[f"{STACK}-strategy_sandbox"]
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert lines[-1]["tenant_id"] == HONEST_TENANT
    assert lines[-1]["layers"]["seccomp"] is True
    assert marker not in log


def test_an_invocation_without_a_tenant_does_not_reach_the_function(deployed: Cloud) -> None:
    with pytest.raises(ClientError) as refused:
        deployed.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(request(HONEST).to_json()))
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
