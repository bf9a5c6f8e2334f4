"""Uploaded code in the deployed sandbox: the decisions of built-in code, attacks that harm nobody, a process for each tenant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.sandbox.protocol import Answer, Job, Request, SandboxRefusal, encode_candles, parse_answer
from infra.local.candle_files import read_candle_file, sample_files
from infra.local.cloud import Cloud
from infra.local.deployment import STACK
from infra.local.project import ROOT
from tests.support.builders import a_strategy
from tests.support.sandbox import HONEST, request

FUNCTION = f"{STACK}-strategy_sandbox:live"
BUILT_IN = ROOT / "strategies" / "sma_cross.py"
ROWS = 300
DECISIONS = 40  # closes in a row: the samples turn often enough for both sides and for no decision
SECONDS = 2.0  # of an attack; an endless loop takes them all
HONEST_TENANT, OTHER_TENANT = "owner-of-honest-code", "owner-of-hostile-code"


@pytest.fixture(scope="module")
def deployed(cloud: Cloud) -> Cloud:
    cloud.deploy()
    return cloud


def ask(cloud: Cloud, tenant: str, asked: Request) -> Answer[Any]:
    """The answer of the deployed function; raises `SandboxRefusal` as the runner sees it."""
    given = cloud.client("lambda").invoke(FunctionName=FUNCTION, TenantId=tenant, Payload=json.dumps(asked.to_json()))
    body = json.loads(given["Payload"].read())
    assert "FunctionError" not in given, body
    return parse_answer(asked.job, body)


def refusal(cloud: Cloud, tenant: str, asked: Request) -> SandboxRefusal:
    with pytest.raises(SandboxRefusal) as told:
        ask(cloud, tenant, asked)
    return told.value


def test_an_uploaded_copy_of_a_built_in_strategy_decides_as_the_built_in_does(deployed: Cloud) -> None:
    candles = read_candle_file(sample_files()[0]).candles
    definition = a_strategy(code="sma_cross", parameters={"fast_period": 5, "slow_period": 13})
    source, sides = BUILT_IN.read_text(encoding="utf-8"), set()
    for end in range(ROWS, ROWS + DECISIONS):
        seen = candles[end - ROWS : end]
        (expected,) = BuiltInStrategies().evaluate([CodeRun(definition=definition, version=None, candles=seen)])
        assert isinstance(expected, Evaluation)
        packed = encode_candles(seen)
        asked = Request(job=Job.DECIDE, source=source, parameters=definition.parameters, columns=packed, seconds=30)
        found = ask(deployed, HONEST_TENANT, asked).result
        assert found == expected, end
        sides.add(found.action)
    assert len(sides) > 1, "one decision of all would show little"


ATTACKS = {
    "a forged result": ("print('{\"result\": {}}')\nraise SystemExit(0)\n", {"SANDBOX_CRASHED", "STRATEGY_FAILED"}),
    "a loop without an end": ("while True:\n    pass\n", {"SANDBOX_TIMEOUT"}),
    "a read of a file": ("open('/etc/passwd')\n", {"STRATEGY_FAILED", "SANDBOX_FORBIDDEN"}),
    "a fork bomb": ("import os\nwhile True:\n    os.fork()\n", {"STRATEGY_FAILED", "SANDBOX_FORBIDDEN", "STRATEGY_FILE_INVALID"}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_with_a_reason_and_another_tenants_next_run_is_as_ever(deployed: Cloud, name: str) -> None:
    body, codes = ATTACKS[name]
    before = ask(deployed, HONEST_TENANT, request(HONEST)).result
    assert refusal(deployed, OTHER_TENANT, request(body, seconds=SECONDS)).code in codes
    assert ask(deployed, HONEST_TENANT, request(HONEST)).result == before
    assert ask(deployed, OTHER_TENANT, request(HONEST)).result == before


def test_each_tenant_has_a_process_of_its_own(deployed: Cloud) -> None:
    tenants = (HONEST_TENANT, OTHER_TENANT)
    for tenant in tenants * 2:
        ask(deployed, tenant, request(HONEST))
    serving = {worker.tenant: worker.pid for worker in deployed.workers("strategy_sandbox")}
    assert {*tenants} <= serving.keys()
    assert serving[HONEST_TENANT] != serving[OTHER_TENANT]


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
