"""vectorbt and backtesting.py answer the experiment as their golden results and as our command, in the environment `engines`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.golden.backtests import CASES, ENGINES, Run, golden, results, runs
from tests.support.backtest_command import result_of
from tests.support.backtest_comparison import first_difference
from tests.support.engine_cases import has_our_rules
from tests.support.foreign import environment

pytestmark = pytest.mark.prove


@cache
def answers(engine: str) -> list[tuple[Run, dict[str, Any]]]:
    """Each run of an engine with its answer of now; the samples are always there, recorded files on some machines."""
    wanted = list(runs([case for case in CASES if case.path.is_file()], [engine]))
    found = results(environment("engines"), engine, wanted)
    assert len(found) >= 12
    return list(zip(wanted, found, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_answers_as_its_golden_results(engine: str) -> None:
    for run, result in answers(engine):
        assert (run.key, first_difference(result, golden(run))) == (run.key, None)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_answers_as_an_engine(engine: str, tmp_path: Path) -> None:
    """As both engines without levels, and as backtesting.py with them; the README beside the scripts names what differs."""
    ours = [(run, result) for run, result in answers(engine) if has_our_rules(run)]
    assert len(ours) >= 6
    for run, result in ours:
        assert (run.key, first_difference(result_of(run, tmp_path), result)) == (run.key, None)
