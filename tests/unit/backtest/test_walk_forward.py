"""Walking forward: the choice follows the market a window late, sees nothing ahead, and every window ends flat."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.backtest.candle_venue import Fees
from candlecast.backtest.document import trade_rows
from candlecast.backtest.exact_path import Terms
from candlecast.backtest.fast_path import ExitBy
from candlecast.backtest.grid import axes_of, combinations_of
from candlecast.backtest.plain import PlainTerms
from candlecast.backtest.result import EXACT
from candlecast.backtest.run import terms_of_plain
from candlecast.backtest.sweep import DIED, Failed
from candlecast.backtest.walk_forward import (
    MOST_WINDOWS,
    Score,
    WalkForward,
    run_window,
    walk_forward,
    walk_forward_document,
    windows_of,
)
from candlecast.domain.backtests.market_fill import Slippage
from candlecast.domain.subscriptions.subscription import AllowedSides
from candlecast.domain.values.errors import InvalidValue
from candlecast.domain.values.timeframe import Timeframe
from candlecast.strategy import Candles
from candlecast.strategy.candles import Integers
from tests.support.backtest_swept import CASH, COSTLY, TERMS, Coin, Holder, candles_of, dying_at, noise, zigzag
from tests.support.turner import HOUR_MS, Turner

TRAIN, TEST = 400 * HOUR_MS, 100 * HOUR_MS
TURN = 1_000


def hours(rows: int) -> Integers:
    return np.arange(rows, dtype=np.int64) * HOUR_MS


def walked(*words: str, candles: Candles, strategy: Any = Turner, anchored: bool = False, **options: Any) -> WalkForward:
    made = combinations_of(strategy, axes_of(strategy, words))
    windows = windows_of(candles.time, train_ms=TRAIN, test_ms=TEST, anchored=anchored)
    return walk_forward(strategy, made, candles, options.pop("terms", TERMS), windows, **options)


def chosen(walk: WalkForward) -> list[dict[str, Any] | None]:
    return [row["parameters"] for row in walk_forward_document(walk)["windows"]]


# -- windows -------------------------------------------------------------------------------------------------------------------


def test_tests_follow_one_another_to_the_last_candle() -> None:
    windows = windows_of(hours(25), train_ms=10 * HOUR_MS, test_ms=6 * HOUR_MS)
    assert [(each.train_first, each.test_first, each.test_end) for each in windows] == [(0, 10, 16), (6, 16, 22), (12, 22, 25)]
    assert windows[-1].test_end_ms == 25 * HOUR_MS


def test_an_anchored_training_begins_with_the_candles() -> None:
    windows = windows_of(hours(25), train_ms=10 * HOUR_MS, test_ms=6 * HOUR_MS, anchored=True)
    assert [(each.train_first, each.test_first, each.test_end) for each in windows] == [(0, 10, 16), (0, 16, 22), (0, 22, 25)]


def test_windows_are_of_time_and_a_gap_leaves_tests_out() -> None:
    time = np.concatenate((hours(20), hours(60)[51:]))
    windows = windows_of(time, train_ms=10 * HOUR_MS, test_ms=6 * HOUR_MS)
    # Tests begin at hours 10, 16, 22 ... Those from 22 to 40 have no candle. That of 46 has no training, that of 52 one row.
    assert [(each.train_first, each.test_first, each.test_end) for each in windows] == [(0, 10, 16), (6, 16, 20), (20, 27, 29)]
    assert windows[-1].test_begin_ms == 58 * HOUR_MS


@pytest.mark.parametrize(
    ("rows", "train", "test"), [(25, 25, 5), (25, 100, 5), (25, 10, 0), (25, 0, 5), (MOST_WINDOWS + 20, 10, 1), (1, 1, 1)]
)
def test_other_windows_are_refused(rows: int, train: int, test: int) -> None:
    with pytest.raises(InvalidValue) as raised:
        windows_of(hours(rows), train_ms=train * HOUR_MS, test_ms=test * HOUR_MS)
    assert raised.value.code == "WALK_FORWARD_WINDOWS"


# -- one window ----------------------------------------------------------------------------------------------------------------


def test_a_position_at_the_end_of_a_window_is_closed_there_with_its_costs() -> None:
    candles = candles_of(np.linspace(100.0, 200.0, 401))  # 0.25 an hour
    result = run_window(Holder.with_parameters({"hour": 200}), candles, 200, 241, COSTLY)
    entry, leave = 150.0 * 1.001, 160.0 * 0.999  # the close of row 200 is the open of row 201; row 240 closes at 160
    fees = (entry + leave) * 0.001
    assert result.open_position is None
    assert (result.rows, result.orders, len(result.trades)) == (41, 2, 1)
    trades = result.trades
    assert (trades.entry_row[0], trades.exit_row[0]) == (1, 40)
    assert (trades.entry_time[0], trades.exit_time[0]) == (201 * HOUR_MS, 240 * HOUR_MS)
    assert (trades.entry_price[0], trades.exit_price[0]) == pytest.approx((entry, leave))
    assert ExitBy(int(trades.reason[0])) is ExitBy.WINDOW_END
    assert trades.fees[0] == pytest.approx(fees)
    assert result.pnl == pytest.approx(leave - entry - fees)
    assert trades.pnl[0] == pytest.approx(result.pnl)
    assert result.fees == pytest.approx(fees)
    assert result.equity[-1] == pytest.approx(result.final_equity)
    assert result.equity[-2] == pytest.approx(CASH + 159.75 - entry * 1.001)
    assert result.equity[0] == CASH


def test_the_exact_path_closes_a_window_as_the_fast_one() -> None:
    candles = candles_of(np.round(np.linspace(200.0, 100.0, 401), 2))
    strategy = Turner.with_parameters({"lag": 3})
    plain = run_window(strategy, candles, 200, 255, COSTLY)
    exact = run_window(strategy, candles, 200, 255, terms_of_plain(COSTLY, Timeframe.H1))
    assert len(plain.trades) == len(exact.trades) > 3
    np.testing.assert_allclose(exact.equity, plain.equity, rtol=1e-9)
    np.testing.assert_allclose(exact.trades.exit_price, plain.trades.exit_price, rtol=1e-9)
    assert exact.fees == pytest.approx(plain.fees)


def test_every_cost_of_settings_is_paid_at_the_end_of_a_window() -> None:
    candles = candles_of(np.linspace(100.0, 200.0, 401))  # 0.25 an hour, which is also the range of a candle
    given = replace(
        terms_of_plain(TERMS, Timeframe.H1),
        fees=Fees(maker=Decimal("0.0001"), taker=Decimal("0.001")),
        slippage=Slippage(bps=Decimal(10), half_spread=Decimal("0.5"), range_share=Decimal("0.1")),
        funding=((210 * HOUR_MS, Decimal("0.001")),),
    )
    result = run_window(Holder.with_parameters({"hour": 200}), candles, 200, 241, given)
    entry, leave = 150 + 0.15 + 0.5 + 0.025, 160 - 0.16 - 0.5 - 0.025
    fees, funding = (entry + leave) * 0.001, -152.25 * 0.001  # of the open of hour 210
    (trade,) = trade_rows(result.trades)
    assert (trade["side"], trade["reason"], result.path) == ("LONG", "WINDOW_END", EXACT)
    assert (trade["entry_price"], trade["exit_price"]) == pytest.approx((entry, leave))
    assert (trade["fees"], trade["funding"]) == pytest.approx((fees, funding))
    assert trade["pnl"] == pytest.approx(leave - entry - fees + funding)
    assert (result.pnl, result.fees, result.funding) == pytest.approx((trade["pnl"], fees, funding))


def test_history_before_a_window_gives_its_first_row_a_decision() -> None:
    candles = zigzag(600)
    strategy = Turner.with_parameters({})
    warm = run_window(strategy, candles, 300, 400, TERMS)
    assert warm.first_decision_row == 0
    assert warm.trades.entry_time[0] == 301 * HOUR_MS  # row 300 is a peak
    assert len(warm.trades) == 10
    cold = run_window(strategy, candles, 0, 100, TERMS)
    assert (cold.first_decision_row, len(cold.trades)) == (100, 0)


def test_a_decision_of_the_last_row_of_a_window_is_not_filled() -> None:
    candles = zigzag(600)
    result = run_window(Holder.with_parameters({"hour": 399}), candles, 300, 400, TERMS)
    assert (len(result.trades), result.pnl) == (0, 0.0)
    after = run_window(Holder.with_parameters({"hour": 399}), candles, 400, 500, TERMS)
    assert len(after.trades) == 0


# -- choices -------------------------------------------------------------------------------------------------------------------


def test_the_choice_follows_a_market_that_has_changed() -> None:
    """From row 1,000 on every turn is five hours later; a training of 400 hours knows that once most of its hours are new."""
    walk = walked("lag=-5:5:5", candles=zigzag(2_000, turn=TURN, late=5), metric="total_return")
    lags = [None if row is None else row["lag"] for row in chosen(walk)]
    begins = [step.window.test_first for step in walk.steps]
    assert begins == [*range(400, 2_000, 100)]
    assert all(lag == (5 if begin > TURN + 200 else 0) for begin, lag in zip(begins, lags, strict=True) if begin != TURN + 200)
    # In each of the first six tests the choice is perfect: nine trades of 10, and one of 9 that the window's end closes.
    assert [round(step.result.pnl) for step in walk.steps[:6] if step.result is not None] == [99] * 6


def test_the_choice_of_an_anchored_training_follows_later() -> None:
    market = zigzag(2_000, turn=TURN, late=5)
    rolling, anchored = (walked("lag=0,5", candles=market, metric="total_return", anchored=each) for each in (False, True))
    first = [next(number for number, row in enumerate(chosen(walk)) if row == {"lag": 5}) for walk in (rolling, anchored)]
    assert first[0] < first[1]


def test_the_tests_are_one_backtest() -> None:
    candles = zigzag(2_000, turn=TURN, late=5)
    walk = walked("lag=-5:5:5", candles=candles, terms=COSTLY)
    result = walk.result
    assert (result.rows, result.candles.time[0]) == (1_600, 400 * HOUR_MS)
    parts = [step.result for step in walk.steps if step.result is not None]
    assert result.pnl == pytest.approx(sum(part.pnl for part in parts))
    np.testing.assert_allclose(result.equity, np.concatenate([part.equity for part in parts]), rtol=1e-12)
    assert result.equity[-1] == pytest.approx(result.final_equity)
    np.testing.assert_array_equal(result.candles.time[result.trades.entry_row], result.trades.entry_time)
    np.testing.assert_array_equal(result.candles.time[result.trades.exit_row], result.trades.exit_time)
    assert result.trades.pnl.sum() == pytest.approx(result.pnl)
    assert result.metrics.trades == len(result.trades)


def test_decisions_begin_with_the_first_choice() -> None:
    """The first training, of a price that stands still, gives no combination a Sharpe ratio."""
    candles = candles_of(np.concatenate((np.full(440, 110.0), zigzag(560).close)))
    walk = walked("lag=0,2", candles=candles)
    assert [step.choice for step in walk.steps] == [None, 0, 0, 0, 0, 0]
    assert (walk.steps[0].result, walk.judged) == (None, 5)
    assert (walk.result.rows, walk.result.first_decision_row) == (600, 100)
    assert walk.result.trades.entry_row.min() == 101


def test_returns_of_choices_are_compared_with_the_middle() -> None:
    """In a market that stays, the best of the past is the best of the future: above the middle each time."""
    walk = walked("lag=-4:4:4", "more=0,1", candles=zigzag(1_000), metric="total_return")
    assert (walk.judged, walk.above_middle) == (6, 6)
    assert walk.chance == 1 / 64
    assert walk.steps[1].middle == pytest.approx(np.median([s.test_return for s in walk.steps[1].scores if isinstance(s, Score)]))
    document = walk_forward_document(walk)
    assert document["chance_of_as_many"] == 1 / 64
    json.dumps(document, allow_nan=False)


def test_efficiency_is_the_tests_return_a_day_over_the_trainings() -> None:
    walk = walked("lag=0", candles=zigzag(900), metric="total_return")
    # A warm training of 400 hours earns 399 steps. Two begin before the lookback, and earn from row 190 on. A test earns 99.
    trained, tested = [0.209, 0.309, 0.399, 0.399, 0.399], [0.099] * 5
    scores = [step.scores[0] for step in walk.steps]
    assert [score.train_return for score in scores if isinstance(score, Score)] == pytest.approx(trained)
    assert [score.test_return for score in scores if isinstance(score, Score)] == pytest.approx(tested)
    assert walk.efficiency == pytest.approx((sum(tested) / 500) / (sum(trained) / 2_000))


def test_trainings_that_lose_have_no_efficiency() -> None:
    assert walked("lag=9", candles=zigzag(900), metric="total_return").efficiency is None


def test_one_combination_is_not_compared_with_itself() -> None:
    walk = walked("lag=0", candles=zigzag(900), metric="total_return")
    assert (walk.judged, walk.chance) == (0, None)


@pytest.mark.slow
def test_coins_are_no_better_than_the_middle() -> None:
    hits = judged = 0
    for seed in range(4):
        walk = walked("seed=0:19", candles=noise(3_000, seed), strategy=Coin)
        hits, judged = hits + walk.above_middle, judged + walk.judged
    assert judged == 4 * 26
    assert 0.3 < hits / judged < 0.7


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 9), anchored=st.booleans())
def test_a_choice_knows_nothing_of_its_test_and_behind(seed: int, cut: int, anchored: bool) -> None:
    """With other candles from the begin of a test on, all choices up to that test are the same, and so are all tests before."""
    before, other, row = noise(1_300, seed), noise(1_300, seed + 1), 400 + cut * 100 - 100
    columns = {name: np.concatenate((getattr(before, name)[:row], getattr(other, name)[row:])) for name in Candles.__slots__}
    walks = [
        walked("seed=0:4", candles=each, strategy=Coin, anchored=anchored, metric="total_return")
        for each in (before, Candles(**columns))
    ]
    one, two = (chosen(walk)[:cut] for walk in walks)
    assert one == two
    tested = row - 400
    np.testing.assert_array_equal(walks[0].result.equity[:tested], walks[1].result.equity[:tested])


def test_several_processes_find_the_same() -> None:
    candles = noise(1_500, 3)
    one, two = (walked("seed=0:9", candles=candles, strategy=Coin, processes=each) for each in (1, 3))
    assert json.dumps(walk_forward_document(one)) == json.dumps(walk_forward_document(two))
    np.testing.assert_array_equal(one.result.equity, two.result.equity)


def test_a_combination_whose_process_dies_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turner, "signals", dying_at(0))
    walk = walked("lag=0,2", candles=zigzag(900), metric="total_return", processes=2)
    assert [step.scores[0] for step in walk.steps] == [DIED] * 5
    assert chosen(walk) == [{"lag": 2}] * 5


def test_a_combination_that_fails_is_not_chosen() -> None:
    walk = walked("fails=true,false", "lag=0", candles=zigzag(900))
    assert chosen(walk) == [{"fails": False, "lag": 0}] * 5
    assert all(isinstance(step.scores[0], Failed) for step in walk.steps)
    assert walk_forward_document(walk)["windows"][0]["failed"] == 1


def test_trainings_without_any_choice_are_an_error() -> None:
    for words in (["fails=true"], ["lag=0"]):
        with pytest.raises(InvalidValue) as raised:
            walked(*words, candles=candles_of(np.full(900, 100.0)) if words == ["lag=0"] else zigzag(900))
        assert raised.value.code == "WALK_FORWARD_NO_CHOICE"


def test_nothing_is_traded_after_ruin() -> None:
    falling = candles_of(np.linspace(1_000.0, 10.0, 1_200))
    walk = walked(
        "hour=450,2000", candles=falling, strategy=Holder, terms=PlainTerms(quantity=1.0, cash=30.0), metric="total_return"
    )
    results = [step.result for step in walk.steps]
    assert results[0] is not None
    assert results[0].final_equity < 0
    assert results[1:] == [None] * (len(results) - 1)
    assert walk.result.metrics.ruined
    assert walk.result.equity[-1] == pytest.approx(results[0].final_equity)
    json.dumps(walk_forward_document(walk), allow_nan=False)


def test_settings_of_a_subscription_are_walked_as_well() -> None:
    exact: Terms = terms_of_plain(TERMS, Timeframe.H1)
    words = ("lag=0,5", "more=0")
    plain, live = (walked(*words, candles=zigzag(800), terms=each) for each in (TERMS, exact))
    assert chosen(plain) == chosen(live)
    np.testing.assert_allclose(live.result.equity, plain.result.equity, rtol=1e-9)


def test_the_tests_keep_what_each_has_to_tell() -> None:
    """Long positions pay funding from hour 500 on. Each test decides five times to go short, which the settings refuse."""
    exact = terms_of_plain(TERMS, Timeframe.H1)
    given = replace(
        exact,
        settings=replace(exact.settings, allowed_sides=AllowedSides.LONG),
        funding=tuple((hour * HOUR_MS, Decimal("0.0001")) for hour in range(500, 800)),
    )
    live = walked("lag=0", candles=zigzag(800), terms=given, metric="total_return").result
    assert (live.path, live.denials, live.differing_decisions) == (EXACT, {"SIDE_NOT_ALLOWED": 4 * 5}, 0)
    assert live.trades.funding.sum() < 0
    assert live.funding == pytest.approx(live.trades.funding.sum())
    poor = walked("lag=0", candles=zigzag(800), terms=replace(TERMS, cash=50.0), metric="total_return").result
    assert {note.code for note in poor.notes} == {"BACKTEST_BEYOND_EQUITY"}
