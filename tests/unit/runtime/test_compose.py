"""The composition root: one module for each function, built once, with rare parts made at their first use."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from candlecast.adapters.dynamodb.single_table.table import Table
from candlecast.domain.values.errors import InvalidValue
from candlecast.runtime.compose import signal_fanout
from candlecast.runtime.compose.clients import lazy
from candlecast.runtime.compose.start import once, uncollected
from candlecast.runtime.settings import SignalFanoutSettings
from tests.support.builders import NOW

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "layers" / "core" / "candlecast" / "runtime" / "compose"
SHARED = {"clients", "consumer", "gate", "start"}
OWN_PACKAGE = {"paper_exchange", "strategy_sandbox"}  # put together by packages of their own
IMPORTED = re.compile(r"candlecast\.runtime\.compose import (\w+)$", re.MULTILINE)


class Parts:
    """Counts how often it is made."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.was_collecting = gc.isenabled()
        self.name = "parts"


@pytest.fixture
def make() -> Callable[[], Parts]:
    Parts.made = 0
    return Parts


def test_every_function_has_a_module_of_its_own_and_its_handler_imports_no_other() -> None:
    handlers = {path.parent.name: path for path in (ROOT / "functions").glob("*/handler.py")}
    modules = {path.stem for path in COMPOSE.glob("*.py")} - {"__init__"}
    assert modules == handlers.keys() - OWN_PACKAGE | SHARED
    for function in handlers.keys() - OWN_PACKAGE:
        assert IMPORTED.findall(handlers[function].read_text(encoding="utf-8")) == [function]


def test_a_function_is_built_once_and_the_collector_waits_meanwhile(make: Callable[[], Parts]) -> None:
    build = once(make)
    assert Parts.made == 0
    first = build()
    assert build() is first
    assert Parts.made == 1
    assert not first.was_collecting
    assert gc.isenabled()


def test_a_build_that_fails_is_tried_again_and_leaves_the_collector_on() -> None:
    failures = iter([ValueError("a setting is missing")])

    @once
    def build() -> str:
        for failure in failures:
            raise failure
        return "built"

    with pytest.raises(ValueError, match="missing"):
        build()
    assert gc.isenabled()
    assert build() == "built"


def test_the_collector_never_looks_at_what_was_loaded() -> None:
    before = gc.get_freeze_count()
    with uncollected():
        loaded = [[number] for number in range(1_000)]
    try:
        assert gc.get_freeze_count() >= before + len(loaded)
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_lazy_value_is_made_at_its_first_use_and_once(make: Callable[[], Parts]) -> None:
    parts = lazy(make)
    assert Parts.made == 0
    assert (parts.name, parts.name) == ("parts", "parts")
    assert Parts.made == 1


def test_the_fan_out_can_ask_a_venue_although_its_start_does_not_load_the_exchange_library() -> None:
    variables = {
        "ENVIRONMENT": "test",
        "TABLE_NAME": "table",
        "VENUES": '{"paper": {"ccxt_class": "binanceusdm", "base_url": null}}',
        "MARKETS_BUCKET": "markets",
        "SIGNAL_QUEUE_URL": "https://queue.test/signal",
        "SIGNAL_DEAD_LETTERS_URL": "https://queue.test/signal-dead",
        "TRADE_QUEUE_URL": "https://queue.test/trade",
    }
    table = Table("table", region="eu-central-1", host="http://127.0.0.1:9")
    market_data = signal_fanout._market_data(SignalFanoutSettings.read(variables), table)
    with pytest.raises(InvalidValue) as refusal:
        market_data.market_data.quote("elsewhere", "BTC/USDT:USDT", NOW)
    assert refusal.value.code == "VENUE_UNKNOWN"
