"""vectorbt and backtesting.py answer the experiment as their golden results say, in the environment `engines`."""

from __future__ import annotations

import pytest

from tests.golden.backtests import CASES, ENGINES, golden, results, runs
from tests.support.backtest_comparison import first_difference
from tests.support.foreign import environment

pytestmark = pytest.mark.prove


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_answers_as_its_golden_results(engine: str) -> None:
    present = [case for case in CASES if case.path.is_file()]
    wanted = list(runs(present, [engine]))
    found = results(environment("engines"), engine, wanted)
    assert len(found) >= 12  # those of the samples, which are always there
    for run, result in zip(wanted, found, strict=True):
        assert (run.key, first_difference(result, golden(run))) == (run.key, None)
