"""Releasing a quarantined signal: published once as a signal of the present, and judged as any other."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.signals.audience import Audience
from candlecast.domain.signals.signal import Action
from candlecast.domain.signals.verdict import Release, judge
from candlecast.domain.strategies.execution import ReceivedAs
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound, RetryLater
from candlecast.domain.values.ids import released_signal_id
from candlecast.ports.store import NewestMessage
from candlecast.services.signals.publish_signal import PublishSignal
from candlecast.services.signals.release_signal import ReleaseSignal
from tests.support.builders import NOW, SOURCE, VENUE, a_quote, a_signal, a_signal_record, a_strategy, after, an_external_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.queues import FakeSignalQueue
from tests.support.fakes.signals import FakeSignalStore
from tests.support.fakes.store import FakeDatabase
from tests.support.fakes.strategies import FakeStrategyStore
from tests.support.fakes.verdicts import FakeVerdictStore, judge_signal

ADMIN = "admin-1"


class Desk:
    """A signal that was judged, and the use case."""

    def __init__(
        self,
        max_notional: Decimal | None = None,
        *,
        source_id: str | None = None,
        audience: Audience | None = None,
        retired_at: datetime | None = None,
        **signal: Any,
    ) -> None:
        database = FakeDatabase()
        self.clock, self.metrics, self.queue = FakeClock(), RecordingMetrics(), FakeSignalQueue()
        self.signals, self.verdicts, strategies = (
            FakeSignalStore(database),
            FakeVerdictStore(database),
            FakeStrategyStore(database),
        )
        made = a_strategy() if source_id is None else an_external_strategy(source_id=source_id)
        strategies.create_strategy(replace(made, subscriber_count=1, retired_at=retired_at))
        self.signal = a_signal(strategy_id=made.strategy_id, **signal)
        self.signals.put_signal(replace(a_signal_record(self.signal), max_notional=max_notional, audience=audience))
        self.verdicts.put_verdict(judge(self.signal, VENUE, a_quote(), NOW))
        publish = PublishSignal(self.signals, self.queue, self.clock, self.metrics)
        self.release = ReleaseSignal(self.verdicts, self.signals, strategies, publish, self.clock, self.metrics)
        self.clock.advance(3_600)


def test_a_release_publishes_the_same_decision_anew_under_an_id_and_a_time_of_its_own() -> None:
    desk = Desk(price=Decimal(150))
    verdict = desk.release(desk.signal.signal_id, ADMIN)
    new_id = released_signal_id(desk.signal.signal_id)
    assert verdict.release == Release(signal_id=new_id, released_by=ADMIN, released_at=after(3_600))
    published = desk.signals.get_signal(new_id).signal
    assert (published.issued_at, published.released_from, published.released_by) == (after(3_600), desk.signal.signal_id, ADMIN)
    assert (published.price, published.action, published.market) == (Decimal(150), desk.signal.action, desk.signal.market)
    assert [shard.signal for shard in desk.queue.sent] == [published]
    assert desk.metrics.counts["SignalsReleased"] == 1


@pytest.mark.parametrize(("mark", "passes"), [("150", True), ("100", False)])
def test_what_was_released_is_judged_by_the_market_of_its_own_moment(mark: str, passes: bool) -> None:
    desk = Desk(price=Decimal(150))
    desk.release(desk.signal.signal_id, ADMIN)
    (shard,) = desk.queue.sent
    assert judge_signal(desk.clock, desk.verdicts, Decimal(mark))(shard).is_quarantined is not passes


def test_what_was_released_names_the_message_that_was_held_back() -> None:
    desk, received_as = Desk(price=Decimal(150)), ReceivedAs(source_id=SOURCE, sender_key="key-1")
    desk.signals.database.signals[desk.signal.signal_id] = replace(a_signal_record(desk.signal), received_as=received_as)
    desk.release(desk.signal.signal_id, ADMIN)
    assert desk.signals.get_signal(released_signal_id(desk.signal.signal_id)).received_as == received_as


def test_what_was_released_keeps_the_bound_that_its_source_had() -> None:
    desk = Desk(price=Decimal(150), max_notional=Decimal(1_000))
    desk.release(desk.signal.signal_id, ADMIN)
    (shard,) = desk.queue.sent
    assert shard.max_notional == Decimal(1_000)


def test_what_was_released_goes_to_the_followers_of_its_version_as_the_same_decision() -> None:
    desk = Desk(price=Decimal(1), decision_id="candle", audience=Audience(number=2))
    desk.release(desk.signal.signal_id, ADMIN)
    (shard,) = desk.queue.sent
    assert (shard.audience, shard.signal.order_root) == (Audience(number=2), "candle")


def test_nothing_of_a_retired_strategy_is_released() -> None:
    desk = Desk(price=Decimal(1), retired_at=NOW)
    with pytest.raises(Conflict) as refused:
        desk.release(desk.signal.signal_id, ADMIN)
    assert (refused.value.code, desk.queue.sent) == ("STRATEGY_RETIRED", [])


def test_a_second_release_is_the_first_one() -> None:
    desk = Desk(price=Decimal(1))
    first = desk.release(desk.signal.signal_id, ADMIN)
    desk.clock.advance(60)
    assert desk.release(desk.signal.signal_id, "somebody-else") == first
    one, other = desk.queue.sent
    assert one == other
    assert desk.metrics.counts["SignalsReleased"] == 1


def test_a_release_that_a_crash_cut_off_is_completed_by_the_next_one() -> None:
    desk = Desk(price=Decimal(1))
    desk.queue.fail_next()
    with pytest.raises(RetryLater):
        desk.release(desk.signal.signal_id, ADMIN)
    desk.clock.advance(60)
    desk.release(desk.signal.signal_id, ADMIN)
    (shard,) = desk.queue.sent
    assert shard.signal.issued_at == after(3_600)


def test_a_signal_that_has_passed_cannot_be_released_and_neither_can_one_that_nobody_judged() -> None:
    desk = Desk()
    with pytest.raises(Conflict, match="passed"):
        desk.release(desk.signal.signal_id, ADMIN)
    exit_ = a_signal(Action.EXIT)
    desk.signals.put_signal(a_signal_record(exit_))
    for unknown in (exit_.signal_id, "nothing"):
        with pytest.raises(NotFound):
            desk.release(unknown, ADMIN)
    assert desk.queue.sent == []


def test_a_signal_that_its_source_has_overtaken_is_not_released() -> None:
    """Buy, which is quarantined, then exit: a release would open a position whose exit is spent."""
    desk = Desk(price=Decimal(150), source_id=SOURCE)
    desk.signals.put_newest_message(SOURCE, desk.signal.market, NewestMessage("exit", "exit-signal"), after(60))
    with pytest.raises(Conflict) as refused:
        desk.release(desk.signal.signal_id, ADMIN)
    verdict = desk.verdicts.find_verdict(desk.signal.signal_id)
    assert refused.value.code == "SIGNAL_OVERTAKEN"
    assert (desk.queue.sent, verdict and verdict.release) == ([], None)


def test_a_signal_that_has_passed_is_called_so_even_if_a_newer_message_followed_it() -> None:
    desk = Desk(source_id=SOURCE)
    desk.signals.put_newest_message(SOURCE, desk.signal.market, NewestMessage("exit", "exit-signal"), after(60))
    with pytest.raises(Conflict) as refused:
        desk.release(desk.signal.signal_id, ADMIN)
    assert (refused.value.code, desk.queue.sent) == ("NOT_QUARANTINED", [])


def test_a_released_signal_is_its_markets_newest_message_and_a_repeat_of_the_release_is_none() -> None:
    desk = Desk(price=Decimal(150), source_id=SOURCE)
    desk.signals.put_newest_message(SOURCE, desk.signal.market, NewestMessage("buy", desk.signal.signal_id), NOW)
    first = desk.release(desk.signal.signal_id, ADMIN)
    newest = desk.signals.newest_message(SOURCE, desk.signal.market)
    assert newest is not None
    assert newest.signal_id == released_signal_id(desk.signal.signal_id)
    assert desk.release(desk.signal.signal_id, ADMIN) == first
