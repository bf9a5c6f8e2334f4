"""The dead letters of every queue."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from candlecast.adapters.aws.clients import functions_client
from candlecast.adapters.s3.outbox_letters import OutboxLetters
from candlecast.adapters.sqs.dead_letter_routes import FunctionRoute, QueueRoute, RelayRoute
from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters, SqsLetters
from candlecast.adapters.system import SystemClock
from candlecast.ports.dead_letters import DeadLetterEntry, DeadLetters
from candlecast.runtime.compose.clients import aws, lazy
from candlecast.runtime.compose.start import once
from candlecast.runtime.observe import logger
from candlecast.runtime.settings import RedriveSettings

# Functions that a schedule invokes. A redrive of a schedule's dead letter may invoke them again.
SCHEDULED_FUNCTIONS = ("candle_clock", "reconcile_clock", "health_probe", "market_catalogue", "parity_checker")
LONGEST_INVOCATION_SECONDS = 30.0  # the relay's time-out


@once
def build() -> Callable[[Callable[[], float]], DeadLetters]:
    """The dead letters, for an invocation that says how many seconds it has left."""
    known, sqs = RedriveSettings.read(), aws("sqs")
    functions = lazy(partial(functions_client, LONGEST_INVOCATION_SECONDS))
    relay = f"{known.functions_prefix}-outbox_relay"
    scheduled = frozenset(f"{known.functions_prefix}-{name}" for name in SCHEDULED_FUNCTIONS)
    queue = partial(SqsLetters, sqs)
    outbox = OutboxLetters(aws("s3"), known.archive_bucket, queue(known.outbox_dead_letters_url))
    boxes = {
        "candle": Box(queue(known.candle_dead_letters_url), QueueRoute(sqs, known.candle_queue_url)),
        "uploaded-candle": Box(queue(known.uploaded_candle_dead_letters_url), QueueRoute(sqs, known.uploaded_candle_queue_url)),
        "signal": Box(queue(known.signal_dead_letters_url), QueueRoute(sqs, known.signal_queue_url)),
        "trade": Box(queue(known.trade_dead_letters_url), QueueRoute(sqs, known.trade_queue_url)),
        "reconcile": Box(queue(known.reconcile_dead_letters_url), QueueRoute(sqs, known.reconcile_queue_url)),
        "vetting": Box(queue(known.vetting_dead_letters_url), QueueRoute(sqs, known.vetting_queue_url)),
        "backtest": Box(queue(known.backtest_dead_letters_url), QueueRoute(sqs, known.backtest_queue_url)),
        "parity": Box(queue(known.parity_dead_letters_url), QueueRoute(sqs, known.parity_queue_url)),
        "outbox": Box(outbox, RelayRoute(aws("dynamodbstreams"), functions, relay)),
        "schedule": Box(queue(known.schedule_dead_letters_url), FunctionRoute(functions, scheduled)),
    }
    return partial(SqsDeadLetters, boxes, SystemClock(), _audit)


def _audit(change: str, letter: DeadLetterEntry, by: str) -> None:
    """Log who has changed which dead letter."""
    logger.info(
        f"dead letter {change}",
        extra={
            "queue": letter.queue,
            "message_id": letter.message_id,
            "reason_code": letter.reason_code,
            "letter_correlation_id": letter.correlation_id,
            "age_seconds": letter.age_seconds,
            "by": by,
        },
    )
