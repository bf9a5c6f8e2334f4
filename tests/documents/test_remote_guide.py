"""The part of the guide of backtests that the platform computes runs as printed.

The API is its own code over fakes. A worker does the tasks of each request before the next one, by the live code and the jobs of
the sandbox. Results are fetched by links.
"""

from __future__ import annotations

import json
import math
import os
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.backtest_engine import LiveCodeEngine
from candlecast.adapters.sweep_engine import LiveCodeSweep
from candlecast.domain.backtests.backtest import Backtest
from candlecast.domain.market.candle import Candle
from candlecast.domain.values.timeframe import Timeframe
from candlecast.ports.backtests import ResultFiles, ResultLinks
from candlecast.runtime.compose import api
from candlecast.services.backtests.read_inputs import ReadInputs
from candlecast.services.backtests.run_backtest import RunBacktest
from candlecast.services.backtests.run_sweep_part import RunSweepPart
from candlecast.services.market.read_funding import ReadFunding
from candlecast.services.market.read_history import ReadHistory
from tests.api.conftest import Deployment, giving
from tests.documents.test_documents import DOCUMENTS
from tests.documents.test_publish_guide import Inspecting
from tests.support.builders import BTC, NOW, TENANT
from tests.support.fakes.backtests import FakeResults
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.served_api import serve
from tests.support.shell_blocks import Block, blocks, run_block
from tests.unit.adapters.test_backtest_engine import Sandbox
from tests.unit.command_line.serving import Server, serving

pytestmark = pytest.mark.slow

GUIDE = "docs/guides/backtest.md"
BEGIN, REMOTE = "candlecast strategy new my_breakout", "--remote"
HOURS = 3_000
LINKS = {"document": "result.json", "page": "report.html", "trades": "trades.csv"}


class LinkedResults(FakeResults):
    """Results that a server gives by their links."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def keep(self, backtest: Backtest, files: ResultFiles) -> None:
        super().keep(backtest, files)
        for name, file in LINKS.items():
            self._server.answer(f"GET /{backtest.backtest_id}/{file}", 200, getattr(files, name))

    def links(self, backtest: Backtest, now: object) -> ResultLinks:
        place = f"{self._server.url}/{backtest.backtest_id}"
        return ResultLinks(**{name: f"{place}/{file}" for name, file in LINKS.items()}, expires_at=NOW + timedelta(minutes=5))


def a_worker(deployment: Deployment, results: FakeResults) -> RunEverything:
    clock, metrics, history = deployment.clock, deployment.metrics, FakeCandleHistory()
    sandbox = SandboxFunction(Sandbox, "sandbox", clock, metrics)  # type: ignore[arg-type]
    engine = LiveCodeEngine(deployment.code, sandbox)
    inputs = ReadInputs(
        strategies=deployment.strategies,
        markets=deployment.markets,
        history=ReadHistory(history, deployment.market_data, clock, metrics),
        funding=ReadFunding(history, deployment.market_data, clock, metrics),
        engine=engine,
    )
    known: dict[str, Any] = {
        "backtests": deployment.backtests,
        "inputs": inputs,
        "results": results,
        "clock": clock,
        "metrics": metrics,
    }
    return RunEverything(
        deployment,
        RunBacktest(**known, engine=engine),
        RunSweepPart(**known, engine=LiveCodeSweep(deployment.code, sandbox), parts=results),
    )


class RunEverything:
    """Does all tasks that wait."""

    def __init__(self, deployment: Deployment, run: RunBacktest, run_part: RunSweepPart) -> None:
        self._waiting, self._run, self._run_part = deployment.backtest_queue.sent, run, run_part
        self.done = 0

    def __call__(self) -> None:
        while self._waiting:
            task = self._waiting.pop()  # the last part first: their order is nobody's promise
            if task.part is None:
                self._run(task, "worker-1")
            else:
                self._run_part(task, task.part)
            self.done += 1


def hours() -> list[Candle]:
    """Waves of several lengths, up to now."""
    found, before = [], Decimal(50_000)
    for row in range(HOURS):
        close = Decimal(round(50_000 + 4_000 * math.sin(row / 37) + 1_500 * math.sin(row / 11) + 90 * (row * 7_919 % 13)))
        opened = NOW - timedelta(hours=HOURS - row)
        found.append(Candle(opened, before, max(before, close) + 20, min(before, close) - 20, close, Decimal(1)))
        before = close
    return found


def test_the_platform_computes_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, *printed = [it.text for it in blocks(GUIDE, DOCUMENTS[GUIDE]) if BEGIN in it.text or REMOTE in it.text]
    assert len(printed) == 2
    deployment = Deployment()
    deployment.market_data.put(BTC, Timeframe.H1, hours())
    with serving() as server:
        results = LinkedResults(server)
        changed = {api.code_checks: giving(Inspecting()), api.backtest_results: giving(results)}
        worker = a_worker(deployment, results)
        with serve({**deployment.providers, **changed}, worker) as address:
            monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
            monkeypatch.setenv("CANDLECAST_API_URL", address)
            monkeypatch.setenv("CANDLECAST_TOKEN", TENANT)
            done = run_block(Block(GUIDE, "\n".join((begin, *printed))), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "candlecast: " not in done.stderr
    single, walked = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("remote", "remote-walk-forward"))
    assert (single["strategy"], single["path"]) == ("my-breakout-btc", "exact")
    assert single["closed_trades"] > 0
    assert len(walked["windows"]) == 4
    assert "12 combinations of 18, by random search with seed 7: 12 tried." in done.stdout
    assert len((tmp_path / "remote-sweep.csv").read_text().splitlines()) == 13
    for page in ("remote", "remote-sweep"):
        assert (tmp_path / f"{page}.html").read_text().startswith("<!doctype html>")
    assert worker.done == 3, "a sweep of twelve and a walk-forward of three are a task each"
