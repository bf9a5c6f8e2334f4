"""Which dialect a message is in."""

from __future__ import annotations

import pytest

from candlecast.signals.refusal import Refusal
from candlecast.signals.registry import DIALECTS, detect
from tests.support.parsing import a_message, refusal


@pytest.mark.parametrize(
    ("fields", "dialect"),
    [
        ({"action": "buy", "ticker": "BTCUSDT"}, "traderspost"),
        ({"action": "exit", "ticker": "BTCUSDT"}, "traderspost"),
        ({"action": "sell", "ticker": "BTCUSDT", "signal_id": "a"}, "traderspost"),
        ({"action": "nonsense", "ticker": "BTCUSDT"}, "traderspost"),
        ({"action": 5, "ticker": "BTCUSDT"}, "traderspost"),
        ({"action": "LONG", "ticker": "BTCUSDT"}, "native"),
        ({"action": "exit_short", "ticker": "BTCUSDT"}, "native"),
        ({"action": "exit", "market": "BTC/USDT:USDT"}, "native"),
    ],
)
def test_the_dialect_is_told_by_what_only_it_has(fields: dict[str, object], dialect: str) -> None:
    assert detect(a_message(**fields)).name == dialect


@pytest.mark.parametrize("fields", [{}, {"ticker": "BTCUSDT"}, {"action": "buy"}, {"text": "buy BTCUSDT"}])
def test_what_no_dialect_knows_is_refused(fields: dict[str, object]) -> None:
    assert refusal(**fields) is Refusal.UNKNOWN_DIALECT


def test_dialects_have_names_of_their_own() -> None:
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)
