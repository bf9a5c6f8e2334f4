"""An order that was a dead letter is decided anew, so that a stale entry never reaches the venue."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from candlecast.adapters.codec import message_from_json, outline_from_json, to_json
from candlecast.adapters.sqs.dead_letter_routes import QueueRoute
from candlecast.adapters.sqs.dead_letters import Box, SqsDeadLetters, SqsLetters
from candlecast.adapters.sqs.received_messages import SqsReceivedMessages
from candlecast.domain.decide.dead_order import DeadOrder
from candlecast.domain.orders.intent import IntentState, LegKind
from candlecast.domain.signals.entry_order import EntryOrder, EntryType
from candlecast.domain.signals.signal import Action
from candlecast.domain.subscriptions.subscription import SubscriptionStatus
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.reasons import Reason
from candlecast.runtime.batch import QueueConsumer, correlation_id_of
from candlecast.services.orders.record_dead_order import RecordDeadOrder
from tests.support.builders import ETH, SUBSCRIPTION, a_signal, a_trade_order, settings
from tests.support.fakes.history import FakeHistory
from tests.support.fakes.runtime import FakeAttempts
from tests.support.fakes.sqs import FakeSqs
from tests.support.money_path import MoneyPath
from tests.support.queue_events import Context, batch, record

QUEUE, DEAD = "trade.fifo", "trade-dead.fifo"
MAX_AGE = settings().max_signal_age_seconds


LAST = 9  # the receive of the last try, if nobody counted the tries before the fifth receive


class Yard(MoneyPath):
    """The executor with its queue and its dead letters."""

    def __init__(self, **account: Any) -> None:
        super().__init__(**account)
        self.history = FakeHistory(self.database)
        self.sqs = FakeSqs(self.clock)
        self.sqs.queues |= {QUEUE: [], DEAD: []}
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
            record_dead=self._record,
            attempts=FakeAttempts(),
        )

    def _record(self, body: str, code: str) -> None:
        RecordDeadOrder(self.history, self.clock)(outline_from_json(DeadOrder, body), code)

    def relay(self) -> None:
        """Project what the account has told so far."""
        for told in self.database.stream:
            if told.event.order is not None:
                self.history.put_order(told.event.order, told.version)

    @property
    def orders(self) -> list[tuple[LegKind, IntentState, Reason | None]]:
        """The orders that the tenant sees."""
        self.relay()
        return [(order.kind, order.state, order.reason) for order, _ in self.database.orders.values()]

    def deliver(self, order: TradeOrder, receives: int = 1) -> None:
        self.receive(to_json(order), receives)

    def receive(self, body: str, receives: int = 1) -> None:
        assert self.waits(body, receives) is False

    def waits(self, body: str, receives: int) -> bool:
        """Whether the message comes back."""
        message = record(body, 1, group="tenant-1#account-1", receives=receives)
        return bool(self.consume(batch(message), Context())["batchItemFailures"])  # type: ignore[arg-type]

    def put_aside(self, order: TradeOrder, error: Exception | None = None) -> None:
        """The last try fails for a reason that has nothing to do with the order."""

        def fail(_: TradeOrder) -> None:
            raise error or KeyError("bug")

        self.consume.use_case = fail
        assert all(self.waits(to_json(order), receives) for receives in range(5, LAST))
        self.deliver(order, receives=LAST)
        self.consume.use_case = self.executor

    def redrive(self) -> None:
        boxes = {"trade": Box(SqsLetters(self.sqs, DEAD), QueueRoute(self.sqs, QUEUE))}  # type: ignore[arg-type]
        letters = SqsDeadLetters(boxes, self.clock, lambda *_: None, lambda: 60.0)
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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("bug"), Reason.DEAD_LETTERED),
        (RetryLater("STATE_STALE", after_seconds=3), Reason.STATE_STALE),
        (RetryLater("VENUE_UNREACHABLE", after_seconds=3), Reason.DEAD_LETTERED),
    ],
)
@pytest.mark.parametrize("action", [Action.LONG, Action.EXIT])
def test_a_dead_letter_is_an_order_that_its_tenant_sees(error: Exception, reason: Reason, action: Action) -> None:
    yard = Yard()
    yard.put_aside(a_trade_order(a_signal(action)), error)
    kind = LegKind.ENTRY if action.is_entry else LegKind.EXIT
    assert yard.orders == [(kind, IntentState.DENIED, reason)]


@pytest.mark.parametrize("schema_version", [None, 99])
def test_a_message_that_nobody_can_process_is_an_order_if_its_tenant_can_be_read(schema_version: int | None) -> None:
    yard, body = Yard(), json.loads(to_json(a_trade_order()))
    body |= {"schema_version": schema_version, "settings": "unreadable", "quote": {"ask": 1.5}}
    yard.receive(json.dumps(body))
    assert yard.orders == [(LegKind.ENTRY, IntentState.DENIED, Reason.DEAD_LETTERED)]
    assert len(yard.sqs.queues[DEAD]) == 1


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"tenant_id": "tenant-1#ACCOUNT"}'])
def test_a_message_of_nobody_is_dead_lettered_all_the_same(body: str) -> None:
    yard = Yard()
    yard.receive(body)
    assert (yard.orders, len(yard.sqs.queues[DEAD])) == ([], 1)


def test_an_order_whose_process_was_killed_at_its_last_try_is_recorded_at_the_next_receive() -> None:
    yard = Yard()

    def killed(_: TradeOrder) -> None:
        raise SystemExit

    yard.consume.use_case = killed
    for receives in range(5, LAST + 1):
        with pytest.raises(SystemExit):
            yard.deliver(a_trade_order(), receives)
    assert (yard.orders, yard.sqs.queues[DEAD]) == ([], [])
    yard.deliver(a_trade_order(), receives=LAST + 1)
    assert (yard.orders, len(yard.sqs.queues[DEAD])) == ([(LegKind.ENTRY, IntentState.DENIED, Reason.DEAD_LETTERED)], 1)


@pytest.mark.parametrize("receives", [1, 5, 500])
def test_an_order_of_newer_code_is_neither_dead_nor_recorded_and_is_executed_by_that_code(receives: int) -> None:
    yard = Yard()
    newer = to_json(replace(a_trade_order(), schema_version=3))
    assert yard.waits(newer, receives)
    assert (yard.orders, yard.sqs.queues[DEAD]) == ([], [])
    yard.deliver(a_trade_order(), receives + 1)
    assert yard.orders[0] == (LegKind.ENTRY, IntentState.FILLED, None)


def test_what_the_last_receive_decides_replaces_the_record() -> None:
    yard = Yard()
    yard.deliver(a_trade_order(), receives=5)
    assert yard.orders[0] == (LegKind.ENTRY, IntentState.FILLED, None)


def test_a_redriven_order_replaces_its_record() -> None:
    yard = Yard()
    yard.put_aside(a_trade_order())
    yard.redrive()
    assert yard.orders[0] == (LegKind.ENTRY, IntentState.FILLED, None)


def test_an_order_that_had_been_placed_keeps_its_end_though_its_message_dies() -> None:
    yard = Yard()
    yard.deliver(a_trade_order())
    yard.relay()
    yard.put_aside(a_trade_order())
    assert yard.orders[0] == (LegKind.ENTRY, IntentState.FILLED, None)


def test_a_letter_that_cannot_be_recorded_comes_back_and_at_its_last_receive_is_put_aside() -> None:
    yard = Yard()
    yard.consume.record_dead = no_store
    yard.sqs.queues[QUEUE] = []
    message = record("{", 1, group="tenant-1#account-1")
    failed = yard.consume(batch(message), Context())["batchItemFailures"]  # type: ignore[arg-type]
    assert (failed, yard.sqs.queues.get(DEAD)) == ([{"itemIdentifier": "message-1"}], [])
    yard.receive("{", receives=5)
    assert len(yard.sqs.queues[DEAD]) == 1


def no_store(_: str, __: str) -> None:
    raise RetryLater("STORE_UNAVAILABLE", after_seconds=1)


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
        "receives": str(LAST),
    }
    assert json.loads(held.body)["account_id"] == "account-1"


def test_a_second_entry_over_one_that_rests_holds_back_no_other_order_of_its_account() -> None:
    """Both share the account's group of the queue; sent back, the first would hold back all behind it until they are too old."""
    yard = Yard(subscriptions=dict.fromkeys((SUBSCRIPTION, "subscription-2"), SubscriptionStatus.ACTIVE))
    resting = EntryOrder(type=EntryType.LIMIT, price=Decimal(99), rests_seconds=3_600)
    own = settings(max_positions=2)
    yard.deliver(a_trade_order(a_signal(entry=resting), settings=own))
    yard.clock.advance(1)
    now = yard.clock.now()
    second = a_trade_order(a_signal(signal_id="second", issued_at=now), settings=own)
    elsewhere = a_signal(signal_id="elsewhere", market=ETH, issued_at=now)
    behind = a_trade_order(elsewhere, subscription_id="subscription-2", settings=own)
    yard.sqs.queues[QUEUE] = []
    messages = [record(to_json(order), number, group="tenant-1#account-1") for number, order in enumerate((second, behind), 1)]
    assert yard.consume(batch(*messages), Context()) == {"batchItemFailures": []}  # type: ignore[arg-type]
    assert yard.account.position("subscription-2", ETH) is not None
