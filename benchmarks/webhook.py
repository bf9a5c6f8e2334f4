"""The cost of a webhook: the intake's whole handler for a message of TradingView, with fakes beneath the use case."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from aws_lambda_powertools.utilities.typing import LambdaContext

from benchmarks.harness.measuring import Figure, Subject, compare
from candlecast.runtime.compose import signal_intake
from candlecast.runtime.observe import logger
from functions.signal_intake.handler import handle
from tests.support.fakes.clock import FakeClock
from tests.support.intake import SECRET, Intake
from tests.support.queue_events import Context

EVENT = Path(__file__).parents[1] / "tests" / "events" / "webhook_traderspost_secret_in_path.json"
PRICE = "42000.5"
SENT_AT = "2026-11-20T11:59:58Z"
ACCEPTED = 202
SECONDS_APART = 10  # 6 messages a minute and 360 an hour: within a source's default bounds
PARSING = "webhook: json.loads and json.dumps of the body alone"
WHOLE = "webhook: gateway's event to its answer"


def figures() -> Iterator[Figure]:
    """Each message another one: a repeat is known and stores nothing."""
    event: dict[str, Any] = json.loads(EVENT.read_text(encoding="utf-8"))
    assert SECRET in event["rawPath"]
    body: str = event["body"]
    intake = Intake()
    service = intake.service()
    with _quiet(), patch.object(signal_intake, "build", lambda: service):
        taking = _taking(event, body, intake.clock)
        yield from compare(Subject(PARSING, lambda: json.dumps(json.loads(body))), Subject(WHOLE, taking))


def section(figures: Sequence[Figure]) -> Mapping[str, object]:
    """The report's summary."""
    [whole] = [figure for figure in figures if figure.name == WHOLE]
    return {"cpu_ms": round(whole.median / 1_000, 3)}


def _taking(event: dict[str, Any], body: str, clock: FakeClock) -> Callable[[], None]:
    cents = count(1)

    def take() -> None:
        clock.advance(SECONDS_APART)
        another = body.replace(PRICE, f"42000.{next(cents)}").replace(SENT_AT, clock.now().isoformat())
        answer = handle({**event, "body": another}, cast(LambdaContext, Context()))
        assert answer["statusCode"] == ACCEPTED, answer

    return take


@contextmanager
def _quiet() -> Iterator[None]:
    """The log is written as always, to memory."""
    handler = cast(logging.StreamHandler[Any], logger.registered_handler)
    before = handler.setStream(StringIO())
    try:
        yield
    finally:
        handler.setStream(before)
