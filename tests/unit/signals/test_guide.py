"""The guide's examples are what it says they are."""

from __future__ import annotations

import json
import re
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from candlecast.domain.signals.signal import Action
from candlecast.signals.authentication import WebhookRequest, is_authentic
from candlecast.signals.refusal import Refusal
from candlecast.signals.traderspost import SENTIMENTS
from tests.support.parsing import parse, refusal

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "send-signals.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_messages_of_the_guide_are_understood() -> None:
    smallest, answer, native, tradingview = map(json.loads, blocks("json"))
    assert parse(**smallest).action is Action.LONG
    assert answer.keys() == {"success", "id", "signal_id", "duplicate"}
    assert len(parse(**native).take_profits) == 2
    assert refusal(**tradingview) is Refusal.UNRESOLVED_PLACEHOLDER


def test_the_template_for_tradingview_is_understood_once_it_is_filled_in() -> None:
    template = blocks("json")[-1]
    filled = {
        "ticker": "BTCUSDT.P",
        "strategy.order.action": "sell",
        "strategy.market_position": "flat",
        "close": "42000.5",
        "timenow": "2026-11-20T12:00:00Z",
        "strategy.order.contracts": "0.5",
    }
    message = json.loads(re.sub(r"\{\{(.*?)\}\}", lambda found: filled[found[1]], template))
    assert parse(**message).action is Action.EXIT_LONG


def test_the_signing_example_makes_a_request_that_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[urllib.request.Request] = []
    monkeypatch.setattr(urllib.request, "urlopen", sent.append)
    (example,) = blocks("python")
    exec(example, {"secret": "canary-4f0c9d2b7e1a", "url": "https://api.test/webhooks/source-1"})  # noqa: S102
    headers: dict[str, Any] = {name.lower(): value for name, value in sent[0].header_items()}
    body = sent[0].data
    assert isinstance(body, bytes)
    timestamp = headers["x-candlecast-timestamp"]
    request = WebhookRequest(source_id="source-1", body=body, timestamp=timestamp, signature=headers["x-candlecast-signature"])
    assert is_authentic(request, ("canary-4f0c9d2b7e1a",), datetime.fromtimestamp(int(timestamp), UTC))


@pytest.mark.parametrize("word", SENTIMENTS)
def test_every_sentiment_is_in_the_guide(word: str) -> None:
    assert f"`{word}`" in GUIDE
