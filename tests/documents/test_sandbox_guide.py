"""The guide to the sandbox says what the code allows: its modules, names, limits and codes are compared with the code."""

from __future__ import annotations

import re

from benchmarks.report import cost
from candlecast.adapters.uploaded_strategies import RUN_SECONDS
from candlecast.domain.signals.signal import MAX_METADATA_CHARACTERS, MAX_METADATA_ENTRIES, MAX_TAKE_PROFITS
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.strategies.execution import MAX_LOG_CHARACTERS, MAX_LOG_LINES, MAX_UPLOADED_LOG_BYTES
from candlecast.domain.strategies.versions import (
    MAX_OWNED_STRATEGIES,
    MAX_PINNED_VERSIONS,
    MAX_SOURCE_BYTES,
    MAX_UPLOADS_A_DAY,
    MAX_VERSIONS,
)
from candlecast.sandbox.jobs import DECISION_MS
from candlecast.sandbox.lint import ABSENT_NAMES, MAX_TOKENS
from candlecast.sandbox.lock.limits import MEMORY_BYTES
from candlecast.sandbox.modules import ALLOWED_MODULES
from candlecast.sandbox.protocol import CODES, MAX_CHECK_ROWS, MAX_ROWS, MAX_SECONDS
from candlecast.sandbox.protocol.answer import MAX_DESCRIPTION_CHARACTERS, MAX_INSPECTION_CHARACTERS
from candlecast.services.market.run_candle import UPLOADED_NOTIONAL
from functions.api.schemas.parameters import MAX_PARAMETERS
from tests.documents.test_documents import DOCUMENTS, rows

GUIDE = DOCUMENTS["docs/guides/sandbox.md"]
PUBLISH = DOCUMENTS["docs/guides/publish-a-strategy.md"]
LIMITS = {
    "size of the file": f"{MAX_SOURCE_BYTES:,} bytes of UTF-8",
    "names, numbers and signs in the file": f"{MAX_TOKENS:,}",
    "one run, from the candles to the answer": f"{MAX_SECONDS} s",
    "one live decision": f"{RUN_SECONDS:.0f} s",
    "processor time of one decision, measured by the check of an upload": f"{DECISION_MS:,} ms",
    "memory beyond what Python and numpy take": f"{MEMORY_BYTES // 2**20} MB",
    "processes, threads, open files, sockets": "0",
    "candles of a live decision (the lookback)": f"{MAX_LOOKBACK:,}",
    "candles that an upload is checked on": f"{MAX_CHECK_ROWS:,}",
    "candles of one run over history": f"{MAX_ROWS:,}",
    "parameters": f"{MAX_PARAMETERS}, texts of at most 64 characters",
    "description of the strategy": f"{MAX_DESCRIPTION_CHARACTERS} characters",
    "targets of a signal": f"{MAX_TAKE_PROFITS}",
    "entries of one signal over all its followers": f"{UPLOADED_NOTIONAL:,} of the quote currency",
    "metadata of a signal": f"{MAX_METADATA_ENTRIES} entries of {MAX_METADATA_CHARACTERS} characters",
    "log lines of a run": f"{MAX_LOG_LINES} of {MAX_LOG_CHARACTERS} characters, {MAX_UPLOADED_LOG_BYTES:,} bytes together",
    "parameters with their descriptions": f"{MAX_INSPECTION_CHARACTERS:,} characters of JSON",
    "versions of a strategy": f"{MAX_VERSIONS:,}",
    "versions of a strategy that are pinned at once": f"{MAX_PINNED_VERSIONS}",
    "strategies of a tenant, retired ones included": f"{MAX_OWNED_STRATEGIES}",
    "uploads of a tenant a day, refused ones included, checked one at a time": f"{MAX_UPLOADS_A_DAY}",
}


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_modules_are_those_that_can_be_imported() -> None:
    told = [name for _, cell in rows(GUIDE, "## Modules") for name in named(cell)]
    assert sorted(told) == sorted(ALLOWED_MODULES)


def test_the_absent_names_are_those_that_the_sandbox_takes_away() -> None:
    text = GUIDE[GUIDE.index("These built-in names do not exist: ") :].partition(". ")[0]
    assert sorted(named(text)) == sorted(ABSENT_NAMES)


def test_each_limit_is_the_codes() -> None:
    assert dict(rows(GUIDE, "## Limits")) == LIMITS


def test_each_code_of_a_refusal_is_explained_once() -> None:
    told = [code for cell, *_ in rows(GUIDE, "## Refusals") for code in named(cell)]
    assert sorted(told) == sorted(CODES)


def test_the_costs_are_those_of_the_sheet() -> None:
    prices = cost.read_prices()
    month = sum(line.total for line in cost.strategy_lines(prices))
    assert f"{cost.sandbox_run(prices) * cost.MILLION:.2f} US dollars for a million runs" in " ".join(GUIDE.split())
    assert f"candles of five minutes costs {month:.2f} US dollars a month" in " ".join(GUIDE.split())


def test_the_guide_to_publishing_repeats_the_same_limits() -> None:
    assert f"up to {MAX_CHECK_ROWS:,} real candles" in PUBLISH
    assert f"At most {MAX_PINNED_VERSIONS} versions" in PUBLISH
