"""A batch of messages: each ends by itself, in order within its group, and each failure is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any, cast

import pytest

from candlecast.adapters.codec import message_from_json, to_json
from candlecast.adapters.xray.trace import HEADER as TRACE_HEADER
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import Ambiguous, Conflict, InvalidValue, NotFound, Poison, RetryLater
from candlecast.runtime.batch import (
    FIFO_PAUSES_SECONDS,
    MAX_PAUSE_SECONDS,
    NEWER_CODE_PAUSE_SECONDS,
    PAUSES_SECONDS,
    QueueConsumer,
    QueueConsumers,
    correlation_id_of,
    pause_seconds,
)
from candlecast.runtime.compose.consumer import MAX_RECEIVES as MAX_RECEIVES_OF
from tests.support.builders import a_candle_closed, a_signal_shard, a_trade_order
from tests.support.fakes.clock import RecordingMetrics
from tests.support.fakes.runtime import FakeAttempts, FakeReceivedMessages
from tests.support.fakes.xray import HEADER, ROOT, listening
from tests.support.queue_events import Context, batch, record
from tests.support.waiting import WAIT_SECONDS

MAX_RECEIVES = 5


class Consumer:
    """A consumer of text messages whose use case does what `ends` says for a body."""

    def __init__(self, ends: dict[str, Exception] | None = None, *, fifo: bool = False, held_seconds: int | None = None) -> None:
        self.ends, self.done = ends or {}, []  # type: ignore[var-annotated]
        self.messages, self.metrics = FakeReceivedMessages(), RecordingMetrics()
        self.consume = QueueConsumer[str](
            decode=self._decode,
            use_case=self._use,
            correlation_id=lambda message: f"of {message}",
            messages=self.messages,
            metrics=self.metrics,
            function_name="order_executor",
            max_receives=MAX_RECEIVES,
            needed_milliseconds=9_000,
            fifo=fifo,
            held_seconds=held_seconds,
        )

    def _decode(self, body: str) -> str:
        if body == "unreadable":
            raise Poison("MESSAGE_INVALID", "no message of ours")
        return body

    def _use(self, message: str) -> None:
        if message in self.ends:
            raise self.ends[message]
        self.done.append(message)

    def __call__(self, *records: dict[str, Any], context: Context | None = None) -> list[str]:
        """The numbers of the messages that come back."""
        report = self.consume(batch(*records), context or Context())  # type: ignore[arg-type]
        return [failure["itemIdentifier"].removeprefix("message-") for failure in report["batchItemFailures"]]


LATER = RetryLater("RATE_LIMITED", "slow down", after_seconds=7)


def test_what_ends_well_does_not_come_back() -> None:
    consumer = Consumer()
    assert consumer(record("a", 1), record("b", 2)) == []
    assert (consumer.done, consumer.messages.pauses, consumer.messages.letters) == (["a", "b"], {}, [])


def test_one_that_fails_comes_back_alone_after_the_pause_it_asked_for() -> None:
    consumer = Consumer({"b": LATER})
    assert consumer(record("a", 1), record("b", 2), record("c", 3)) == ["2"]
    assert (consumer.done, consumer.messages.pauses) == (["a", "c"], {"receipt-2": 7})


class Holding(FakeReceivedMessages):
    """Lets the use case end once its message was held so often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.held, self._enough, self._times = list[dict[str, int]](), Event(), times

    def come_back_after(self, seconds_by_receipt: Mapping[str, int]) -> None:
        self.held.append(dict(seconds_by_receipt))
        super().come_back_after(seconds_by_receipt)
        if len(self.held) >= self._times:
            self._enough.set()

    def wait(self) -> None:
        assert self._enough.wait(WAIT_SECONDS)


def test_long_work_holds_its_message_again_and_again_and_lets_go_at_its_end() -> None:
    consumer = Consumer(held_seconds=1)
    consumer.consume.messages = held = Holding(times=3)
    consumer.consume.use_case = lambda _: held.wait()
    assert consumer(record("a", 1)) == []
    assert held.held[:3] == [{"receipt-1": 1}] * 3
    assert not [thread for thread in enumerate_threads() if thread.name.endswith("(hold)")]


def test_long_work_that_fails_comes_back_when_its_error_says() -> None:
    consumer = Consumer(held_seconds=90)
    consumer.consume.messages = held = Holding(times=1)

    def fail(message: str) -> None:
        held.wait()
        raise LATER

    consumer.consume.use_case = fail
    assert consumer(record("a", 1)) == ["1"]
    assert (held.held, held.pauses) == ([{"receipt-1": 90}, {"receipt-1": 7}], {"receipt-1": 7})


def test_a_whole_batch_that_fails_is_reported_and_does_not_fail_the_invocation() -> None:
    assert Consumer({"a": LATER, "b": LATER})(record("a", 1), record("b", 2)) == ["1", "2"]


@pytest.mark.parametrize(("receives", "pause"), [(1, 7), (2, 14), (3, 28), (4, 56)])
def test_what_did_not_help_is_waited_for_twice_as_long(receives: int, pause: int) -> None:
    consumer = Consumer({"a": LATER})
    consumer(record("a", 1, receives=receives))
    assert consumer.messages.pauses == {"receipt-1": pause}


def test_no_pause_is_longer_than_people_have_patience() -> None:
    assert pause_seconds(RetryLater("X", after_seconds=60), 9) == MAX_PAUSE_SECONDS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Poison("MESSAGE_INVALID", "m"), "MESSAGE_INVALID"),
        (NotFound("no such account"), "NOT_FOUND"),
        (InvalidValue("m", code="EXIT_EXCEEDS_POSITION"), "EXIT_EXCEEDS_POSITION"),
    ],
)
def test_what_can_never_be_processed_is_put_aside_at_once_with_its_reason(error: Exception, code: str) -> None:
    consumer = Consumer({"a": error})
    assert consumer(record("a", 1), record("b", 2)) == []
    (letter,) = consumer.messages.letters
    assert (letter.body, letter.reason_code, letter.source_function, letter.message_id) == (
        "a",
        code,
        "order_executor",
        "message-1",
    )
    assert (letter.correlation_id, letter.group_id, letter.receives, consumer.done) == ("of a", None, 1, ["b"])
    assert consumer.metrics.counts["DeadLettered"] == 1


def test_a_message_that_cannot_be_read_is_put_aside_under_no_others_correlation_id() -> None:
    consumer = Consumer()
    consumer(record("a", 1), record("unreadable", 2))
    assert [(letter.body, letter.correlation_id) for letter in consumer.messages.letters] == [("unreadable", "")]


@pytest.mark.parametrize("error", [KeyError("bug"), Conflict("VERSION_CONFLICT"), Ambiguous("OUTCOME_UNKNOWN")])
def test_what_nobody_foresaw_comes_back_with_a_growing_pause(error: Exception) -> None:
    for receives in range(1, MAX_RECEIVES):
        consumer = Consumer({"a": error})
        assert consumer(record("a", 1, receives=receives), record("b", 2)) == ["1"]
        assert (consumer.messages.pauses, consumer.done) == ({"receipt-1": PAUSES_SECONDS[receives - 1]}, ["b"])


def test_the_pauses_are_those_that_a_queue_can_afford() -> None:
    """Half a minute to a quarter of an hour; a FIFO group, which waits with its first message, some 2.5 minutes each round."""
    assert PAUSES_SECONDS == (30, 60, 300, 900)
    assert sum(FIFO_PAUSES_SECONDS) == 155
    for receives in range(1, MAX_RECEIVES):
        consumer = Consumer({"a": KeyError("bug")}, fifo=True)
        assert consumer(record("a", 1, group="a", receives=receives)) == ["1"]
        assert consumer.messages.pauses == {"receipt-1": FIFO_PAUSES_SECONDS[receives - 1]}


@pytest.mark.parametrize("queue", ["signal", "trade", "reconcile", "candle"])
def test_every_queue_allows_all_four_pauses(queue: str) -> None:
    assert MAX_RECEIVES_OF[queue] > len(PAUSES_SECONDS) == len(FIFO_PAUSES_SECONDS)


@pytest.mark.parametrize(
    ("error", "code"),
    [(LATER, "RATE_LIMITED"), (KeyError("bug"), "KeyError"), (Conflict("VERSION_CONFLICT"), "VERSION_CONFLICT")],
)
def test_the_last_receive_puts_the_message_aside_with_what_went_wrong(error: Exception, code: str) -> None:
    consumer = Consumer({"a": error})
    assert consumer(record("a", 1, receives=MAX_RECEIVES)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == [f"RETRIES_SPENT:{code}"]


@pytest.mark.parametrize("receives", [1, MAX_RECEIVES])
def test_a_message_that_cannot_be_put_aside_comes_back(receives: int) -> None:
    consumer = Consumer({"a": Poison("MESSAGE_INVALID") if receives == 1 else LATER})
    consumer.messages.unavailable = True
    assert consumer(record("a", 1, receives=receives), record("b", 2)) == ["1"]
    assert consumer.done == ["b"]


def test_a_stack_trace_never_leaves_in_a_dead_letter() -> None:
    consumer = Consumer({"a": RuntimeError("https://venue/?signature=canary")})
    consumer(record("a", 1, receives=MAX_RECEIVES))
    assert "canary" not in repr(consumer.messages.letters)


# -- time --------------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_finished_in_time_goes_back_untouched_and_at_once() -> None:
    consumer = Consumer()
    context = Context(remaining=30_000, spent_per_question=10_000)
    assert consumer(record("a", 1), record("b", 2), record("c", 3), context=context) == ["3"]
    assert (consumer.done, consumer.messages.pauses) == (["a", "b"], {"receipt-3": 0})


def test_what_was_never_tried_does_not_spend_its_last_receive_without_a_reason() -> None:
    consumer = Consumer()
    context = Context(remaining=10_000, spent_per_question=5_000)
    assert consumer(record("a", 1, receives=MAX_RECEIVES), record("b", 2, receives=MAX_RECEIVES - 1), context=context) == ["2"]
    (letter,) = consumer.messages.letters
    assert (letter.body, letter.reason_code, letter.correlation_id) == ("a", "RETRIES_SPENT:OUT_OF_TIME", "of a")
    assert (consumer.done, consumer.messages.pauses) == ([], {"receipt-2": 0})


# -- order -------------------------------------------------------------------------------------------------------------------


def test_a_failed_message_holds_back_its_own_group_and_no_other() -> None:
    consumer = Consumer({"a2": LATER}, fifo=True)
    records = [record(body, n, group=body[0]) for n, body in enumerate(("a1", "a2", "b1", "a3", "b2"))]
    assert consumer(*records) == ["1", "3"]
    assert consumer.done == ["a1", "b1", "b2"]
    assert consumer.messages.pauses == {"receipt-1": 7, "receipt-3": 7}


def test_a_poison_message_lets_the_rest_of_its_group_pass() -> None:
    consumer = Consumer({"a1": Poison("MESSAGE_INVALID")}, fifo=True)
    assert consumer(record("a1", 1, group="a"), record("a2", 2, group="a")) == []
    assert consumer.done == ["a2"]
    assert [letter.group_id for letter in consumer.messages.letters] == ["a"]


def test_a_group_of_a_queue_without_order_holds_nothing_back() -> None:
    consumer = Consumer({"a1": LATER, "a2": RetryLater("BUSY", after_seconds=30), "a3": Poison("MESSAGE_INVALID")})
    assert consumer(*(record(body, n, group="tenant") for n, body in enumerate(("a1", "a2", "a3", "a4")))) == ["0", "1"]
    assert consumer.done == ["a4"]
    assert consumer.messages.pauses == {"receipt-0": 7, "receipt-1": 30}
    assert [letter.group_id for letter in consumer.messages.letters] == [None], "its letters go to a queue without order"


def test_a_group_that_runs_out_of_time_keeps_its_order() -> None:
    consumer = Consumer(fifo=True)
    context = Context(remaining=20_000, spent_per_question=10_000)
    records = [record(body, n, group="a") for n, body in enumerate(("a1", "a2", "a3"))]
    assert consumer(*records, context=context) == ["1", "2"]
    assert consumer.done == ["a1"]


def test_one_invocation_leaves_nothing_behind_for_the_next() -> None:
    consumer = Consumer({"a": LATER})
    consumer(record("a", 1))
    consumer.ends.clear()
    consumer.messages.pauses.clear()
    assert consumer(record("a", 1, receives=2)) == []
    assert consumer.messages.pauses == {}


# -- newer code ----------------------------------------------------------------------------------------------------------------

NEWER = RetryLater("SCHEMA_UNKNOWN", "newer code has written it", after_seconds=30)
KILLED = SystemExit("killed")


def waiting(ends: dict[str, Exception], *, fifo: bool = False) -> Consumer:
    consumer = Consumer(ends, fifo=fifo)
    consumer.consume.attempts = FakeAttempts()
    return consumer


def test_a_message_of_newer_code_outlives_the_usual_receives_and_is_done_when_that_code_is_back() -> None:
    consumer = waiting({"exit": NEWER}, fifo=True)
    pauses = []
    for receives in range(1, 1_000):
        assert consumer(record("exit", 1, group="a", receives=receives)) == ["1"]
        pauses.append(consumer.messages.pauses["receipt-1"])
    assert pauses[:5] == [30, 60, 120, 240, NEWER_CODE_PAUSE_SECONDS]
    assert set(pauses[4:]) == {NEWER_CODE_PAUSE_SECONDS}
    consumer.ends.clear()
    assert consumer(record("exit", 1, group="a", receives=1_000)) == []
    assert (consumer.done, consumer.messages.letters) == (["exit"], [])


def test_the_last_receive_that_a_queue_takes_puts_a_waiting_message_aside() -> None:
    consumer = waiting({"a": NEWER})
    assert consumer(record("a", 1, receives=1_000)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RETRIES_SPENT:SCHEMA_UNKNOWN"]


def test_a_message_that_has_waited_has_all_its_tries_and_so_has_the_one_behind_it() -> None:
    consumer = waiting({"a1": NEWER, "a2": LATER}, fifo=True)
    for receives in range(1, 51):
        assert consumer(*(record(f"a{n}", n, group="a", receives=receives) for n in (1, 2))) == ["1", "2"]
    consumer.ends["a1"] = LATER
    for receives in range(51, 55):
        assert consumer(record("a1", 1, group="a", receives=receives)) == ["1"]
        assert consumer.messages.pauses["receipt-1"] == 7 * 2 ** (receives - 51)
    assert consumer(record("a1", 1, group="a", receives=55), record("a2", 2, group="a", receives=55)) == ["2"]
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RETRIES_SPENT:RATE_LIMITED"]
    for receives in range(56, 59):
        assert consumer(record("a2", 2, group="a", receives=receives)) == ["2"]
    assert consumer(record("a2", 2, group="a", receives=59)) == []


def test_a_message_that_never_waited_keeps_its_five_tries() -> None:
    consumer = waiting({"a": LATER})
    assert consumer(record("a", 1, receives=MAX_RECEIVES)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RETRIES_SPENT:RATE_LIMITED"]


def test_a_message_that_kills_its_process_is_put_aside_after_five_deaths_and_the_queue_is_not_asked() -> None:
    consumer = waiting({"a": KILLED})  # type: ignore[dict-item]
    with pytest.raises(SystemExit):
        consumer(record("a", 1, receives=MAX_RECEIVES))
    assert consumer(record("a", 1, receives=MAX_RECEIVES + 1)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RECEIVES_SPENT"]


def test_a_message_whose_last_try_was_killed_is_recorded_at_the_receive_behind_it() -> None:
    consumer, dead = Consumer({"a": KILLED}), list[tuple[str, str]]()  # type: ignore[dict-item]
    consumer.consume.record_dead = lambda body, code: dead.append((body, code))
    with pytest.raises(SystemExit):
        consumer(record("a", 1, receives=MAX_RECEIVES))
    assert consumer(record("a", 1, receives=MAX_RECEIVES + 1)) == []
    assert dead == [("a", "RECEIVES_SPENT")]


@pytest.mark.parametrize("first_try", [1, MAX_RECEIVES - 1, MAX_RECEIVES, MAX_RECEIVES + 1])
def test_a_message_behind_a_failing_one_has_all_its_tries(first_try: int) -> None:
    consumer = waiting({"head": LATER, "exit": LATER}, fifo=True)
    for receives in range(1, first_try):
        consumer(record("head", 1, group="a", receives=receives), record("exit", 2, group="a", receives=receives))
    consumer.messages.letters.clear()
    tries = 0
    while not consumer.messages.letters:
        tries += 1
        consumer(record("exit", 2, group="a", receives=first_try + tries - 1))
    assert MAX_RECEIVES <= tries <= 2 * MAX_RECEIVES - 1
    assert [letter.body for letter in consumer.messages.letters] == ["exit"]


def test_a_fifo_message_that_kills_its_process_from_the_first_is_put_aside_after_nine_deaths() -> None:
    consumer = waiting({"a": KILLED}, fifo=True)  # type: ignore[dict-item]
    for receives in range(1, 2 * MAX_RECEIVES):
        with pytest.raises(SystemExit):
            consumer(record("a", 1, group="a", receives=receives))
    assert consumer(record("a", 1, group="a", receives=2 * MAX_RECEIVES)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RECEIVES_SPENT"]


def test_a_message_that_killed_its_process_after_a_wait_is_tried_four_times_more() -> None:
    consumer = waiting({"a": NEWER})
    consumer(record("a", 1, receives=20))
    consumer.ends["a"] = KILLED  # type: ignore[assignment]
    for receives in range(21, 26):
        with pytest.raises(SystemExit):
            consumer(record("a", 1, receives=receives))
    assert consumer(record("a", 1, receives=26)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RECEIVES_SPENT"]


def test_a_function_that_could_not_start_for_hours_tries_its_messages_once_it_can() -> None:
    consumer = waiting({})
    assert consumer(record("a", 1, receives=300)) == []
    assert (consumer.done, consumer.messages.letters) == (["a"], [])


def test_a_message_whose_tries_cannot_be_counted_comes_back_untried() -> None:
    consumer = waiting({})
    consumer.consume.attempts.unavailable = True  # type: ignore[union-attr]
    assert consumer(record("a", 1, receives=MAX_RECEIVES), record("b", 2)) == ["1"]
    assert (consumer.done, consumer.messages.pauses) == (["b"], {"receipt-1": 2})


def test_a_queue_that_keeps_no_count_puts_a_message_of_newer_code_aside_at_its_last_receive() -> None:
    consumer = Consumer({"a": NEWER})
    assert consumer(record("a", 1, receives=MAX_RECEIVES)) == []
    assert [letter.reason_code for letter in consumer.messages.letters] == ["RETRIES_SPENT:SCHEMA_UNKNOWN"]


# -- with messages of ours ---------------------------------------------------------------------------------------------------


def test_an_order_message_is_read_as_it_was_sent() -> None:
    seen: list[TradeOrder] = []
    decode: Callable[[str], TradeOrder] = lambda body: message_from_json(TradeOrder, body)  # noqa: E731
    consumer = QueueConsumer(
        decode=decode,
        use_case=seen.append,
        correlation_id=correlation_id_of,
        messages=FakeReceivedMessages(),
        metrics=RecordingMetrics(),
        function_name="order_executor",
        max_receives=MAX_RECEIVES,
        needed_milliseconds=1,
        fifo=True,
    )
    body = to_json(a_trade_order())
    assert consumer(batch(record(body, 1, group="a")), Context()) == {"batchItemFailures": []}  # type: ignore[arg-type]
    assert seen == [a_trade_order()]
    assert json.loads(body)["schema_version"] == 1


@pytest.mark.parametrize("message", [a_candle_closed(), a_signal_shard(), a_trade_order()])
def test_every_message_carries_the_correlation_id_of_its_candle_or_signal(message: object) -> None:
    assert correlation_id_of(message) == "correlation-1"


def test_a_batch_is_processed_by_the_consumer_of_its_queue() -> None:
    consumers = QueueConsumers({name: cast("Any", lambda event, context, name=name: {name: event}) for name in ("one", "other")})
    for name in ("other", "one"):
        event = {"Records": [{"eventSourceARN": f"arn:aws:sqs:eu-central-1:1:{name}"}]}
        assert consumers(event, cast("Any", None)) == {name: event}
    with pytest.raises(KeyError):
        consumers({"Records": [{"eventSourceARN": "arn:aws:sqs:eu-central-1:1:a-third"}]}, cast("Any", None))


def test_each_message_of_a_batch_has_a_segment_in_the_trace_of_its_own_header(monkeypatch: pytest.MonkeyPatch) -> None:
    other = HEADER.replace("0123456789abcdef", "fedcba9876543210")
    with listening(monkeypatch) as daemon:
        consumer = Consumer({"b": LATER})
        first, second = record("a", 1), record("b", 2)
        first["attributes"][TRACE_HEADER], second["attributes"][TRACE_HEADER] = HEADER, other
        assert consumer(first, second, record("c", 3)) == ["2"]
        told = {it["annotations"]["correlation_id"]: it for it in daemon.documents()}
    assert {name: it["trace_id"] for name, it in told.items()} == {
        "of a": ROOT,
        "of b": "1-674b1d2c-fedcba987654321001234567",
        "of c": "1-674b1d2d-aaaaaaaaaaaaaaaaaaaaaaaa",
    }
    assert [told[f"of {name}"]["fault"] for name in "abc"] == [False, True, False]
