"""The child's work, in this process and without its locks: answers about honest and about faulty sources."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from candlecast.sandbox import jobs
from candlecast.sandbox.protocol import Checked, Inspected, Job, Request, SignalColumns
from candlecast.sandbox.protocol.answer import parse_error, parse_result
from tests.support.sandbox import FIRST_LINE, HONEST, request, source


@pytest.fixture(autouse=True)
def _no_module_is_left() -> Iterator[None]:
    yield
    sys.modules.pop(jobs.MODULE, None)


def result(asked: Request) -> Any:
    return parse_result(asked.job, jobs.run(asked.to_bytes())["result"])


def error(asked: Request) -> tuple[str, str, int | None, int | None]:
    return parse_error(jobs.run(asked.to_bytes())["error"])


def test_an_inspection_tells_what_a_version_keeps() -> None:
    found = result(request(job=Job.INSPECT, parameters={"period": 7}))
    assert isinstance(found, Inspected)
    assert (found.name, found.description, found.lookback) == ("uploaded", "Follows the last candles.", 188)
    assert found.parameters == {"period": 7}
    assert found.parameter_schema["properties"]["period"]["maximum"] == 200


def test_a_parameter_of_two_lines_is_refused_with_its_name() -> None:
    asked = request(job=Job.INSPECT)
    code, message, _, _ = error(replace(asked, source=asked.source.replace('"Rows"', '"Rows\\nof candles"')))
    assert (code, message) == ("STRATEGY_INVALID", "strategy.py: the description of period has a character that cannot be shown")


def test_a_decision_and_the_last_row_of_all_signals_agree() -> None:
    decided = result(request())
    signals = result(request(job=Job.SIGNALS))
    assert isinstance(signals, SignalColumns)
    assert signals.rows == 300
    assert decided.action is not None
    assert signals.side[-1] == (1 if decided.action.value == "LONG" else 255)
    assert set(signals.columns) == {"stop_loss"}


def test_decisions_of_an_honest_source_are_its_signals() -> None:
    signals, decisions = (result(request(job=job)) for job in (Job.SIGNALS, Job.DECISIONS))
    assert decisions.side == signals.side
    acting = [row for row, side in enumerate(signals.side) if side]
    assert len(acting) > 100
    for row in acting:
        part = slice(8 * row, 8 * row + 8)
        assert decisions.columns["stop_loss"][part] == signals.columns["stop_loss"][part]


def test_later_candles_that_are_used_in_a_long_frame_alone_are_in_no_decision() -> None:
    """A source that passes a check on 200 candles, and forges what it says of all 300 at once."""
    body = "if len(candles) > 250:\n    return Signals.from_conditions(long=np.roll(rises, -1), short=~np.roll(rises, -1))\n"
    forged = HONEST.replace("return", f"{body}return", 1)
    honest, decisions, signals = (
        result(request(text, job)).side for text, job in ((HONEST, Job.DECISIONS), (forged, Job.DECISIONS), (forged, Job.SIGNALS))
    )
    assert decisions == honest
    assert signals != honest


def test_a_decision_reaches_no_later_candle_by_its_memory() -> None:
    """An array of numpy names the array that it is a part of; a window is a part of nothing."""
    body = "assert candles.close.base is None or len(candles.close.base) == len(candles)\n" + HONEST
    assert result(request(body, Job.DECISIONS)).side == result(request(job=Job.DECISIONS)).side


def test_a_check_counts_its_rows_and_the_same_answers_have_the_same_digest() -> None:
    one, other = result(request(job=Job.CHECK)), result(request(job=Job.CHECK))
    assert isinstance(one, Checked)
    assert (one.rows, one.rows_checked) == (300, 100)
    assert one.digest == other.digest
    assert one.decision_ms > 0
    assert result(request(HONEST.replace("0.9", "0.8"), Job.CHECK)).digest != one.digest


RISES = "rises[1:] = candles.close[1:] > candles.close[:-1]"
COUNTED = "turns = globals().get('turns', 0) + 1\nglobals()['turns'] = turns\n"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (HONEST.replace(RISES, RISES.replace("rises[1:]", "rises[:-1]")), "LOOK_AHEAD"),
        (HONEST.replace(RISES, "rises[:] = np.cumsum(candles.close) % 7 > 3"), "LOOKBACK_TOO_SHORT"),
        (COUNTED + HONEST.replace("0.9", "(0.9 - turns / 1e6)"), "STRATEGY_NOT_DETERMINISTIC"),
        (HONEST.replace("0.9", "1.2"), "LEVEL_INVALID"),
    ],
    ids=["look-ahead", "lookback", "memory", "level"],
)
def test_a_check_names_the_fault_and_its_row(body: str, code: str) -> None:
    found, _, _, row = error(request(body, Job.CHECK))
    assert found == code
    assert row is not None


def test_a_check_refuses_a_decision_over_its_budget_before_it_repeats_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DECISION_MS", 0)
    monkeypatch.setattr(jobs, "first_difference", None)  # a hundred slow decisions would end the run by its time
    assert error(request(job=Job.CHECK))[0] == "STRATEGY_TOO_SLOW"


def test_an_answer_that_is_no_signals_is_refused() -> None:
    assert error(request("return None\n"))[0] == "SIGNALS_MALFORMED"


def test_a_source_that_keeps_later_rows_is_found_by_running_it_anew() -> None:
    body = """\
known = vars(Uploaded).get("known") or {}
later = {int(time): bool(close > before) for time, close, before in zip(candles.time[:-1], candles.close[1:], candles.close[:-1])}
Uploaded.known = later | known
rises = np.array([Uploaded.known.get(int(time), False) for time in candles.time])
return Signals.from_conditions(long=rises, short=np.zeros(len(candles), dtype=np.bool_))
"""
    code, message, _, row = error(request(body, Job.CHECK))
    assert code == "LOOK_AHEAD"
    assert row is not None
    assert "keeps rows between calls" in message


@pytest.mark.parametrize(
    ("asked", "code", "line"),
    [
        (request("return 1 / 0\n"), "STRATEGY_FAILED", FIRST_LINE),
        (request("raise SystemExit(3)\n"), "STRATEGY_FAILED", FIRST_LINE),
        (request("raise KeyboardInterrupt\n"), "STRATEGY_FAILED", FIRST_LINE),
        (request("x = 1\nraise MemoryError\n"), "SANDBOX_MEMORY", FIRST_LINE + 1),
        (request("x = 1\nraise PermissionError(1, 'no')\n"), "SANDBOX_FORBIDDEN", FIRST_LINE + 1),
        (request("return self.again()\n"), "STRATEGY_FAILED", FIRST_LINE),
        (request("import os\n" + HONEST), "STRATEGY_FILE_INVALID", FIRST_LINE),
        (request(before="x = 1\nimport os\n"), "STRATEGY_FILE_INVALID", 2),
        (request(before="x = 1\nopen('x')\n"), "STRATEGY_FILE_INVALID", 2),
        (request(text="x = (\n"), "STRATEGY_FILE_INVALID", 1),
        (request(text="x = 1\n"), "STRATEGY_FILE_INVALID", None),
        (request(parameters={"period": 1}), "PARAMETER_INVALID", None),
        (request(parameters={"wealth": 1}), "PARAMETER_UNKNOWN", None),
        (request(rows=20), "HISTORY_TOO_SHORT", None),
        (request("raise type('E', (Exception,), {'__str__': lambda it: 1 / 0})()\n"), "STRATEGY_FAILED", FIRST_LINE),
    ],
    ids=range(15),
)
def test_a_failure_of_the_source_has_its_code_and_its_line(asked: Request, code: str, line: int | None) -> None:
    found, message, told, _ = error(asked)
    assert (found, told) == (code, line)
    assert message


def test_an_import_that_is_not_there_says_what_is() -> None:
    _, message, _, _ = error(request(before="import socket\n"))
    assert "module 'socket' is not available in the sandbox; available are abc, array, " in message


def test_columns_that_are_no_candles_are_refused() -> None:
    asked = request()
    assert asked.columns is not None
    broken = Request(job=asked.job, source=asked.source, parameters={}, columns={**asked.columns, "rows": 299}, seconds=1)
    assert error(broken)[0] == "SANDBOX_REQUEST_INVALID"
    assert parse_error(jobs.run(b"{}")["error"])[0] == "SANDBOX_REQUEST_INVALID"


def test_every_built_in_module_of_the_list_is_loaded_and_no_other_is_given() -> None:
    assert error(request(text=source().replace("import numpy as np", "import numpy.random")))[0] == "STRATEGY_FILE_INVALID"
    assert result(request(before="from collections.abc import Sequence\nimport numpy.lib.stride_tricks\nimport statistics\n"))
