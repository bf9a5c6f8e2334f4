"""Built-in code behind its port: every failure is its own run's, an endless loop included."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

import pytest

from candlecast.adapters import strategy_code
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.domain.values.errors import Reject
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.strategy.registry import load_strategy
from tests.support.builders import NOW, a_strategy, a_version, candles_until

CANDLES = tuple(candles_until(NOW, 300))
SECONDS = 0.2


class Endless:
    """Never decides, and keeps no error of its own from being swallowed."""

    lookback = 1

    def __getattr__(self, name: str) -> Any:
        while True:
            try:
                sum(range(100))
            except Exception:  # noqa: S112 - as an author may write it
                continue


@dataclass
class Loaded:
    """The answer of the registry for one name."""

    strategy: Any

    def with_parameters(self, parameters: Any) -> Any:
        return self.strategy


OWN = CodeRun(version=None, candles=CANDLES)  # of the definition's own parameters


def test_an_endless_loop_ends_as_its_own_failure_and_the_next_strategy_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_code, "BUILT_IN_SECONDS", SECONDS)
    monkeypatch.setattr(
        strategy_code, "load_strategy", lambda name: Loaded(Endless()) if name == "endless" else load_strategy(name)
    )
    before = signal.getsignal(signal.SIGALRM)
    (slow,) = BuiltInStrategies().evaluate(a_strategy(code="endless"), [OWN])
    (decided,) = BuiltInStrategies().evaluate(a_strategy(), [OWN])
    assert isinstance(slow, Reject)
    assert (slow.code, isinstance(decided, Evaluation)) == ("STRATEGY_TOO_SLOW", True)
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)) == (before, (0.0, 0.0))


def test_a_versions_parameters_count_and_not_those_of_the_definition() -> None:
    version = a_version(parameters={"fast_period": 0})
    own, of_the_version = BuiltInStrategies().evaluate(a_strategy(), [OWN, CodeRun(version=version, candles=CANDLES)])
    assert isinstance(own, Evaluation)
    assert isinstance(of_the_version, Reject)


def test_unknown_code_is_its_own_failure() -> None:
    (unknown,) = BuiltInStrategies().evaluate(a_strategy(code="no_such"), [OWN])
    assert isinstance(unknown, Reject)
    assert unknown.code == "STRATEGY_UNKNOWN"
