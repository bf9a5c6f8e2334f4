"""The guide of the command shows how to watch: its block runs as printed, against the API over fakes, and ends by itself."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from candlecast.domain.orders.intent import IntentState
from tests.api.conftest import Deployment
from tests.documents.test_documents import DOCUMENTS
from tests.support.builders import NOW, TENANT, a_position, an_intent
from tests.support.served_api import serve
from tests.support.shell_blocks import blocks, run_block

pytestmark = pytest.mark.slow

GUIDE = "docs/guides/command.md"
WATCH = "candlecast watch orders"


def test_orders_positions_and_signals_are_watched_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (printed,) = (block for block in blocks(GUIDE, DOCUMENTS[GUIDE]) if block.text.startswith(WATCH))
    deployment = Deployment()
    deployment.history.put_order(an_intent(state=IntentState.OPEN), 1)
    deployment.history.put_position(a_position(), 1, NOW)
    with serve(deployment.providers, lambda: None) as address:
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        monkeypatch.setenv("CANDLECAST_API_URL", address)
        monkeypatch.setenv("CANDLECAST_TOKEN", TENANT)
        done = run_block(printed, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert an_intent().intent_id in done.stdout
    (line,) = (text for text in done.stdout.splitlines() if text.startswith("{"))
    (position,) = json.loads(line)["items"]
    assert position["quantity"] == "10"
    assert "polling every 5 s, not live (live needs the extra [live]" in done.stderr
    assert "items" in json.loads((tmp_path / "signals.jsonl").read_text())
