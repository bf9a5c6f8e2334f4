"""Mutated bodies at the webhook: each is answered with a known code, within a counted number of steps.

A step is a line of ours that the interpreter runs, loops included. Steps do not depend on the machine, as seconds do.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from types import CodeType
from typing import Any

import pytest

from candlecast.domain.strategies.definition import MAX_MESSAGES_PER_HOUR, MAX_MESSAGES_PER_MINUTE, SourceSettings
from candlecast.runtime.compose import signal_intake
from candlecast.runtime.observe import logger
from candlecast.services.signals.receive_signal import MAX_EXIT_AGE, MERGE_WINDOW
from candlecast.signals.authentication import sign
from candlecast.signals.refusal import Refusal
from functions.signal_intake.handler import handle
from tests.support.builders import SOURCE
from tests.support.intake import SECRET, Intake
from tests.support.mutated_bodies import MUTATIONS, mutated
from tests.support.queue_events import Context

ROOT = Path(__file__).parents[2]
OURS = (str(ROOT / "layers" / "core" / "candlecast"), str(ROOT / "functions"))
EVENT = json.loads((ROOT / "tests" / "events" / "webhook_native_secret_in_body_base64.json").read_text())
# The dearest honest message takes some 1,100 steps. The dearest of all has as many parts as a body may have, each read,
# redacted and kept.
MAX_STEPS = 16_000
FRESH_EVERY = 2_000  # messages of one intake: its fakes keep everything
TOOL = sys.monitoring.PROFILER_ID


@dataclass
class Steps:
    """Lines of ours that have run since `begin`."""

    count: int = 0

    def begin(self) -> None:
        self.count = 0

    def on_line(self, code: CodeType, _: int) -> Any:
        if not code.co_filename.startswith(OURS):
            return sys.monitoring.DISABLE
        self.count += 1
        return None


@contextmanager
def counted() -> Iterator[Steps]:
    steps = Steps()
    sys.monitoring.use_tool_id(TOOL, "steps of a message")
    sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, steps.on_line)
    sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)
    try:
        yield steps
    finally:
        sys.monitoring.set_events(TOOL, 0)
        sys.monitoring.free_tool_id(TOOL)


def an_event(random: Random, body: bytes, timestamp: int) -> dict[str, Any]:
    """A message by one of the three proofs, or by none; some are changed on their way through a gateway."""
    headers, path = dict(EVENT["headers"]), {"source": SOURCE}
    proof = random.randrange(8)
    if proof < 3:
        path["secret"] = SECRET
    elif proof < 5:
        signature = sign(SECRET, str(timestamp), body)
        headers |= {"x-candlecast-timestamp": str(timestamp), "x-candlecast-signature": signature}
    elif proof == 5:
        body = body.replace(b'"action"', f'"secret":"{SECRET}","action"'.encode(), 1)
    elif proof == 6:
        odd = random.choice(("", "x", "-1", "9" * 400, "\u0661", "1e9", "\x00"))
        headers |= {"x-candlecast-timestamp": odd, "x-candlecast-signature": random.choice(("", "0" * 64, "\u017f", "sha256="))}
    else:
        path = {"source": random.choice((SOURCE, "nobody", "", "#", "x" * 500, "\u202e"))}
    event: dict[str, Any] = EVENT | {"headers": headers, "pathParameters": path}
    if random.random() < 0.2:
        return event | {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return event | {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def fuzz(build: Callable[[Callable[[], Any]], None], seed: int, messages: int) -> dict[str, int]:
    """Send messages and check each answer; the dearest message of each kind of mutation, in steps."""
    random, dearest, intake = Random(seed), dict.fromkeys((make.__name__.strip("_") for make in MUTATIONS), 0), Intake()
    with counted() as steps:
        for number in range(messages):
            if number % FRESH_EVERY == 0:
                intake = an_intake(build)
            intake.clock.advance(random.choice((0.01, 1, 1, 2)))
            message = mutated(random)
            event = an_event(random, message.body, int(intake.clock.now().timestamp()))
            before = len(intake.published)
            steps.begin()
            answer = handle(event, Context())  # type: ignore[arg-type]
            spent = steps.count
            told = f"seed {seed}, message {number}, {message.name}: {message.body[:200]!r}"
            assert spent <= MAX_STEPS, f"{spent} steps for {told}"
            assert SECRET not in answer["body"], told
            check_answer(answer, told)
            for signal in intake.published[before:]:
                now = intake.clock.now()
                assert now - MAX_EXIT_AGE <= signal.issued_at <= now + MERGE_WINDOW + timedelta(seconds=1), told
                assert signal.market.isascii(), told
            dearest[message.name] = max(dearest[message.name], spent)
    return dearest


def an_intake(build: Callable[[Callable[[], Any]], None]) -> Intake:
    intake = Intake()
    widest = SourceSettings(messages_per_minute=MAX_MESSAGES_PER_MINUTE, messages_per_hour=MAX_MESSAGES_PER_HOUR)
    intake.strategies.save_source(replace(intake.strategies.get_source(SOURCE), settings=widest))
    service = intake.service()
    build(lambda: service)
    return intake


def check_answer(answer: dict[str, Any], told: str) -> None:
    body = json.loads(answer["body"])
    if answer["statusCode"] == 202:
        assert body["success"] is True, told
        return
    assert body["code"] in Refusal.__members__, f"{body['code']} for {told}"
    assert body["status"] == answer["statusCode"], told


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], None]]:
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    yield lambda make: monkeypatch.setattr(signal_intake, "build", make)
    logger.setLevel(level)


def test_no_mutated_body_escapes_or_costs_more_than_its_steps(build: Callable[[Callable[[], Any]], None]) -> None:
    dearest = fuzz(build, seed=0, messages=1_500)
    assert min(dearest.values()) > 0, "a kind of mutation was never sent"


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1, 11))
def test_none_of_100_000_mutated_bodies_escapes_or_costs_more_than_its_steps(
    build: Callable[[Callable[[], Any]], None], seed: int
) -> None:
    dearest = fuzz(build, seed=seed, messages=10_000)
    assert min(dearest.values()) > 0


@pytest.mark.parametrize(
    "body", [b'{"a":' * 2_000 + b"1" + b"}" * 2_000, b'{"price": 1e9999999999999999999}', b'""' * 30_000, b"{" * 60_000]
)
@pytest.mark.parametrize("secret", [SECRET, "wrong", None])
def test_the_known_attacks_are_refused_within_the_steps_of_an_honest_message(
    build: Callable[[Callable[[], Any]], None], body: bytes, secret: str | None
) -> None:
    """Nesting and the exponent once ended in errors that nobody caught, also for a sender without a secret."""
    an_intake(build)
    path = {"source": SOURCE} | ({} if secret is None else {"secret": secret})
    event = EVENT | {"pathParameters": path, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    with counted() as steps:
        steps.begin()
        answer = handle(event, Context())  # type: ignore[arg-type]
    assert answer["statusCode"] == (400 if secret == SECRET else 401)
    assert steps.count <= MAX_STEPS / 2
