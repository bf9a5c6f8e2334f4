"""From a sender's messages to the position of a follower: the intake, the queue's delay, and the executor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from candlecast.domain.signals.messages import SignalShard
from candlecast.services.signals.receive_signal import EXITS_PER_MINUTE
from tests.support.intake import Intake
from tests.support.money_path import MoneyPath

BUY: dict[str, Any] = {"ticker": "BTCUSDT", "action": "buy", "price": 100, "stopLoss": {"stopPrice": 90}}
EXIT: dict[str, Any] = {"ticker": "BTCUSDT", "action": "exit"}


class Desk:
    """A sender with one follower, on one clock; signals reach the executor once their delay is over."""

    def __init__(self) -> None:
        self.money = MoneyPath()
        self.intake = Intake(clock=self.money.clock)
        self.delivered = 0

    def send(self, body: dict[str, Any], seconds: float = 1) -> None:
        self.intake.post(body)
        self.money.clock.advance(seconds)

    def deliver(self) -> None:
        """Execute what waits in the queue, in the order in which it becomes visible."""
        for delay, shard in self._waiting():
            self.money.clock.advance(delay)
            self.money.execute(shard.signal)

    def _waiting(self) -> Iterable[tuple[int, SignalShard]]:
        sent, delays = self.intake.queue.sent[self.delivered :], self.intake.queue.delays[self.delivered :]
        self.delivered += len(sent)
        return sorted(zip(delays, sent, strict=True), key=lambda waiting: waiting[0])


def test_buy_exit_buy_and_the_same_exit_within_a_minute_end_flat() -> None:
    desk = Desk()
    for number, body in enumerate((BUY, EXIT, BUY, EXIT)):
        desk.send(body | ({"signal_id": f"entry-{number}"} if body is BUY else {}))
        desk.deliver()
        assert (desk.money.position is not None) is (body is BUY)
    assert desk.money.net == 0


def test_an_entry_and_then_a_flood_of_exits_end_flat() -> None:
    """The flood has spent its source's exits before the entry comes; the exits after the entry are merged, and none is lost."""
    desk = Desk()
    for number in range(EXITS_PER_MINUTE):
        desk.send(EXIT | {"signal_id": f"exit-{number}"}, seconds=0)
    desk.delivered = len(desk.intake.queue.sent)  # nothing was held, so they are over
    desk.send(BUY, seconds=0)
    desk.deliver()
    assert desk.money.position is not None
    for number in range(EXITS_PER_MINUTE, 2 * EXITS_PER_MINUTE):
        desk.send(EXIT | {"signal_id": f"exit-{number}"}, seconds=0)
    waiting = len(desk.intake.queue.sent) - desk.delivered
    desk.deliver()
    ended: object = (desk.money.position, desk.money.net)
    assert ended == (None, 0)
    assert waiting == 1, "600 exits are one signal"
