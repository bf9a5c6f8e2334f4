"""An order that was a dead letter is decided anew, so that a stale entry never reaches the venue."""

from __future__ import annotations

import json
from functools import partial

import pytest

from candlecast.adapters.codec import message_from_json, to_json
from candlecast.adapters.sqs.dead_letter_routes import QueueRoute
from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.reasons import Reason
from candlecast.runtime.batch import QueueConsumer, correlation_id_of
from tests.support.builders import a_signal, a_trade_order, settings
from tests.support.fakes.sqs import FakeSqs
from tests.support.money_path import MoneyPath
from tests.support.queue_events import Context, batch, record

QUEUE, DEAD = "trade.fifo", "trade-dead.fifo"
MAX_AGE = settings().max_signal_age_seconds


class Yard(MoneyPath):
    """The executor with its queue and its dead letters."""

    def __init__(self) -> None:
        super().__init__()
        self.sqs = FakeSqs(self.clock)
        self.messages = SqsReceivedMessages(self.sqs, QUEUE, DEAD)  # type: ignore[arg-type]
        self.consume = QueueConsumer(
            decode=partial(message_from_json, TradeOrder),
            use_case=self.executor,
            correlation_id=correlation_id_of,
            messages=self.messages,
            metrics=self.metrics,
            function_name="order_executor",
            max_receives=5,
            needed_milliseconds=1,
            fifo=True,
        )

    def deliver(self, order: TradeOrder, receives: int = 1) -> None:
        message = record(to_json(order), 1, group="tenant-1#account-1", receives=receives)
        assert self.consume(batch(message), Context()) == {"batchItemFailures": []}  # type: ignore[arg-type]

    def put_aside(self, order: TradeOrder) -> None:
        """The last try fails for a reason that has nothing to do with the order."""
        self.consume.use_case = self._break
        self.deliver(order, receives=5)
        self.consume.use_case = self.executor

    def _break(self, _: TradeOrder) -> None:
        raise KeyError("bug")

    def redrive(self) -> None:
        boxes = {"trade": Box(DEAD, QueueRoute(self.sqs, QUEUE))}  # type: ignore[arg-type]
        letters = SqsDeadLetters(self.sqs, boxes, self.clock, lambda *_: None, lambda: 60.0)  # type: ignore[arg-type]
        assert len(letters.redrive("trade", None, "api:admin-1").message_ids) == 1
        (message,) = self.sqs.receive_message(QueueUrl=QUEUE)["Messages"]
        self.deliver(message_from_json(TradeOrder, message["Body"]))


@pytest.mark.parametrize(("age", "state"), [(MAX_AGE - 5, IntentState.FILLED), (MAX_AGE + 1, IntentState.EXPIRED)])
def test_a_redriven_entry_is_executed_only_while_it_is_fresh(age: int, state: IntentState) -> None:
    yard = Yard()
    yard.put_aside(a_trade_order())
    assert yard.exchange.count("create_order") == 0
    yard.clock.advance(age)
    yard.redrive()
    (entry,) = yard.told(LegKind.ENTRY)
    assert entry.state is state
    assert entry.reason is (Reason.SIGNAL_TOO_OLD if state is IntentState.EXPIRED else None)
    assert yard.exchange.count("create_order") == (0 if state is IntentState.EXPIRED else 1)


def test_a_redriven_exit_is_executed_however_old_it_is() -> None:
    yard = Yard()
    yard.deliver(a_trade_order())
    yard.clock.advance(1)
    yard.put_aside(a_trade_order(a_signal(Action.EXIT, issued_at=yard.clock.now())))
    yard.clock.advance(7 * 24 * 3600)
    yard.redrive()
    assert yard.states(LegKind.EXIT) == [IntentState.FILLED]
    assert yard.is_flat


def test_a_redriven_order_that_had_been_placed_is_not_placed_again() -> None:
    yard = Yard()
    yard.deliver(a_trade_order())
    yard.put_aside(a_trade_order())
    yard.redrive()
    assert yard.exchange.count("create_order") == 1


def test_a_letter_tells_what_happened_to_whom() -> None:
    yard = Yard()
    yard.put_aside(a_trade_order())
    (held,) = yard.sqs.queues[DEAD]
    told = {name: value["StringValue"] for name, value in held.attributes.items()}
    assert told == {
        "reason_code": "RETRIES_SPENT:KeyError",
        "reason": "the last try failed",
        "source_function": "order_executor",
        "correlation_id": "correlation-1",
        "original_message_id": "message-1",
        "receives": "5",
    }
    assert json.loads(held.body)["account_id"] == "account-1"
