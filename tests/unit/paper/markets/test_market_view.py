"""Prices and candles at an instant of the market clock: exact, of any interval, and never ahead of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_exchange.errors import OperatorError, VenueError
from paper_exchange.markets.candles import CHUNK_BARS, Bar, merge, pack
from paper_exchange.markets.clock import MAX_STEPS, ClockMode, ClockStep, MarketClock
from paper_exchange.markets.feed import ChunkCache, LiveFeed, LoopingFeed, RecordedFeed
from paper_exchange.markets.intervals import DAY_MS, LENGTHS_MS, next_open, open_of, opens_before, opens_from
from paper_exchange.markets.market_view import MarketView
from paper_exchange.markets.state import ExchangeState, Listing, Series
from tests.support.quotes import MINUTE_MS, market

DAY = 19_000 * DAY_MS  # 2022-01-08, a Saturday


def recorded(count: int, first_ms: int = DAY) -> tuple[Bar, ...]:
    """One-minute candles whose prices tell which they are."""
    bars = []
    for index in range(count):
        price = Decimal(1_000 + index)
        bars.append(Bar(first_ms + index * MINUTE_MS, price, price + 3, price - 2, price + 1, Decimal(index % 7)))
    return tuple(bars)


def view(bars: Sequence[Bar], now_ms: int, clock: MarketClock | None = None) -> MarketView:
    series = Series(MINUTE_MS, bars[0].open_ms, len(bars), 1)
    state = ExchangeState(clock=clock or MarketClock(now_ms=now_ms), listings={"BTCUSDT": Listing(market(), series, 1)})
    cache = ChunkCache(lambda symbol, generation, chunk: pack(bars[chunk * CHUNK_BARS : (chunk + 1) * CHUNK_BARS]))
    feed = LoopingFeed(state, cache) if clock else RecordedFeed(state, cache)
    return MarketView(state, feed, now_ms, {})


BARS = recorded(5_000)


@settings(max_examples=60)
@given(st.integers(0, 5_100 * MINUTE_MS), st.sampled_from(sorted(LENGTHS_MS)), st.integers(1, 20))
def test_candles_are_what_the_base_candles_make_and_never_ahead(offset: int, interval: str, limit: int) -> None:
    now = DAY + offset
    closed = [bar for bar in BARS if bar.open_ms + MINUTE_MS <= now]
    for candle in view(BARS, now).candles("BTCUSDT", interval, None, None, limit):
        parts = [bar for bar in closed if candle.open_ms <= bar.open_ms < next_open(interval, candle.open_ms)]
        assert candle.open_ms == open_of(interval, candle.open_ms) <= now
        if parts:
            assert candle == merge(candle.open_ms, parts)
        else:
            assert {candle.open, candle.high, candle.low, candle.close} == {closed[-1].close}
            assert candle.volume == 0


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.integers(0, 5_000 * MINUTE_MS), min_size=1, max_size=6))
def test_what_was_answered_before_changes_no_answer(offsets: list[int]) -> None:
    shared = view(BARS, DAY)
    for offset in offsets:
        now = DAY + offset
        assert shared.at(now).candles("BTCUSDT", "1h", None, None, 5) == view(BARS, now).candles("BTCUSDT", "1h", None, None, 5)


def test_candles_from_a_start_and_up_to_an_end() -> None:
    at_noon = view(BARS, DAY + 720 * MINUTE_MS)
    forward = at_noon.candles("BTCUSDT", "5m", DAY + 1, None, 3)
    assert [(candle.open_ms - DAY) // MINUTE_MS for candle in forward] == [5, 10, 15]
    backward = at_noon.candles("BTCUSDT", "5m", None, DAY + 30 * MINUTE_MS, 2)
    assert [(candle.open_ms - DAY) // MINUTE_MS for candle in backward] == [25, 30]
    assert at_noon.candles("BTCUSDT", "1m", DAY + 721 * MINUTE_MS, None, 9) == []


def test_a_candle_before_the_recording_is_left_out() -> None:
    started = recorded(120, DAY + 30 * MINUTE_MS)
    hours = view(started, DAY + 150 * MINUTE_MS).candles("BTCUSDT", "1h", None, None, 9)
    assert [(candle.open_ms - DAY) // MINUTE_MS for candle in hours] == [60, 120]


def test_an_interval_below_the_base_is_refused() -> None:
    hourly = tuple(replace(bar, open_ms=DAY + index * 60 * MINUTE_MS) for index, bar in enumerate(recorded(10)))
    state = ExchangeState(listings={"BTCUSDT": Listing(market(), Series(60 * MINUTE_MS, DAY, 10, 1), 1)})
    feed = RecordedFeed(state, ChunkCache(lambda *_: pack(hourly)))
    with pytest.raises(VenueError, match="-1120"):
        MarketView(state, feed, DAY + 600 * MINUTE_MS, {}).candles("BTCUSDT", "1m", None, None, 1)


def test_the_price_stands_still_after_the_recording_and_is_unknown_before_it() -> None:
    assert view(BARS, DAY + 10**9).last_price("BTCUSDT") == BARS[-1].close
    with pytest.raises(VenueError, match="-1112"):
        view(BARS, DAY + MINUTE_MS - 1).last_price("BTCUSDT")
    with pytest.raises(VenueError, match="-1121"):
        view(BARS, DAY).last_price("ETHUSDT")


def test_recorded_candles_run_along_with_real_time_again_and_again() -> None:
    anchor = DAY + 365 * DAY_MS + 12_345
    looping = view(recorded(10), anchor + 25 * MINUTE_MS, MarketClock(ClockMode.WALL, 0, anchor, 1, anchor))
    candles = looping.candles("BTCUSDT", "1m", None, None, 26)
    closes = [candle.close - 1_001 for candle in candles[:-1]]
    assert closes == [index % 10 for index in range(25)]
    assert candles[0].open_ms == anchor // MINUTE_MS * MINUTE_MS
    assert looping.last_price("BTCUSDT") == 1_001 + 24 % 10
    history = looping.candles("BTCUSDT", "1m", anchor - 15 * MINUTE_MS, None, 2)
    assert [candle.close - 1_001 for candle in history] == [6, 7]


@given(st.sampled_from([*LENGTHS_MS, "1M"]), st.integers(DAY_MS * 40, 2_000_000_000_000), st.integers(1, 30))
def test_intervals_tile_time(interval: str, instant: int, count: int) -> None:
    opened = open_of(interval, instant)
    assert opened <= instant < next_open(interval, opened)
    assert open_of(interval, next_open(interval, opened) - 1) == opened
    before = opens_before(interval, instant, count)
    assert before == opens_from(interval, before[0], instant, count)


def test_weeks_begin_on_monday_and_months_on_their_first_day() -> None:
    assert open_of("1w", DAY) == DAY - 5 * DAY_MS
    assert open_of("1M", DAY) == DAY - 7 * DAY_MS


def live_venue(now_ms: int, asked: list[str]) -> LiveFeed:
    """A venue that answers klines of minutes up to now, and writes down what it is asked."""

    def fetch(host: str, target: str) -> bytes:
        asked.append(f"{host}{target}")
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        first = -(-int(query["startTime"]) // MINUTE_MS) * MINUTE_MS
        last = min(int(query["endTime"]), now_ms)
        opens = range(first, last + 1, MINUTE_MS)[: int(query["limit"])]
        return json.dumps([[at, "1", "2", "0.5", str(at // MINUTE_MS), "7", at + MINUTE_MS - 1, "0"] for at in opens]).encode()

    return LiveFeed("venue.example", fetch)


def test_a_live_feed_asks_the_real_venue_page_by_page_and_once_a_minute() -> None:
    asked: list[str] = []
    feed = live_venue(DAY + 10_000 * MINUTE_MS, asked)
    bars = feed.bars("BTCUSDT", DAY, DAY + 4_000 * MINUTE_MS)
    assert [bar.open_ms for bar in bars] == [DAY + index * MINUTE_MS for index in range(4_000)]
    assert len(asked) == 3
    assert asked[0].startswith("venue.example/fapi/v1/klines?symbol=BTCUSDT&interval=1m&")
    for second in range(60):
        last = feed.last_bar("BTCUSDT", DAY + 5_000 * MINUTE_MS + second * 1_000)
        assert last is not None
        assert last.close == Decimal(DAY // MINUTE_MS + 4_999)
    assert len(asked) == 4


def test_a_live_feed_reads_the_same_candles_once_and_late_ones_again() -> None:
    asked: list[str] = []
    feed = live_venue(DAY + 10 * MINUTE_MS, asked)
    for end in (10, 9, 10):
        assert len(feed.bars("BTCUSDT", DAY, DAY + end * MINUTE_MS)) == end
    assert len(asked) == 1
    for number in (2, 3):
        assert len(feed.bars("BTCUSDT", DAY, DAY + 12 * MINUTE_MS)) == 11, "the venue has not published the last one"
        assert len(asked) >= number


@pytest.mark.parametrize("mode", [ClockMode.WALL, ClockMode.LIVE])
def test_a_clock_that_changes_its_mode_begins_a_new_run(mode: ClockMode) -> None:
    stepped = MarketClock().step_to(1_000, 0)
    running = stepped.run(mode, 5_000)
    assert (running.market_ms(6_000), running.replay, running.started_ms) == (6_000, 1, 5_000)
    again = running.step_to(500, 0)
    assert (again.market_ms(9_000), again.replay, again.started_ms) == (500, 2, 500)
    with pytest.raises(OperatorError, match="CLOCK_BACKWARDS"):
        again.step_to(400, 0)


def test_a_clock_that_follows_wall_time_has_the_same_instants() -> None:
    assert MarketClock().run(ClockMode.WALL, 50).dated(40, 60) == 40


def test_what_lies_within_a_jump_happened_at_the_jump() -> None:
    clock = MarketClock().step_to(1_000, 70_000).step_to(5_000, 70_010).step_to(5_000, 70_500).step_to(9_000, 71_000)
    assert [clock.dated(market_ms, 80_000) for market_ms in (500, 1_001, 5_000, 5_001, 9_000)] == [
        70_000,
        70_010,
        70_010,
        71_000,
        71_000,
    ]
    assert clock.dated(9_001, 80_000) == 80_000


def test_a_jump_along_with_wall_time_keeps_the_instants() -> None:
    clock = MarketClock().step_to(1_000, 1_000).step_to(5_000, 5_000)
    assert clock.dated(4_321, 80_000) == 4_321


def test_a_clock_remembers_its_latest_jumps_only() -> None:
    clock = MarketClock()
    for number in range(1, 100):
        clock = clock.step_to(number * 10, number)
    assert (len(clock.steps), clock.dated(10, 1_000)) == (MAX_STEPS, 100 - MAX_STEPS)
    assert clock.step_to(5, 1_000, rewind=True).steps == (ClockStep(5, 1_000),)
