"""The clock: it announces candles of followed markets only, each on its close."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from candlecast.domain.strategies.definition import StrategyDefinition
from candlecast.domain.values.errors import RetryLater
from candlecast.domain.values.firing import FiringRefused
from candlecast.domain.values.timeframe import Timeframe
from candlecast.services.market import announce_candles
from candlecast.services.market.announce_candles import MAX_FIRING_AGE, MISSED_DELAY_SECONDS, AnnounceCandles
from tests.support.builders import BTC, ETH, NOW, a_strategy, after, an_external_strategy, an_uploaded_strategy
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.firings import FakeFirings
from tests.support.fakes.queues import FakeCandleQueue
from tests.support.fakes.strategies import FakeStrategyStore

SCHEDULED = after(-60)
MINUTE = timedelta(minutes=1)


def announce(
    queue: FakeCandleQueue,
    *definitions: StrategyDefinition,
    now: datetime = SCHEDULED,
    firings: FakeFirings | None = None,
    uploads: FakeCandleQueue | None = None,
) -> AnnounceCandles:
    store = FakeStrategyStore()
    for definition in definitions:
        store.create_strategy(definition)
    own = uploads or FakeCandleQueue()
    return AnnounceCandles(store, queue, own, firings or FakeFirings(), FakeClock(now), RecordingMetrics())


def followed(strategy_id: str = "a", **changes: object) -> StrategyDefinition:
    return a_strategy(strategy_id, subscriber_count=1, **changes)


def test_each_followed_market_is_told_once_whatever_the_number_of_strategies() -> None:
    queue = FakeCandleQueue()
    definitions = (followed("a"), followed("b"), followed("c", market=ETH), followed("d", market=ETH, venue="another"))
    assert announce(queue, *definitions)(Timeframe.M1, SCHEDULED) == 3
    assert sorted((m.venue, m.market) for m, _ in queue.sent) == [("another", ETH), ("paper", BTC), ("paper", ETH)]
    assert {m.candle_close for m, _ in queue.sent} == {NOW}


def test_markets_without_a_follower_of_this_timeframe_are_not_told() -> None:
    queue = FakeCandleQueue()
    others = (a_strategy("a"), followed("b", timeframe=Timeframe.H1), an_external_strategy("c", subscriber_count=5))
    assert announce(queue, *others)(Timeframe.M1, SCHEDULED) == 0
    assert queue.sent == []


def test_each_followed_upload_is_told_by_a_message_of_its_own_in_a_queue_of_its_own() -> None:
    queue, uploads = FakeCandleQueue(), FakeCandleQueue()
    definitions = (
        followed("a"),
        *(an_uploaded_strategy(f"upload-{number}", subscriber_count=1) for number in range(12)),
        an_uploaded_strategy("nobodys"),
        an_uploaded_strategy("hourly", subscriber_count=1, timeframe=Timeframe.H1),
    )
    assert announce(queue, *definitions, uploads=uploads)(Timeframe.M1, SCHEDULED) == 13
    assert [message.strategy_id for message, _ in queue.sent] == [None]
    assert {message.strategy_id for message, _ in uploads.sent} == {f"upload-{number}" for number in range(12)}
    assert len({message.correlation_id for message, _ in (*queue.sent, *uploads.sent)}) == 13
    assert {delay for _, delay in uploads.sent} == {60}


def test_a_queue_of_uploads_that_fails_keeps_no_market_from_its_candle() -> None:
    queue, uploads = FakeCandleQueue(), FakeCandleQueue()
    uploads.fail_next()
    with pytest.raises(RetryLater):
        announce(queue, followed("a"), an_uploaded_strategy("mine", subscriber_count=1), uploads=uploads)(Timeframe.M1, SCHEDULED)
    assert len(queue.sent) == 1


@pytest.mark.parametrize(("late", "delay"), [(0, 60), (0.2, 60), (1, 59), (59.5, 1), (60, 0), (600, 0)])
def test_the_message_lands_on_the_close_however_late_the_firing(late: float, delay: int) -> None:
    queue = FakeCandleQueue()
    announce(queue, followed(), now=after(late, SCHEDULED))(Timeframe.M1, SCHEDULED)
    ((message, seconds),) = queue.sent
    assert (message.candle_close, seconds) == (NOW, delay)


@pytest.mark.parametrize(
    ("late", "code"),
    [(15 * 60 + 1, "FIRING_TOO_LATE"), (14 * 86_400, "FIRING_TOO_LATE"), (-6, "FIRING_AHEAD")],
)
def test_a_firing_that_is_not_of_now_announces_nothing(late: float, code: str) -> None:
    queue, firings = FakeCandleQueue(), FakeFirings()
    with pytest.raises(FiringRefused, match=code):
        announce(queue, followed(), now=after(late, SCHEDULED), firings=firings)(Timeframe.M1, SCHEDULED)
    assert (queue.sent, firings.known.newest) == ([], {})


def test_a_repeated_firing_names_the_same_candle_with_the_same_correlation_id() -> None:
    queue = FakeCandleQueue()
    use_case = announce(queue, followed())
    use_case(Timeframe.M1, SCHEDULED)
    use_case(Timeframe.M1, SCHEDULED)
    assert queue.sent[0] == queue.sent[1]


def test_a_day_closes_at_midnight_utc() -> None:
    queue = FakeCandleQueue()
    scheduled = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
    announce(queue, followed(timeframe=Timeframe.D1), now=scheduled)(Timeframe.D1, scheduled)
    assert queue.sent[0][0].candle_close == datetime(2026, 11, 21, tzinfo=UTC)


def test_a_queue_that_does_not_take_it_is_told() -> None:
    queue = FakeCandleQueue()
    queue.fail_next()
    with pytest.raises(RetryLater):
        announce(queue, followed())(Timeframe.M1, SCHEDULED)


def test_a_firing_is_noted_once_its_candles_are_announced() -> None:
    queue, firings = FakeCandleQueue(), FakeFirings()
    queue.fail_next()
    use_case = announce(queue, followed(), firings=firings)
    with pytest.raises(RetryLater):
        use_case(Timeframe.M1, SCHEDULED)
    assert firings.known.newest == {}
    use_case(Timeframe.M1, SCHEDULED)
    assert firings.known.newest == {Timeframe.M1: SCHEDULED}


def test_candles_are_announced_though_the_firing_cannot_be_noted() -> None:
    queue, firings = FakeCandleQueue(), FakeFirings()
    firings.fails = True
    assert announce(queue, followed(), firings=firings)(Timeframe.M1, SCHEDULED) == 1


def test_candles_that_no_firing_announced_are_told_behind_the_present_one_once_a_firing_of_theirs_is_too_late() -> None:
    queue, uploads, firings = FakeCandleQueue(), FakeCandleQueue(), FakeFirings()
    announcing = announce(
        queue, followed("a"), an_uploaded_strategy("mine", subscriber_count=1), firings=firings, uploads=uploads
    )
    firings.note_firing(Timeframe.M1, SCHEDULED - 3 * MINUTE)
    assert announcing(Timeframe.M1, SCHEDULED) == 2
    for sent, strategy_id in ((queue.sent, None), (uploads.sent, "mine")):
        (now, delay), *others = sent
        assert (now.candle_close, now.missed, delay) == (NOW, False, 60)
        assert [(message.candle_close, message.missed, message.strategy_id) for message, _ in others] == [
            (close, True, strategy_id) for close in (NOW - 2 * MINUTE, NOW - MINUTE)
        ]
        assert {waited for _, waited in others} == {MISSED_DELAY_SECONDS}
    assert timedelta(seconds=MISSED_DELAY_SECONDS) >= MAX_FIRING_AGE
    assert announcing(Timeframe.M1, SCHEDULED) == 2
    assert sum(message.missed for message, _ in queue.sent) == 2  # the repeat has missed nothing


def test_no_firing_tells_of_more_candles_than_it_has_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce_candles, "MAX_MISSED_MESSAGES", 5)
    queue, firings = FakeCandleQueue(), FakeFirings()
    firings.note_firing(Timeframe.M1, SCHEDULED - 30 * MINUTE)
    announce(queue, followed("a"), followed("b", market=ETH), firings=firings)(Timeframe.M1, SCHEDULED)
    assert sorted({message.candle_close for message, _ in queue.sent if message.missed}) == [NOW - 2 * MINUTE, NOW - MINUTE]


def test_missed_candles_that_could_not_be_told_are_told_by_the_next_firing() -> None:
    queue, firings = FakeCandleQueue(), FakeFirings()
    announcing = announce(queue, followed("a"), firings=firings)
    firings.note_firing(Timeframe.M1, SCHEDULED - 2 * MINUTE)
    firings.fails = True
    assert announcing(Timeframe.M1, SCHEDULED) == 1
    assert not any(message.missed for message, _ in queue.sent)
    firings.fails = False
    announce(queue, followed("a"), firings=firings, now=NOW)(Timeframe.M1, NOW)
    # the present candle was announced and not noted: its record stands, and a second one is not made
    assert [message.candle_close for message, _ in queue.sent if message.missed] == [NOW - MINUTE, NOW]
