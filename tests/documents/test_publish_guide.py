"""The guide to publishing runs as printed, against the API's own code over fakes; uploads are inspected in the sandbox.

`candlecast local` is stood in for: it would need the embedded cloud. Every other command and request is the real one.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from candlecast.domain.account.suspension import resume
from candlecast.domain.strategies.definition import Visibility
from candlecast.domain.strategies.listing import MIN_RANKED_TENANTS, MIN_RANKED_TRADES
from candlecast.domain.strategies.record import MAX_TENANT_TRADES
from candlecast.domain.values.errors import Reject
from candlecast.domain.values.reasons import Reason
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.runtime.compose import api
from candlecast.sandbox.parent import answer
from candlecast.sandbox.protocol import Inspected, Job, Request, parse_answer
from tests.api.conftest import Deployment, giving
from tests.documents.test_documents import DOCUMENTS
from tests.support.builders import TENANT, an_execution
from tests.support.served_api import serve
from tests.support.shell_blocks import Block, blocks, run_block

pytestmark = pytest.mark.slow

GUIDE = "docs/guides/publish-a-strategy.md"
ELSEWHERE = "export CANDLECAST_API_URL=https://..."
STAND_IN = f"""#!/bin/sh
case "$1 $2" in
    "local status") echo "$CANDLECAST_API_URL" ;;
    "local token") echo "$CANDLECAST_TOKEN" ;;
    "local keys") echo '{{"api_key": "{"k" * 64}", "api_secret": "{"s" * 64}"}}' ;;
    *) exec "{Path(sys.executable).with_name("candlecast")}" "$@" ;;
esac
"""


class Inspecting:
    """`CodeChecks` that run the first job of the real check, in the real sandbox's process."""

    def check(self, upload: CodeUpload) -> CheckedCode:
        told = parse_answer(Job.INSPECT, answer(Request(job=Job.INSPECT, source=upload.source, parameters=upload.parameters)))
        found = told.result
        if not isinstance(found, Inspected):
            raise Reject("SANDBOX_RESULT_INVALID", "no inspection")
        return CheckedCode(parameters=found.parameters, parameter_schema=found.parameter_schema, lookback=found.lookback)


@pytest.fixture
def deployment() -> Deployment:
    made = Deployment()
    made.providers = {**made.providers, api.code_checks: giving(Inspecting())}
    return made


def vet_keys(deployment: Deployment) -> None:
    """Let entries go, as the venue's answer and a look do elsewhere some seconds after keys were put."""
    for account in deployment.accounts.list_accounts(TENANT):
        vetted = resume(account, Reason.KEYS_NOT_VETTED, deployment.clock.now())
        if vetted is not account:
            deployment.accounts.save(vetted)


def run_followed(deployment: Deployment) -> None:
    """Let followed strategies have run, as the clock does elsewhere within two minutes."""
    for subscription in deployment.subscriptions.list_subscriptions(TENANT):
        deployment.executions.begin(an_execution(strategy_id=subscription.strategy_id))


def time_passes(deployment: Deployment) -> None:
    """Let the platform do between two requests the work for which the guide waits."""
    vet_keys(deployment)
    run_followed(deployment)


def test_the_guide_to_publishing_runs_as_printed(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "candlecast").write_text(STAND_IN, encoding="utf-8")
    (folder / "candlecast").chmod(0o755)
    printed = [it.text for it in blocks(GUIDE, DOCUMENTS[GUIDE]) if ELSEWHERE not in it.name]
    with serve(deployment.providers, lambda: time_passes(deployment)) as address:
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("CANDLECAST_API_URL", address)
        monkeypatch.setenv("CANDLECAST_TOKEN", TENANT)
        done = run_block(Block(GUIDE, "\n".join(printed)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "/problems/" not in done.stdout, "no request was refused"
    assert "candlecast: " not in done.stderr

    strategy = deployment.strategies.get_strategy("my-breakout-btc")
    first, second = (deployment.strategies.get_version("my-breakout-btc", number) for number in (1, 2))
    assert (first.parameters["entry_period"], first.parameters["stop_atr"]) == (30, 2.0)
    assert second.parameters == {**first.parameters, "stop_atr": 3.0}
    assert first.source_hash == second.source_hash
    assert second.note == "a wider stop"
    assert strategy.release is not None
    assert (strategy.release.stable, strategy.release.candidate, strategy.release.previous) == (2, None, 1)
    assert (strategy.visibility, strategy.tags) == (Visibility.PUBLIC, ("breakout", "btc"))
    assert strategy.collaborators == ("tenant-of-a-friend",)
    assert strategy.retired_at is not None
    (subscription,) = deployment.subscriptions.list_subscriptions(TENANT)
    assert subscription.pinned_version is None
    for said in ("a new strategy", "a new version", r"candidate +2 +20 %", "stable, 100 %", "previous"):
        assert re.search(said, done.stdout)


def test_the_guide_says_when_a_record_ranks() -> None:
    assert f"A tenant weighs at most {MAX_TENANT_TRADES} trades" in DOCUMENTS[GUIDE]
    assert f"ranks from {MIN_RANKED_TENANTS} tenants and {MIN_RANKED_TRADES} trades on" in DOCUMENTS[GUIDE]
