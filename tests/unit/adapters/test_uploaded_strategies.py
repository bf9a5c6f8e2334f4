"""Versions of uploaded code: each runs in its owner's sandbox with its own parameters, and fails alone."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.adapters.uploaded_strategies import RUN_SECONDS, StrategiesByKind, UploadedStrategies
from candlecast.domain.signals.signal import Action
from candlecast.domain.strategies.definition import StrategyKind
from candlecast.domain.values.errors import NotFound, Reject, RetryLater
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.sandbox.protocol import encode_candles
from tests.support.builders import NOW, TENANT, a_strategy, a_version, an_uploaded_strategy, candles_until
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.unit.adapters.aws.test_sandbox_function import RESULT, Functions, refused, told

CANDLES = tuple(candles_until(NOW, 60))


class Texts:
    """A code store of given texts; an error in their place is raised."""

    def __init__(self, *texts: str) -> None:
        self.texts: dict[str, Any] = {sha256(text.encode()).hexdigest(): text for text in texts}
        self.asked: list[str] = []

    def put(self, source: str) -> str:
        raise AssertionError("nothing is put here")

    def get(self, source_hash: str) -> str:
        self.asked.append(source_hash)
        found = self.texts.get(source_hash, NotFound("no such code"))
        if isinstance(found, Exception):
            raise found
        return str(found)


MINE = an_uploaded_strategy()


def a_run(text: str = "one", number: int = 1) -> CodeRun:
    return CodeRun(version=a_version(number, source_hash=sha256(text.encode()).hexdigest()), candles=CANDLES)


def uploaded(texts: Texts, functions: Functions) -> UploadedStrategies:
    return UploadedStrategies(texts, SandboxFunction(lambda: functions, "sandbox", FakeClock(), RecordingMetrics()))  # type: ignore[arg-type,return-value]


def test_a_version_runs_with_its_text_its_parameters_and_its_candles_for_its_owner() -> None:
    functions = Functions(**{TENANT: told()})
    (outcome,) = uploaded(Texts("one"), functions).evaluate(MINE, [a_run(number=3)])
    assert isinstance(outcome, Evaluation)
    assert (outcome.action, outcome.logs) == (Action.LONG, ("one",))
    asked = json.loads(functions.asked[0]["Payload"])
    assert functions.asked[0]["TenantId"] == TENANT
    assert (asked["job"], asked["source"], asked["parameters"], asked["seconds"]) == (
        "decide",
        "one",
        {"period": 13},
        RUN_SECONDS,
    )
    assert asked["columns"] == encode_candles(CANDLES)


def test_a_text_is_fetched_once() -> None:
    texts = Texts("one", "two")
    code = uploaded(texts, Functions(**{TENANT: told()}))
    for text in ("one", "two", "one"):
        code.evaluate(MINE, [a_run(text)])
    assert len(texts.asked) == 2


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (NotFound("no such code"), Reject, "NOT_FOUND"),
        (Reject("CODE_DAMAGED", "another text"), Reject, "CODE_DAMAGED"),
        (RetryLater("CODE_UNAVAILABLE", "throttled", after_seconds=5), RetryLater, "CODE_UNAVAILABLE"),
    ],
)
def test_a_text_that_is_not_to_be_had_fails_its_own_run_alone(failure: Exception, kind: type, code: str) -> None:
    texts = Texts("one", "two")
    texts.texts[sha256(b"one").hexdigest()] = failure
    lost, held = uploaded(texts, Functions(**{TENANT: told()})).evaluate(MINE, [a_run("one"), a_run("two", 2)])
    assert isinstance(lost, kind)
    assert (getattr(lost, "code", None), isinstance(held, Evaluation)) == (code, True)


def test_a_refusal_names_its_line() -> None:
    functions = Functions(**{TENANT: refused("STRATEGY_FAILED", "ZeroDivisionError: division by zero", line=12)})
    (outcome,) = uploaded(Texts("one"), functions).evaluate(MINE, [a_run()])
    assert isinstance(outcome, Reject)
    assert (outcome.code, outcome.message) == ("STRATEGY_FAILED", "line 12: ZeroDivisionError: division by zero")


def test_an_upload_is_nothing_without_a_version() -> None:
    code = uploaded(Texts(), Functions())
    (outcome,) = code.evaluate(MINE, [CodeRun(version=None, candles=CANDLES)])
    assert isinstance(outcome, Reject)
    for ask in (code.lookback, code.version):
        with pytest.raises(Reject):
            ask(MINE)


def test_each_strategy_goes_to_the_code_of_its_kind() -> None:
    hold = told(result={**RESULT, "action": None, "stop_loss": None, "take_profits": []})
    both = StrategiesByKind(
        {
            StrategyKind.BUILT_IN: BuiltInStrategies(),
            StrategyKind.UPLOADED: uploaded(Texts("one"), Functions(**{TENANT: hold})),
        }
    )
    (of_the_upload,) = both.evaluate(MINE, [a_run()])
    (of_the_built_in,) = both.evaluate(a_strategy(code="no_such"), [CodeRun(version=None, candles=CANDLES)])
    assert isinstance(of_the_upload, Evaluation)
    assert getattr(of_the_built_in, "code", None) == "STRATEGY_UNKNOWN"
    assert both.lookback(a_strategy()) == BuiltInStrategies().lookback(a_strategy())
    assert both.version(a_strategy()) == BuiltInStrategies().version(a_strategy())
