"""Uploaded code is tried on real closed candles, twice, before anything of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from candlecast.domain.market.candle import Candle
from candlecast.domain.values.errors import CodeRefused, Reject, RetryLater
from candlecast.domain.values.timeframe import Timeframe
from candlecast.domain.venue.rules import BINANCE_USDM, request_for_candles
from candlecast.ports.candle_history import CandleHistory
from candlecast.ports.clock import Clock
from candlecast.ports.code_checks import CheckedCode, CodeUpload
from candlecast.ports.sandbox import OwnedCode
from candlecast.ports.venue import MarketData
from candlecast.services.market.read_history import OVERLAP, ReadHistory
from candlecast.services.strategies.check_code import CANDLES, CHECKED_ROWS, MIN_DECISIONS, PROCESSES, CheckCode
from tests.support.builders import BTC, NOW, TENANT, VENUE, after, candles_until
from tests.support.fakes.candle_history import FakeCandleHistory
from tests.support.fakes.clock import FakeClock, RecordingMetrics
from tests.support.fakes.market_data import CountedMarketData, FakeMarketData

UPLOAD = CodeUpload(
    source="class Mine: ...", parameters={"period": 20}, owner=TENANT, venue=VENUE, market=BTC, timeframe=Timeframe.M1
)
DESCRIBED = CheckedCode(parameters={"period": 20}, parameter_schema={"type": "object"}, lookback=60)
LAST = after(-60)  # the close before the last one


class FakeSandbox:
    """Answers what it is told; an error is raised."""

    def __init__(self, *digests: str, error: Exception | None = None, described: CheckedCode = DESCRIBED) -> None:
        self.digests, self.error, self.described = digests or ("same",) * PROCESSES, error, described
        self.checked: list[tuple[OwnedCode, Sequence[Candle], int, int]] = []

    def inspect(self, code: OwnedCode) -> CheckedCode:
        return self.described

    def decide_all(self, code: OwnedCode, candles: Sequence[Candle], *, processes: int, rows: int) -> Sequence[str]:
        self.checked.append((code, candles, processes, rows))
        if self.error is not None:
            raise self.error
        return self.digests


def checks(sandbox: FakeSandbox, candles: Sequence[Candle]) -> tuple[CheckCode, CountedMarketData]:
    market_data = CountedMarketData()
    market_data.put(BTC, Timeframe.M1, candles)
    return checked_by(sandbox, market_data, FakeClock(after(7))), market_data


def checked_by(sandbox: FakeSandbox, market_data: MarketData, clock: Clock, history: CandleHistory | None = None) -> CheckCode:
    return CheckCode(sandbox, ReadHistory(history or FakeCandleHistory(), market_data, clock, RecordingMetrics()), clock)


def refused(sandbox: FakeSandbox, candles: Sequence[Candle], upload: CodeUpload = UPLOAD) -> CodeRefused:
    with pytest.raises(CodeRefused) as found:
        checks(sandbox, candles)[0].check(upload)
    return found.value


def test_code_is_tried_on_the_newest_closed_candles_in_requests_that_a_venue_serves() -> None:
    sandbox = FakeSandbox()
    check, market_data = checks(sandbox, candles_until(NOW, CANDLES + 500))
    assert check.check(UPLOAD) == DESCRIBED
    ((code, candles, processes, rows),) = sandbox.checked
    assert code == OwnedCode(owner=TENANT, source=UPLOAD.source, parameters=UPLOAD.parameters)
    assert (len(candles), candles[-1].close_time(Timeframe.M1), processes, rows) == (CANDLES, LAST, PROCESSES, CHECKED_ROWS)
    assert market_data.counts == [1_500, 1_500]
    assert list(candles) == sorted(candles, key=lambda candle: candle.open_time)


def test_a_younger_market_is_tried_on_what_it_has() -> None:
    sandbox = FakeSandbox()
    checks(sandbox, candles_until(LAST, DESCRIBED.lookback + MIN_DECISIONS))[0].check(UPLOAD)
    assert len(sandbox.checked[0][1]) == DESCRIBED.lookback + MIN_DECISIONS


def test_code_that_looks_back_further_than_the_market_reaches_is_refused() -> None:
    sandbox = FakeSandbox()
    assert refused(sandbox, candles_until(LAST, DESCRIBED.lookback + MIN_DECISIONS - 1)).code == "HISTORY_TOO_SHORT"
    assert sandbox.checked == []


def test_only_candles_after_a_gap_count() -> None:
    sandbox, candles = FakeSandbox(), candles_until(LAST, 400)
    checks(sandbox, [*candles[:100], *candles[101:]])[0].check(UPLOAD)
    assert list(sandbox.checked[0][1]) == list(candles[101:])


def test_code_that_decides_otherwise_in_another_process_is_refused() -> None:
    assert refused(FakeSandbox("one", "other"), candles_until(LAST, 400)).code == "STRATEGY_NOT_DETERMINISTIC"


def test_a_fault_in_a_row_names_the_close_of_its_candle() -> None:
    candles = candles_until(LAST, 400)
    found = refused(FakeSandbox(error=CodeRefused("LOOK_AHEAD", "it differs", line=12, row=7)), candles)
    assert (found.code, found.line, found.row) == ("LOOK_AHEAD", 12, 7)
    assert found.candle_close == candles[7].close_time(Timeframe.M1)


@pytest.mark.parametrize("row", [None, 10_000])
def test_a_row_that_no_candle_has_names_no_candle(row: int | None) -> None:
    found = refused(FakeSandbox(error=CodeRefused("LOOK_AHEAD", "it differs", row=row)), candles_until(LAST, 400))
    assert found.candle_close is None


def test_a_market_that_the_venue_has_not_is_a_refusal_and_a_silent_venue_none() -> None:
    check, market_data = checks(FakeSandbox(), candles_until(LAST, 400))
    market_data.unavailable = True
    with pytest.raises(RetryLater):
        check.check(UPLOAD)
    missing = checked_by(FakeSandbox(), FakeMarketData(), FakeClock(NOW))
    with pytest.raises(Reject) as refusal:
        missing.check(UPLOAD)
    assert refusal.value.code == "UNKNOWN_MARKET"


# -- two authors of one market -----------------------------------------------------------------------------------------------

# Minutes after the first author's check, candles that each request asks for, their weight.
CHECKS: tuple[tuple[int, list[int], int], ...] = (
    (0, [1_500, 1_500], 30),
    (0, [], 0),  # another author
    (1, [1 + OVERLAP], 1),
    (60, [59 + OVERLAP], 2),
)


def test_authors_of_one_market_cost_the_venue_one_fetch() -> None:
    """Four uploads within an hour weigh 33 instead of 120, and are tried on the same candles as without the store."""
    clock, venue, history = FakeClock(after(7)), CountedMarketData(), FakeCandleHistory()
    for minutes, counts, weight in CHECKS:
        clock.set(after(7 + 60 * minutes))
        venue.put(BTC, Timeframe.M1, candles_until(after(60 * minutes), 4_000))
        sandbox = FakeSandbox()
        checked_by(sandbox, venue, clock, history).check(UPLOAD)
        assert (venue.counts, sum(BINANCE_USDM.weight_of(request_for_candles(count)) for count in venue.counts)) == (
            counts,
            weight,
        )
        assert list(sandbox.checked[0][1]) == list(candles_until(after(60 * minutes - 60), CANDLES))
        venue.counts.clear()
    assert sum(weight for _, _, weight in CHECKS) == 33
