"""Settings: a missing value is named, a given value is never shown."""

from __future__ import annotations

import json

import pytest

from candlecast.domain.values.errors import InvalidValue
from candlecast.runtime.settings import CandleClockSettings, StrategyRunnerSettings

RUNNER = {
    "ENVIRONMENT": "local",
    "TABLE_NAME": "table",
    "CANDLE_QUEUE_URL": "candles",
    "CANDLE_DEAD_LETTERS_URL": "dead",
    "UPLOADED_CANDLE_QUEUE_URL": "uploaded-candles",
    "UPLOADED_CANDLE_DEAD_LETTERS_URL": "uploaded-dead",
    "CODE_BUCKET": "code",
    "SANDBOX_FUNCTION": "stack-strategy_sandbox:live",
    "SIGNAL_QUEUE_URL": "signals",
    "MARKETS_BUCKET": "markets",
    "MAX_CANDLE_LATENESS_SECONDS": "300",
    "VENUES": json.dumps({"paper": {"ccxt_class": "binanceusdm", "base_url": "https://paper.test"}}),
}


def test_each_variable_is_read_under_its_own_name() -> None:
    known = StrategyRunnerSettings.read(RUNNER)
    assert (known.table_name, known.max_candle_lateness_seconds) == ("table", 300.0)
    assert known.venues["paper"].base_url == "https://paper.test"


@pytest.mark.parametrize("name", sorted(RUNNER))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(InvalidValue, match=name) as raised:
        StrategyRunnerSettings.read({key: value for key, value in RUNNER.items() if key != name})
    assert raised.value.code == "SETTINGS_INVALID"


@pytest.mark.parametrize(
    ("name", "value"),
    [("VENUES", "{canary"), ("VENUES", '{"paper": {"canary": 1}}'), ("MAX_CANDLE_LATENESS_SECONDS", "canary")],
)
def test_a_malformed_value_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(InvalidValue, match=name) as raised:
        StrategyRunnerSettings.read({**RUNNER, name: value})
    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_what_a_function_does_not_need_is_not_read() -> None:
    assert not hasattr(CandleClockSettings.read(RUNNER), "markets_bucket")
