"""`candlecast synthetic` against a deployed stack: sound on an empty one, red where a hop is broken, safe beside others."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from candlecast_cli.synthetic.hops import Hop
from candlecast_cli.synthetic.tenant import TENANT
from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.demo.exchange import WIDE_LIMITS, Operator
from infra.local.project import ROOT
from tests.support.stage import INSTANCE, as_text, replay_stack

COMMAND = str(ROOT / ".venvs" / "dev" / "bin" / "candlecast")
GUIDE = ROOT / "docs" / "guides" / "deploy.md"
COMMAND_SECONDS = 900  # for one that hangs
PATIENT = "240"  # seconds for a hop that works: the machine may be busy with other tests
BROKEN = "40"  # seconds for a hop that never comes, and for those before it
SOUND = [hop for hop in Hop if hop not in (Hop.LEFT_OVER, Hop.DENIAL, Hop.CLEAN_UP)]


@pytest.fixture(scope="module")
def stack(cloud: Cloud) -> Cloud:
    """A stack as the first deployment makes it: no market, no catalogue, nobody.

    The paper exchange bans no address: the runs of this module follow each other more closely than releases do.
    """
    replay_stack(cloud)
    with closing(Operator(cloud)) as operator:
        operator.call("PUT", "/limits", WIDE_LIMITS)
    return cloud


def candlecast(
    *words: str, where: Sequence[str] = ("--name", INSTANCE), environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [COMMAND, *words, *where],
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def run(folder: Path, *words: str, seconds: str = PATIENT, **how: Any) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and output of a run."""
    report = folder / f"report-{time.monotonic_ns()}.json"
    ended = candlecast("synthetic", "--hop-seconds", seconds, "--report", str(report), *words, **how)
    told = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return ended.returncode, told, ended.stdout + ended.stderr


def policy_of_the_guide(cloud: Cloud) -> str:
    """The policy that the guide gives to a pipeline's role, for this stack."""
    text = GUIDE.read_text(encoding="utf-8").split("```json\n", 1)[1].split("```", 1)[0]
    outputs = cloud.outputs
    words = {
        "MARKETSBUCKETNAME": outputs["MarketsBucketName"],
        "TABLENAME": outputs["TableName"],
        "KEYARN": outputs["KeyArn"],
        "ACCOUNT": outputs["KeyArn"].split(":")[4],
        "STACK": deployment.STACK,
    }
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def as_a_pipeline(cloud: Cloud) -> dict[str, Any]:
    """How a run is made with the policy of the guide and no other right, as of a stack in an AWS account."""
    iam, sts = cloud.client("iam"), cloud.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="pipeline", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.put_role_policy(RoleName="pipeline", PolicyName="synthetic", PolicyDocument=policy_of_the_guide(cloud))
    keys = sts.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="run-1")["Credentials"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    credentials = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
        "AWS_ENDPOINT_URL": cloud.endpoint,
    }
    where = ("--stack", deployment.STACK, "--region", deployment.REGION)
    return {"where": where, "environment": {**own, **credentials}}


def account(cloud: Cloud) -> dict[str, Any]:
    (listed,) = json.loads(candlecast("account", "list", "--tenant", TENANT, "--json").stdout)
    found: dict[str, Any] = json.loads(candlecast("account", "show", listed["account_id"], "--tenant", TENANT, "--json").stdout)[
        "account"
    ]
    return found


def secrets(cloud: Cloud) -> list[str]:
    pages = cloud.client("secretsmanager").get_paginator("list_secrets").paginate()
    return [secret["Name"] for page in pages for secret in page["SecretList"]]


@contextmanager
def standing_still(cloud: Cloud, output: str) -> Iterator[None]:
    """The queue's mapping of a function is disabled meanwhile."""
    client = cloud.client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=f"{cloud.outputs[output]}:live")["EventSourceMappings"]
    try:
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield
    finally:
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_a_pipeline_runs_on_an_empty_stack_with_the_policy_of_the_guide_and_leaves_nothing(stack: Cloud, tmp_path: Path) -> None:
    """It makes the tenant, its secrets and a market, trades, and takes the keys away: everything that a run ever does."""
    pipeline = as_a_pipeline(stack)
    code, report, said = run(tmp_path, **pipeline)
    assert code == 0, said
    assert (report["sound"], report["failed_hop"], report["left_nothing"]) == (True, None, True)
    assert [hop["hop"] for hop in report["hops"]] == SOUND
    assert report["market"] == "SYNTH/USDT:USDT"
    held = account(stack)
    assert (held["positions"], held["intents"], held["credential_version"]) == ({}, {}, None)
    assert not [name for name in secrets(stack) if f"/account/{TENANT}/" in name], "no secret that costs anything by the month"
    refused = candlecast("switch", "set", "platform", "--grade", "HALT_ALL", "--reason", "a thief", **pipeline)
    assert refused.returncode == 1
    assert "AccessDenied" in refused.stderr, "the identity of a pipeline reaches nothing of anybody else"


def test_runs_at_once_take_turns(stack: Cloud, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: run(tmp_path), range(2)))
    assert [code for code, _, _ in ended] == [0, 0], [said for *_, said in ended]
    assert account(stack)["positions"] == {}


def test_a_pause_of_entries_is_expected_or_is_why_nothing_could_be_shown(stack: Cloud, tmp_path: Path) -> None:
    assert candlecast("deployment", "pause", "a1b2c3").returncode == 0
    try:
        code, report, said = run(tmp_path, "--expect-paused")
        assert code == 0, said
        assert report["hops"][-1]["hop"] == Hop.DENIAL
        code, report, said = run(tmp_path)
        assert (code, report["code"], report["could_not_run"]) == (3, "ENTRIES_STOPPED", True), said
    finally:
        assert candlecast("deployment", "resume", "a1b2c3").returncode == 0
    code, _, said = run(tmp_path, "--expect-paused")
    assert code == 1, said
    assert "denial: NOT_DENIED" in said
    assert account(stack)["positions"] == {}


@pytest.mark.parametrize(
    ("output", "hop"),
    [
        ("OrderExecutorFunctionName", Hop.ENTRY_ORDER),
        pytest.param("SignalFanoutFunctionName", Hop.ENTRY_FAN_OUT, marks=pytest.mark.prove),
    ],
)
def test_a_hop_that_is_broken_is_named_in_bounded_time_and_the_next_run_cleans_up(
    stack: Cloud, tmp_path: Path, output: str, hop: Hop
) -> None:
    run(tmp_path)  # so that no cold start takes the time of a hop that works
    with standing_still(stack, output):
        code, report, said = run(tmp_path, seconds=BROKEN)  # its end is awaited for a bounded time
    assert code == 1, said
    assert (report["failed_hop"], report["code"], report["left_nothing"]) == (hop, "TIMED_OUT", False), said
    assert f"HOP_FAILED: {hop}: TIMED_OUT" in said
    code, report, said = run(tmp_path)
    assert code == 0, said
    assert account(stack)["positions"] == {}


def test_nobody_else_sees_the_synthetic_tenants_strategy(stack: Cloud) -> None:
    table = stack.client("dynamodb")
    listing = {
        "IndexName": "GSI2",
        "KeyConditionExpression": "GSI2PK = :p",
        "ExpressionAttributeValues": {":p": {"S": "STRATEGIES"}},
    }
    assert table.query(TableName=stack.outputs["TableName"], **listing)["Items"] == []
    assert TENANT in as_text(table.scan(TableName=stack.outputs["TableName"])["Items"])


def test_a_stack_without_the_paper_exchange_says_so(cloud: Cloud, tmp_path: Path) -> None:
    replay_stack(cloud, PaperExchange="disabled")
    code, _, said = run(tmp_path)
    assert code == 3
    assert "PAPER_EXCHANGE_DISABLED" in said
