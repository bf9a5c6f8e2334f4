"""The consumer of a queue, by the queue's name: how often and for how long each queue's messages may be tried."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from candlecast.adapters.codec import message_from_json
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.ports.queue import Attempts
from candlecast.runtime.batch import QueueConsumer, correlation_id_of
from candlecast.runtime.compose.clients import aws
from candlecast.runtime.observe import EmfMetrics

# Tries at a message until a failure dead-letters it.
MAX_RECEIVES = {
    "candle": 10,
    "uploaded-candle": 10,
    "signal": 5,
    "trade": 5,
    "reconcile": 5,
    "vetting": 10,
    "backtest": 10,
    "parity": 10,
}
# maxReceiveCount of each queue in template.yaml (a test holds them equal). SQS takes a thousand at most. In two queues messages
# wait for newer code (decision 0102), and a thousand receives are pauses of three and a half days. A backtest whose last try was
# killed comes once more, so that its end is recorded and its tenant has room for another.
QUEUE_RECEIVES = {**MAX_RECEIVES, "signal": 1_000, "trade": 1_000, "backtest": MAX_RECEIVES["backtest"] + 1}
# The longest time for one message; an invocation with less time left gives the rest of its batch back. An uploaded strategy may
# compute for 30 seconds. A backtest computes for twelve minutes, and has two for its candles and its results. A day of parity
# has as long.
NEEDED_MILLISECONDS = {
    "candle": 20_000,
    "uploaded-candle": 50_000,
    "signal": 20_000,
    "trade": 9_000,
    "reconcile": 12_000,
    "vetting": 5_000,
    "backtest": 840_000,
    "parity": 840_000,
}
# How long a killed process keeps its message, where the visibility of the queue is far longer.
HELD_SECONDS = {"backtest": 90, "parity": 90}


def queue_consumer[M](
    kind: type[M],
    queue: str,
    function_name: str,
    urls: tuple[str, str],
    use_case: Callable[[M], object],
    *,
    fifo: bool = False,
    record_dead: Callable[[str, str], None] | None = None,
    attempts: Attempts | None = None,
) -> QueueConsumer[M]:
    """Hand each message of `queue` to `use_case`; `urls` are those of the queue and of its dead letters.

    `record_dead` records each dead letter, by its body and its code. With `attempts`, messages wait for newer code.
    """
    return QueueConsumer(
        decode=partial(message_from_json, kind),
        use_case=use_case,
        correlation_id=correlation_id_of,
        messages=SqsReceivedMessages(aws("sqs"), *urls),
        metrics=EmfMetrics(),
        function_name=function_name,
        max_receives=MAX_RECEIVES[queue],
        needed_milliseconds=NEEDED_MILLISECONDS[queue],
        fifo=fifo,
        record_dead=record_dead,
        attempts=attempts,
        queue_receives=QUEUE_RECEIVES[queue],
        held_seconds=HELD_SECONDS.get(queue),
    )
