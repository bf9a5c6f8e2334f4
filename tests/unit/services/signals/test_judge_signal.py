"""One verdict per signal: made by one worker, kept for all others, and made without a quote only when none comes in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.market.quote import Quote
from candlecast.domain.signals.messages import SignalShard
from candlecast.domain.signals.verdict import VerdictState, judge
from candlecast.domain.values.errors import DomainError, InvalidValue, Reject, RetryLater
from candlecast.domain.values.reasons import Denial, Reason
from candlecast.runtime.compose.consumer import MAX_RECEIVES
from candlecast.services.signals.judge_signal import CLAIM, JudgeSignal
from tests.support.builders import NOW, VENUE, a_quote, a_signal, a_signal_shard, after
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.verdicts import FakeVerdictStore

HALF: dict[str, Any] = {"start": "0000", "end": "8000"}
OTHER_HALF: dict[str, Any] = {"shard": 1, "start": "8000", "end": "g"}


class Bench:
    """The use case, with a venue that answers what it is told."""

    def __init__(self) -> None:
        self.clock, self.metrics, self.verdicts = FakeClock(), RecordingMetrics(), FakeVerdictStore()
        self.answers: list[Callable[[], Quote]] = []
        self.asked = 0
        self.judge = JudgeSignal(self.verdicts, self._quote, self.clock, self.metrics)

    def _quote(self, _venue: str, _market: str, at: datetime) -> Quote:
        self.asked += 1
        return self.answers.pop(0)() if self.answers else a_quote(as_of=at)

    def fails(self, *errors: DomainError) -> None:
        def raising(error: DomainError) -> Callable[[], Quote]:
            def answer() -> Quote:
                raise error

            return answer

        self.answers += [raising(error) for error in errors]


def silence() -> RetryLater:
    return RetryLater("VENUE_UNAVAILABLE", "no answer", after_seconds=1)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_repeat_finds_the_verdict_and_asks_nobody(bench: Bench) -> None:
    first = bench.judge(a_signal_shard(end="g"))
    bench.clock.advance(600)
    assert (bench.judge(a_signal_shard(end="g")), bench.asked, first.state) == (first, 1, VerdictState.PASSED)
    assert dict(bench.metrics.counts) == {"SignalsPassed": 1}


def test_of_many_shards_one_asks_the_venue_and_the_others_come_again(bench: Bench) -> None:
    first, second = a_signal_shard(**HALF), a_signal_shard(**OTHER_HALF)
    bench.answers = [lambda: _meanwhile(bench, second)]
    verdict = bench.judge(first)
    assert (bench.judge(second), bench.asked) == (verdict, 1)


def _meanwhile(bench: Bench, shard: SignalShard) -> Quote:
    with pytest.raises(RetryLater) as later:
        bench.judge(shard)
    assert (later.value.code, later.value.after_seconds) == ("BEING_JUDGED", 1.0)
    return a_quote()


OLD_BY_ITS_SENDER: dict[str, Any] = {"issued_at": after(-300)}


def test_the_age_that_a_sender_tells_spares_no_shard_the_claim(bench: Bench) -> None:
    signal = a_signal(**OLD_BY_ITS_SENDER)
    first, second = (a_signal_shard(signal, published_at=NOW, **half) for half in (HALF, OTHER_HALF))
    bench.answers = [lambda: _meanwhile(bench, second)]
    verdict = bench.judge(first)
    assert (bench.judge(second), bench.asked) == (verdict, 1)


def test_an_entry_waits_for_a_quote_also_if_its_sender_says_that_it_is_old(bench: Bench) -> None:
    bench.fails(silence())
    shard = a_signal_shard(a_signal(**OLD_BY_ITS_SENDER), published_at=NOW, end="g")
    with pytest.raises(RetryLater):
        bench.judge(shard)
    assert bench.judge(shard).state is VerdictState.PASSED


def test_a_claim_whose_worker_died_is_taken_over(bench: Bench) -> None:
    bench.fails(silence())
    with pytest.raises(RetryLater):
        bench.judge(a_signal_shard(**HALF))
    bench.clock.advance(CLAIM.total_seconds() - 0.1)
    with pytest.raises(RetryLater) as later:
        bench.judge(a_signal_shard(**OTHER_HALF))
    assert (later.value.code, bench.asked) == ("BEING_JUDGED", 1)
    bench.clock.advance(0.1)
    assert bench.judge(a_signal_shard(**OTHER_HALF)).state is VerdictState.PASSED


def test_two_workers_at_once_come_to_one_verdict(bench: Bench) -> None:
    shard = a_signal_shard(end="g")
    other = judge(shard.signal, VENUE, a_quote(Decimal(101)), bench.clock.now())
    bench.answers = [lambda: (bench.verdicts.put_verdict(other), a_quote())[1]]
    assert bench.judge(shard) == other


@pytest.mark.parametrize("shape", [{"end": "g"}, HALF])
@pytest.mark.parametrize("error", [silence(), InvalidValue("the bid is above the ask")])
def test_an_entry_waits_for_a_quote_and_is_refused_before_its_message_is_dead_lettered(
    bench: Bench, shape: dict[str, Any], error: DomainError
) -> None:
    bench.fails(*[error] * 10)
    pauses = 0.0
    for receive in range(1, MAX_RECEIVES["signal"] + 1):
        try:
            verdict = bench.judge(a_signal_shard(**shape))
        except RetryLater as later:
            assert later.code == "QUOTE_MISSING"
            pauses = later.after_seconds * 2 ** (receive - 1)
            bench.clock.advance(pauses)
        else:
            break
    assert receive > 3
    assert (verdict.state, verdict.denial) == (VerdictState.QUARANTINED, Denial(Reason.QUOTE_MISSING))
    assert bench.metrics.counts["QuotesMissing"] == receive


def test_a_quote_that_comes_late_lets_the_entry_pass(bench: Bench) -> None:
    bench.fails(silence(), silence())
    for seconds in (4, 8):
        with pytest.raises(RetryLater):
            bench.judge(a_signal_shard(end="g"))
        bench.clock.advance(seconds)
    assert bench.judge(a_signal_shard(end="g")).state is VerdictState.PASSED


def test_a_market_that_the_venue_does_not_have_is_held_back_at_once(bench: Bench) -> None:
    bench.fails(Reject("UNKNOWN_MARKET", "no such market"))
    assert bench.judge(a_signal_shard(a_signal(), end="g")).denial == Denial(Reason.UNKNOWN_MARKET)
