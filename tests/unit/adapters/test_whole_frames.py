"""Frames of candles decided at once: the rows are the decisions that live makes one by one, in process and in a sandbox."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from candlecast.adapters import whole_frames
from candlecast.adapters.aws.sandbox_function import SandboxFunction
from candlecast.adapters.strategy_code import BuiltInStrategies
from candlecast.adapters.whole_frames import FRAME_SECONDS, WholeFrames
from candlecast.domain.signals.signal import Action
from candlecast.domain.values.errors import NotFound, Reject, RetryLater
from candlecast.ports.parity import FrameRun
from candlecast.ports.strategies import CodeRun, Evaluation
from candlecast.sandbox import jobs
from candlecast.strategy import Candles, Signals, Strategy, Target
from candlecast.strategy.registry import load_strategy
from infra.local.candle_files import read_candle_file, sample_files
from tests.support.builders import TENANT, a_strategy, a_version, an_uploaded_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.unit.adapters.aws.test_sandbox_function import Functions, refused, told
from tests.unit.adapters.test_uploaded_strategies import Texts

STRATEGY = load_strategy("ema_atr_trend").with_parameters({})  # has a stop and two targets
CANDLES = read_candle_file(sample_files()[0]).candles[:900]
ROWS = range(STRATEGY.lookback - 1, len(CANDLES), 7)
SOURCE = inspect.getsource(inspect.getmodule(type(STRATEGY)))  # type: ignore[arg-type]
VERSION = a_version(
    parameters=STRATEGY.parameters.to_mapping(), lookback=STRATEGY.lookback, source_hash=sha256(SOURCE.encode()).hexdigest()
)
BUILT_IN = a_strategy(code="ema_atr_trend")


class Sandbox(Functions):
    """Lambda's client whose function runs the child's job right here."""

    def invoke(self, **asked: Any) -> dict[str, Any]:
        outcome = jobs.run(asked["Payload"])
        self.answers[asked["TenantId"]] = told(**outcome) if "result" in outcome else {**refused("X"), **outcome}
        return super().invoke(**asked)


def frames(functions: Functions | None = None, code: Texts | None = None) -> WholeFrames:
    lambdas = functions or Sandbox()
    sandbox = SandboxFunction(lambda: lambdas, "sandbox", FakeClock(), RecordingMetrics())  # type: ignore[arg-type,return-value]
    return WholeFrames(code or Texts(SOURCE), sandbox)


def a_run(**changes: Any) -> FrameRun:
    return FrameRun(**{"version": None, "candles": CANDLES, "rows": list(ROWS), **changes})


def decided(outcome: Any) -> Sequence[Evaluation]:
    assert not isinstance(outcome, Reject | RetryLater), outcome
    return outcome  # type: ignore[no-any-return]


def live() -> list[Evaluation]:
    """The same decisions one by one, on the candles of each."""
    windows = [CANDLES[row + 1 - STRATEGY.lookback : row + 1] for row in ROWS]
    outcomes = BuiltInStrategies().evaluate(BUILT_IN, [CodeRun(version=None, candles=window) for window in windows])
    return [outcome for outcome in outcomes if isinstance(outcome, Evaluation)]


def test_the_rows_of_a_frame_are_the_decisions_of_live() -> None:
    wanted = live()
    assert len({each.action for each in wanted}) > 2
    (outcome,) = frames().decide_frames(BUILT_IN, [a_run()])
    assert [replace(each, atr=None, logs=()) for each in wanted] == list(decided(outcome))


def test_the_rows_of_a_frame_in_a_sandbox_are_the_decisions_of_live() -> None:
    functions = Sandbox()
    first, second = frames(functions).decide_frames(
        an_uploaded_strategy(), [a_run(version=VERSION), a_run(version=VERSION, candles=CANDLES[:500], rows=[499])]
    )
    told = [(it.action, it.price, it.stop_loss, it.take_profits, it.confidence) for it in decided(first)]
    assert told == [(it.action, it.price, it.stop_loss, it.take_profits, it.confidence) for it in live()]
    assert len(decided(second)) == 1
    assert {asked["TenantId"] for asked in functions.asked} == {TENANT}
    assert json.loads(functions.asked[0]["Payload"])["seconds"] == FRAME_SECONDS


def test_a_version_of_built_in_code_has_parameters_of_its_own() -> None:
    other = a_version(parameters={**STRATEGY.parameters.to_mapping(), "fast_period": 5}, source_hash=None)
    own, changed = frames().decide_frames(BUILT_IN, [a_run(), a_run(version=other)])
    assert decided(own) != decided(changed)


def test_code_that_refuses_or_is_not_there_is_told_and_stops_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    (unknown,) = frames().decide_frames(a_strategy(code="nothing"), [a_run()])
    assert isinstance(unknown, Reject)
    monkeypatch.setattr(whole_frames, "evaluate", lambda *_: 1 / 0)
    (failed,) = frames().decide_frames(BUILT_IN, [a_run()])
    assert isinstance(failed, Reject)
    assert failed.code == "STRATEGY_FAILED"


@pytest.mark.parametrize(
    ("text", "code"), [(NotFound("gone"), "NOT_FOUND"), (RetryLater("CODE_UNAVAILABLE", after_seconds=1), "CODE_UNAVAILABLE")]
)
def test_a_text_that_is_not_there_is_told(text: Exception, code: str) -> None:
    texts = Texts()
    texts.texts[str(VERSION.source_hash)] = text
    (outcome,) = frames(code=texts).decide_frames(an_uploaded_strategy(), [a_run(version=VERSION)])
    assert isinstance(outcome, Reject | RetryLater)
    assert outcome.code == code


def test_an_upload_without_a_version_has_no_code() -> None:
    (outcome,) = frames().decide_frames(an_uploaded_strategy(), [a_run()])
    assert isinstance(outcome, Reject)
    assert outcome.code == "VERSION_MISSING"


def test_an_answer_of_another_number_of_rows_is_refused() -> None:
    class Short(Sandbox):
        def invoke(self, **asked: Any) -> dict[str, Any]:
            request = json.loads(asked["Payload"])
            from candlecast.sandbox.protocol import encode_candles

            request["columns"] = encode_candles(CANDLES[:600])
            return super().invoke(**{**asked, "Payload": json.dumps(request).encode()})

    (outcome,) = frames(Short()).decide_frames(an_uploaded_strategy(), [a_run(version=VERSION)])
    assert isinstance(outcome, Reject)
    assert outcome.code == "SANDBOX_RESULT_INVALID"


def test_levels_that_no_order_can_have_are_refused_though_a_sandbox_has_told_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def forged(strategy: Strategy[Any], candles: Candles) -> Signals:
        side, endless = np.ones(len(candles), dtype=np.int8), np.full(len(candles), np.inf)
        return Signals(side=side, targets=(Target(endless),))

    monkeypatch.setattr(jobs, "evaluate", forged)
    (outcome,) = frames().decide_frames(an_uploaded_strategy(), [a_run(version=VERSION)])
    assert isinstance(outcome, Reject)
    assert outcome.code == "LEVEL_INVALID"


def test_rows_without_their_lookback_hold_whatever_a_sandbox_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "evaluate", lambda _, candles: Signals(side=np.ones(len(candles), dtype=np.int8)))
    rows = [STRATEGY.lookback - 2, STRATEGY.lookback - 1]
    (outcome,) = frames().decide_frames(an_uploaded_strategy(), [a_run(version=VERSION, rows=rows)])
    assert [each.action for each in decided(outcome)] == [None, Action.LONG]
