"""A backtest's plan has bounds, and its life has one worker at a time and one end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from candlecast.domain.backtests.backtest import LEASE, MAX_ROWS, RESULT_DAYS, Backtest, BacktestStatus
from candlecast.domain.strategies.definition import MAX_LOOKBACK
from candlecast.domain.values.errors import Conflict, InvalidValue, RetryLater
from candlecast.domain.values.terms import WorkingType
from candlecast.domain.values.timeframe import Timeframe
from candlecast.sandbox.protocol import MAX_ROWS as MAX_SANDBOX_ROWS
from tests.support.builders import NOW, after, settings
from tests.support.fakes.backtests import a_backtest, a_plan, a_summary

LATER = after(60)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def running(**changes: Any) -> Backtest:
    return a_backtest(**changes).begun("worker-1", NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"start": NOW}, "BACKTEST_SPAN_INVALID"),
        ({"start": NOW - MINUTE}, "BACKTEST_SPAN_INVALID"),
        ({"start": NOW + MINUTE}, "BACKTEST_SPAN_INVALID"),
        ({"start": after(-7_201)}, "BACKTEST_SPAN_INVALID"),
        ({"until": after(1)}, "BACKTEST_SPAN_INVALID"),
        ({"start": NOW - MINUTE * (MAX_ROWS + 1)}, "BACKTEST_TOO_LONG"),
        ({"cash": Decimal(0)}, "CASH_INVALID"),
        ({"cash": Decimal("1E13")}, "CASH_INVALID"),
        ({"taker_fee": Decimal("-0.0001")}, "COSTS_INVALID"),
        ({"taker_fee": Decimal("0.11")}, "COSTS_INVALID"),
        ({"maker_fee": Decimal("0.11")}, "COSTS_INVALID"),
        ({"slippage_bps": Decimal(-1)}, "COSTS_INVALID"),
        ({"slippage_bps": Decimal(1_001)}, "COSTS_INVALID"),
        ({"settings": settings(stop_working_type=WorkingType.MARK_PRICE)}, "BACKTEST_MARK_PRICE_UNKNOWN"),
        ({"settings": settings(stop_price_protect=True)}, "BACKTEST_MARK_PRICE_UNKNOWN"),
    ],
)
def test_a_plan_beyond_its_bounds_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        a_plan(**changes)
    assert refused.value.code == code


def test_the_longest_plan_and_its_history_fit_a_run_of_the_sandbox() -> None:
    assert a_plan(start=NOW - MINUTE * MAX_ROWS).rows == MAX_ROWS
    assert MAX_ROWS + MAX_LOOKBACK == MAX_SANDBOX_ROWS


def test_rows_count_candles_of_the_timeframe() -> None:
    assert a_plan().rows == 120
    assert a_plan(timeframe=Timeframe.H1).rows == 2


def test_a_worker_begins_with_a_lease_and_from_the_first_row() -> None:
    begun = a_backtest(rows_done=80, tries=1).begun("worker-1", NOW)
    assert (begun.status, begun.worker, begun.tries, begun.rows_done) == (BacktestStatus.RUNNING, "worker-1", 2, 0)
    assert (begun.started_at, begun.lease_expires_at) == (NOW, NOW + LEASE)


def test_another_worker_waits_for_the_end_of_the_lease() -> None:
    with pytest.raises(RetryLater, match="BACKTEST_RUNS"):
        running().begun("worker-2", NOW + LEASE - SECOND)
    assert running().begun("worker-2", NOW + LEASE).worker == "worker-2"


def test_a_backtest_that_is_given_back_can_begin_at_once() -> None:
    given_back = running().at_row(30, NOW).given_back()
    assert (given_back.status, given_back.worker, given_back.rows_done) == (BacktestStatus.QUEUED, None, 0)
    assert given_back.begun("worker-2", NOW).tries == 2


def test_progress_never_exceeds_the_plan() -> None:
    assert [running().at_row(rows, NOW).rows_done for rows in (0, 119, 121)] == [0, 119, 120]


def test_a_finished_backtest_has_its_numbers_and_no_worker() -> None:
    done = running().done(a_summary(), "c0de", LATER)
    assert (done.status, done.summary, done.code_version) == (BacktestStatus.DONE, a_summary(), "c0de")
    assert (done.worker, done.lease_expires_at, done.ended_at, done.rows_done) == (None, None, LATER, 120)


@pytest.mark.parametrize(
    "ended", [running().done(a_summary(), "c0de", LATER), running().failed("X", "why", LATER), running().cancelled(LATER)]
)
def test_nothing_leads_out_of_an_end(ended: Backtest) -> None:
    with pytest.raises(Conflict, match="BACKTEST_ENDED"):
        ended.begun("worker-2", LATER)
    assert ended.cancelled(after(120)) is ended


def test_a_cancelled_backtest_has_no_worker() -> None:
    cancelled = running().cancelled(LATER)
    assert (cancelled.status, cancelled.worker, cancelled.ended_at) == (BacktestStatus.CANCELLED, None, LATER)


@pytest.mark.parametrize(("shows_code", "told"), [(True, "line 3: NameError"), (False, "")])
def test_words_about_code_are_for_those_who_may_see_the_code(shows_code: bool, told: str) -> None:
    failed = running(shows_code=shows_code).failed("STRATEGY_FAILED", "line 3: NameError", LATER)
    assert (failed.status, failed.error_code, failed.error_message) == (BacktestStatus.FAILED, "STRATEGY_FAILED", told)


def test_a_backtest_is_forgotten_with_its_results() -> None:
    assert a_backtest().expires_at == NOW + timedelta(days=RESULT_DAYS)
