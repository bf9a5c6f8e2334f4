"""Queues that record what was sent and can be told to fail."""

from __future__ import annotations

from collections.abc import Sequence

from candlecast.domain.signals.messages import (
    BacktestTask,
    CandleClosed,
    ParityTask,
    ReconcileRequest,
    SignalShard,
    VettingRequest,
)
from candlecast.domain.subscriptions.trade_order import TradeOrder
from candlecast.domain.values.errors import InvalidValue, RetryLater

MAX_DELAY_SECONDS = 900  # what SQS takes


class _Queue:
    def __init__(self) -> None:
        self._failures = 0

    def fail_next(self, times: int = 1) -> None:
        """Refuse the next `times` sends with `RetryLater`."""
        self._failures += times

    def _may_fail(self) -> None:
        if self._failures:
            self._failures -= 1
            raise RetryLater("QUEUE_UNAVAILABLE", "told to fail", after_seconds=1)


def _check_delay(delay_seconds: int) -> None:
    if not 0 <= delay_seconds <= MAX_DELAY_SECONDS:
        raise InvalidValue(f"a delay is between 0 and {MAX_DELAY_SECONDS} seconds", code="DELAY_INVALID")


class FakeCandleQueue(_Queue):
    """`sent` holds (message, delay in seconds)."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[CandleClosed, int]] = []

    def send_candles(self, messages: Sequence[CandleClosed], delay_seconds: int) -> None:
        _check_delay(delay_seconds)
        self._may_fail()
        self.sent.extend((message, delay_seconds) for message in messages)


class FakeSignalQueue(_Queue):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[SignalShard] = []
        self.delays: list[int] = []

    def send_shards(self, messages: Sequence[SignalShard], delay_seconds: int = 0) -> None:
        _check_delay(delay_seconds)
        self._may_fail()
        self.sent.extend(messages)
        self.delays.extend([delay_seconds] * len(messages))


class FakeTradeQueue(_Queue):
    """FIFO: a repeat of (decision, subscription) is dropped until `forget`, which ends the queue's deduplication window."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[TradeOrder] = []
        self.dropped: list[TradeOrder] = []
        self._seen: set[tuple[str, str]] = set()

    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        self._may_fail()
        for message in messages:
            key = (message.signal.order_root, message.subscription_id)
            (self.dropped if key in self._seen else self.sent).append(message)
            self._seen.add(key)

    def forget(self) -> None:
        self._seen.clear()


class FakeReconcileQueue(_Queue):
    """`sent` holds (request, delay in seconds), `ended` the requests whose look was made.

    `not_done` is the answer of `waiting`; None: as many as were sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[ReconcileRequest, int]] = []
        self.ended: list[ReconcileRequest] = []
        self.not_done: int | None = None

    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None:
        _check_delay(delay_seconds)
        self._may_fail()
        self.sent.extend((request, delay_seconds) for request in requests)

    def end(self, request: ReconcileRequest) -> None:
        self.ended.append(request)

    def waiting(self) -> int:
        self._may_fail()
        return len(self.sent) if self.not_done is None else self.not_done


class FakeVettingQueue(_Queue):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[VettingRequest] = []

    def send_vetting(self, request: VettingRequest) -> None:
        self._may_fail()
        self.sent.append(request)


class FakeBacktestQueue(_Queue):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[BacktestTask] = []

    def send_backtests(self, tasks: Sequence[BacktestTask]) -> None:
        self._may_fail()
        self.sent.extend(tasks)


class FakeParityQueue(_Queue):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[ParityTask] = []

    def send_parity(self, tasks: Sequence[ParityTask]) -> None:
        self._may_fail()
        self.sent += tasks
