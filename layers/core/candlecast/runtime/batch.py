"""Consume a batch of queue messages: each on its own, in order within its group, and every failure told apart.

The end of a use case decides about its message. After a return, the message is done. `RetryLater` redelivers the message when the
error says, and twice as late after each attempt in vain. A message that can never be processed is dead-lettered at once, with its
reason. Any unforeseen error redelivers the message with a growing pause. A failure at the last receive dead-letters the message.
A message that only newer code can read waits for that code, beyond the last receive (decision 0102).
Work that takes minutes holds its message by short times of invisibility, one after another. So the message of a killed process
comes back within one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from threading import Event, Thread
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from candlecast.adapters.xray.trace import HEADER, Segment, working_on
from candlecast.domain.values.errors import DomainError, InvalidValue, NotFound, Poison, RetryLater
from candlecast.ports.clock import Metrics
from candlecast.ports.queue import Attempts, DeadLetter, ReceivedMessages
from candlecast.runtime.failures import described
from candlecast.runtime.observe import logger

# After the first, second ... failure that no rule foresaw. Four pauses take five receives: no queue allows fewer.
PAUSES_SECONDS = (30, 60, 300, 900)  # a bug or an outage deserves no hurry
# The message blocks its group, an account's exits among it: aside within some five minutes (decision 0102).
FIFO_PAUSES_SECONDS = (5, 15, 45, 90)
DOUBLINGS = 10  # of a pause: a thousand times the first one is longer than any pause may be
MAX_PAUSE_SECONDS = 900  # a message that waits longer looks lost to people
HOLDS = 3  # of a message that is held, in the time for which one keeps it: two may be lost
LAST_RECEIVE = "RECEIVES_SPENT"  # the code of a letter whose last try was killed
NEWER_CODE = "SCHEMA_UNKNOWN"  # the code of everything that only newer code can read
NEWER_CODE_PAUSE_SECONDS = 300  # the longest delay of an exit once the newer code is back; a receive every five minutes is cheap
OUT_OF_TIME = RetryLater("OUT_OF_TIME", "the invocation has too little time left", after_seconds=0)


@dataclass(slots=True)
class QueueConsumer[M]:
    """How one function consumes one queue.

    A message that fails at try number `max_receives` is dead-lettered here, because the queue's own redrive gives no reason.
    `needed_milliseconds` is the longest time for one message. A message without that much time left goes back untouched. At its
    last try, such a message is dead-lettered as RETRIES_SPENT:OUT_OF_TIME.
    """

    decode: Callable[[str], M]
    use_case: Callable[[M], object]
    correlation_id: Callable[[M], str]
    messages: ReceivedMessages
    metrics: Metrics
    function_name: str
    max_receives: int
    needed_milliseconds: int
    fifo: bool = False
    record_dead: Callable[[str, str], None] | None = None
    """Records a dead letter for its tenant, by body and code."""
    attempts: Attempts | None = None
    """Counts the tries at messages that were received very often. With None a message does not wait for newer code."""
    queue_receives: int = 1_000
    """The queue's maxReceiveCount: more than `max_receives` where messages wait for newer code."""
    held_seconds: int | None = None
    """How long a killed process keeps its message; None: as long as the queue's own visibility says."""
    _pauses: dict[str, int] = field(default_factory=dict)

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Process the batch and report which messages are to come back."""
        self._pauses.clear()
        processor = SqsFifoPartialProcessor(skip_group_on_error=True) if self.fifo else BatchProcessor(EventType.SQS)
        processor.raise_on_entire_batch_failure = False
        report = process_partial_response(
            event=event, record_handler=lambda record: self._one(record, context), processor=processor, context=context
        )
        self._pace(event, {str(failure["itemIdentifier"]) for failure in report["batchItemFailures"]})
        return dict(report)

    def _one(self, record: dict[str, Any], context: LambdaContext) -> None:
        with working_on(self.function_name, record["attributes"].get(HEADER)) as segment:
            logger.append_keys(correlation_id=None, trace_id=segment.header.root if segment is not None else None)
            self._traced(record, context, segment)

    def _traced(self, record: dict[str, Any], context: LambdaContext, segment: Segment | None) -> None:
        tries = self._begin(record)
        if tries > self.max_receives:
            self._put_aside(record, LAST_RECEIVE, "the process of the last try was killed")
            return
        try:
            message = self.decode(record["body"])
            correlation_id = self.correlation_id(message)
            logger.append_keys(correlation_id=correlation_id)
            if segment is not None:
                segment.annotate(correlation_id=correlation_id)
            if context.get_remaining_time_in_millis() < self.needed_milliseconds:
                raise OUT_OF_TIME
            with self._held(record["receiptHandle"]):
                self.use_case(message)
            logger.info("message done", extra={"message_type": type(message).__name__, "message_id": record["messageId"]})
        except RetryLater as error:
            if error.code == NEWER_CODE and self.attempts is not None:
                self._wait(record, error)
            self._again(record, error, pause_seconds(error, tries), tries)
        except (Poison, NotFound, InvalidValue) as error:
            self._put_aside(record, error.code, error.message)
        except Exception as error:  # the batch's boundary: any other error is this message's alone
            code = error.code if isinstance(error, DomainError) else type(error).__name__
            logger.error("message failed", extra=described(error) | {"reason_code": code})
            pauses = self._pauses_for_the_unforeseen
            self._again(record, error, pauses[min(tries, len(pauses)) - 1], tries)

    @contextmanager
    def _held(self, receipt: str) -> Iterator[None]:
        """Keep the message out of sight while its use case works. It is held before the use case begins."""
        seconds = self.held_seconds
        if seconds is None:
            yield
            return
        ended = Event()

        def hold() -> None:
            while not ended.wait(seconds / HOLDS):
                self.messages.come_back_after({receipt: seconds})

        self.messages.come_back_after({receipt: seconds})

        holder = Thread(target=hold, daemon=True)
        holder.start()
        try:
            yield
        finally:
            ended.set()
            holder.join()

    def _again(self, record: dict[str, Any], error: Exception, pause: int, tries: int) -> None:
        """Let the message come back after a pause, unless this was its last try."""
        reason = error.code if isinstance(error, DomainError) else type(error).__name__
        if tries >= self.max_receives or _receives(record) >= self.queue_receives:
            self._put_aside(record, f"RETRIES_SPENT:{reason}", "the last try failed")
            return
        self._end(record, tries)
        logger.info("message comes back", extra={"reason_code": reason, "after_seconds": pause})
        self._pauses[self._key(record)] = min(pause, MAX_PAUSE_SECONDS)
        raise error

    def _wait(self, record: dict[str, Any], error: RetryLater) -> None:
        """Let the message come back until newer code reads it; returns at the last receive that the queue takes.

        Messages of the group wait behind it. Each of them has all its tries when the newer code is back.
        """
        if _receives(record) >= self.queue_receives:
            return
        self._end(record, 0)
        pause = min(pause_seconds(error, _receives(record)), NEWER_CODE_PAUSE_SECONDS)
        logger.warning("message waits for newer code", extra={"after_seconds": pause, "message_id": record["messageId"]})
        self._pauses[self._key(record)] = pause
        raise error

    def _begin(self, record: dict[str, Any]) -> int:
        """The number of this try at the message.

        Tries are receives until the last usual one. From there on the table counts them. A message that waits for newer code, or
        stands behind a failing message of its FIFO group, is received without a try. How many of its receives were tries is
        unknown, so the count of a FIFO message begins at zero. The message ends after nine tries or deaths at most.
        """
        receives = _receives(record)
        if self.attempts is None or receives < self.max_receives:
            return receives
        before = self.max_receives - 1 if receives == self.max_receives and not self.fifo else 0
        try:
            return self.attempts.begin(record["messageId"], before) + 1
        except RetryLater as error:
            self._pauses[self._key(record)] = pause_seconds(error, 1)
            raise

    def _end(self, record: dict[str, Any], tries: int) -> None:
        """Note the tries of a message that comes back. Without that note the next receive takes this try for killed."""
        if self.attempts is None or _receives(record) < self.max_receives:
            return
        try:
            self.attempts.end(record["messageId"], tries)
        except RetryLater as error:
            logger.error("try not noted", extra=described(error))

    def _put_aside(self, record: dict[str, Any], code: str, reason: str) -> None:
        self._record(record, code)
        logger.error("message put aside", extra={"reason_code": code, "reason": reason, "message_id": record["messageId"]})
        self.metrics.count("DeadLettered")
        self.messages.put_aside(
            DeadLetter(
                body=record["body"],
                reason_code=code,
                reason=reason,
                source_function=self.function_name,
                message_id=record["messageId"],
                correlation_id=str(logger.get_current_keys().get("correlation_id") or ""),
                group_id=self._fifo_group(record),
                receives=_receives(record),
            )
        )

    def _record(self, record: dict[str, Any], code: str) -> None:
        """Have a dead letter recorded. If that fails, the message is redelivered; a last receive dead-letters it all the same."""
        if self.record_dead is None:
            return
        try:
            self.record_dead(record["body"], code)
        except Exception as error:  # the batch's boundary: the letter itself must not be lost
            if isinstance(error, RetryLater) and _receives(record) < self.max_receives:
                raise
            logger.error("dead letter not recorded", extra=described(error))

    def _pace(self, event: dict[str, Any], failed: set[str]) -> None:
        """Set when failed messages come back; the rest of a failed FIFO group comes back with its first."""
        again = [record for record in event["Records"] if record["messageId"] in failed]
        if again:
            usual = self._pauses_for_the_unforeseen[0]
            self.messages.come_back_after({r["receiptHandle"]: self._pauses.get(self._key(r), usual) for r in again})

    def _key(self, record: dict[str, Any]) -> str:
        """The messages that share a pause: a FIFO group, or the message alone."""
        return self._fifo_group(record) or str(record["messageId"])

    def _fifo_group(self, record: dict[str, Any]) -> str | None:
        """The messages that keep an order. A group of another queue tells SQS only whose turn it is (decision 0133)."""
        return record["attributes"].get("MessageGroupId") if self.fifo else None

    @property
    def _pauses_for_the_unforeseen(self) -> tuple[int, ...]:
        return FIFO_PAUSES_SECONDS if self.fifo else PAUSES_SECONDS


@dataclass(frozen=True, slots=True)
class QueueConsumers[M]:
    """A function's consumers of several queues with one use case; a batch is always of one queue.

    `by_queue` has each consumer under its queue's name.
    """

    by_queue: Mapping[str, QueueConsumer[M]]

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Process the batch by the consumer of its queue; raises `KeyError` for a queue that is not the function's."""
        queue = str(event["Records"][0]["eventSourceARN"]).rpartition(":")[2]
        return self.by_queue[queue](event, context)

    @property
    def use_case(self) -> Callable[[M], object]:
        return next(iter(self.by_queue.values())).use_case


def pause_seconds(error: RetryLater, receives: int) -> int:
    """Seconds until the retry of a message that was received `receives` times: twice as late each time.

    The few receives that a queue allows then outlast an outage of minutes. A minute of silence at its venue does not make an exit
    a dead letter.
    """
    longest = MAX_PAUSE_SECONDS if error.at_most_seconds is None else min(MAX_PAUSE_SECONDS, ceil(error.at_most_seconds))
    return min(longest, int(error.after_seconds * 2 ** min(receives - 1, DOUBLINGS)))


def _receives(record: dict[str, Any]) -> int:
    """How often the message has been received, this time included."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def correlation_id_of(message: object) -> str:
    """The id that follows a message from candle or webhook to fill; an order's is its signal's."""
    carrier = getattr(message, "signal", message)
    return str(getattr(carrier, "correlation_id", ""))
