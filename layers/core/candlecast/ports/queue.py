"""Queues between functions, one method per queue so that a message cannot land in the wrong one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from candlecast.domain.signals.messages import (
        BacktestTask,
        CandleClosed,
        ParityTask,
        ReconcileRequest,
        SignalShard,
        VettingRequest,
    )
    from candlecast.domain.subscriptions.trade_order import TradeOrder


class CandleQueue(Protocol):
    def send_candles(self, messages: Sequence[CandleClosed], delay_seconds: int) -> None:
        """Send all in batches of ten, to be delivered after `delay_seconds` (0 to 900); raises `RetryLater` as others do."""
        ...


class SignalQueue(Protocol):
    def send_shards(self, messages: Sequence[SignalShard], delay_seconds: int = 0) -> None:
        """Send all, in batches, to be delivered after `delay_seconds` (0 to 900); raises `RetryLater` if any was not taken."""
        ...


class TradeQueue(Protocol):
    def send_orders(self, messages: Sequence[TradeOrder]) -> None:
        """Send all in batches of ten side by side, grouped by account, deduplicated by decision and subscription.

        Messages of one call that are for the same account keep no order beyond ten. Raises `RetryLater` after trying all.
        """
        ...


class ReconcileQueue(Protocol):
    def send_reconcile(self, requests: Sequence[ReconcileRequest], delay_seconds: int = 0) -> None: ...


class VettingQueue(Protocol):
    def send_vetting(self, request: VettingRequest) -> None:
        """Ask for a vetting now; raises `RetryLater` if the request was not taken."""
        ...


class BacktestQueue(Protocol):
    def send_backtests(self, tasks: Sequence[BacktestTask]) -> None:
        """Ask for backtests, or parts of a sweep, to be computed; raises `RetryLater` if any was not taken."""
        ...


class ParityQueue(Protocol):
    def send_parity(self, tasks: Sequence[ParityTask]) -> None:
        """Ask for days to be compared; raises `RetryLater` if any task was not taken."""
        ...


class Looks(ReconcileQueue, Protocol):
    """The same with a lease for each request, so that nobody asks for a look that is asked for already."""

    def end(self, request: ReconcileRequest) -> None:
        """The look of `request` has been made: another may be asked for at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message to dead-letter, with the reason in words that hold no secret.

    `group_id` is a FIFO queue's; `receives` is how often its queue had delivered it.
    """

    body: str
    reason_code: str
    reason: str
    source_function: str
    message_id: str
    correlation_id: str = ""
    group_id: str | None = None
    receives: int = 1


class ReceivedMessages(Protocol):
    """The actions of a consumer on the messages that it has received."""

    def come_back_after(self, seconds_by_receipt: Mapping[str, int]) -> None:
        """Make messages visible again after so many seconds each; best effort, the queue's own time-out is the fall-back."""
        ...

    def put_aside(self, letter: DeadLetter) -> None:
        """Send a message to the queue's dead letters with its reason; raises `RetryLater` if it was not taken."""
        ...


class Attempts(Protocol):
    """Tries at messages that were received very often, by the id of the message."""

    def begin(self, message_id: str, before: int) -> int:
        """Count a try that begins, and `before` tries that nobody has counted; returns all tries before this one.

        A try that does not end stays counted: its process was killed. Raises `RetryLater`.
        """
        ...

    def end(self, message_id: str, tries: int) -> None:
        """The try has ended, and the message counts as tried `tries` times. Raises `RetryLater`."""
        ...
