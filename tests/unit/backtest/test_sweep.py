"""A sweep finds the parameter that a market was made for, and doubts the best of many coins."""

from __future__ import annotations

import json
import math
import statistics
from typing import Any

import numpy as np
import pytest

from candlecast.backtest.grid import axes_of, combinations_of
from candlecast.backtest.run import run
from candlecast.backtest.significance import deflated_sharpe, independent_trials, overfitting, probabilistic_sharpe, shape
from candlecast.backtest.sweep import (
    DIED,
    Failed,
    SweepResult,
    Trial,
    heat_map,
    run_sweep,
    sweep_document,
    trial_rows,
    value_of,
)
from candlecast.domain.backtests.sweep import METRICS, RandomSearch
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Candles
from tests.support.backtest_swept import CASH, COSTLY, LOOKBACK, TERMS, Coin, dying_at, noise, zigzag
from tests.support.turner import HALF, Turner

CANDLES = zigzag(1_000)


def swept(
    *words: str, candles: Candles = CANDLES, strategy: Any = Turner, random: RandomSearch | None = None, **options: Any
) -> SweepResult:
    made = combinations_of(strategy, axes_of(strategy, words), random=random)
    return run_sweep(strategy, made, candles, **{"terms": TERMS, **options})


def trial_of(sweep: SweepResult, index: int) -> Trial:
    trial = sweep.attempts[index]
    assert isinstance(trial, Trial)
    return trial


def test_each_trade_of_a_lag_earns_what_the_zigzag_says() -> None:
    sweep = swept("lag=-4:4:2", metric="expectancy")
    assert sweep.values.tolist() == pytest.approx([2, 6, 10, 6, 2])
    assert sweep.best == 2
    assert sweep.combinations.grid.parameters(2) == {"lag": 0}


def test_a_trial_has_the_figures_of_its_backtest() -> None:
    sweep = swept("lag=0")
    # The first decision that counts is at row 190, a trough; the last, at row 990, is open at row 999, 9 steps up.
    trades = (990 - 190) // HALF
    assert LOOKBACK - 1 <= 190
    trial = trial_of(sweep, 0)
    assert trial.trades == trades
    assert trial.total_return == pytest.approx((trades * 10 + 9) / CASH)
    assert trial.max_drawdown == 0
    assert len(trial.returns) == 42  # of 1,000 hours
    assert trial.value == trial.sharpe_ratio


def test_the_ranking_goes_from_the_best_to_the_worst() -> None:
    sweep = swept("lag=-9:9:3", metric="total_return")
    lags = [row["parameters"]["lag"] for row in trial_rows(sweep)]
    assert [abs(lag) for lag in lags] == [0, 3, 3, 6, 6, 9, 9]
    values = [row["value"] for row in trial_rows(sweep)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0 > values[-1]


def test_refused_combinations_are_not_tried() -> None:
    sweep = swept("lag=0,5,9", "more=0,5")
    assert sweep.combinations.refused == 2
    assert [each is None for each in sweep.attempts] == [False, False, False, True, False, True]
    assert len(sweep.order) == 4


def test_a_combination_whose_process_dies_loses_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turner, "signals", dying_at(2))
    sweep = swept("lag=0:4:2", metric="expectancy", processes=2)
    assert sweep.failures == (DIED,)
    assert sweep.values.tolist() == pytest.approx([10, np.nan, 2], nan_ok=True)
    assert trial_rows(sweep)[-1]["error"].startswith("SWEEP_WORKER_DIED: ")


def test_a_combination_that_fails_loses_no_other() -> None:
    sweep = swept("fails=true,false", "lag=0,2", metric="expectancy")
    for index in (0, 1):
        failed = sweep.attempts[index]
        assert isinstance(failed, Failed)
        assert failed.code == "STRATEGY_FAILED"
        assert "ZeroDivisionError: planted" in failed.message
    assert sweep.values[2:].tolist() == pytest.approx([10, 6])
    rows = trial_rows(sweep)
    assert [row["error"] is None for row in rows] == [True, True, False, False]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_that_ranks_is_that_of_the_backtest(metric: str) -> None:
    candles = noise(1_000, 5)
    result = run(Coin.with_parameters({"seed": 3}), candles, COSTLY)
    expected = getattr(result.metrics, metric)
    assert expected is not None
    assert value_of(result, metric) == pytest.approx(expected, rel=1e-12)
    sweep = swept("seed=3", candles=candles, strategy=Coin, terms=COSTLY, metric=metric)
    assert trial_of(sweep, 0).value == value_of(result, metric)
    assert trial_of(sweep, 0).max_drawdown == result.metrics.max_drawdown
    assert trial_of(sweep, 0).sharpe_ratio == result.metrics.sharpe_ratio


def test_other_metrics_are_refused() -> None:
    with pytest.raises(InvalidValue, match="chosen by one of") as raised:
        swept("lag=0", metric="max_drawdown")
    assert raised.value.code == "METRIC_UNKNOWN"


def test_several_processes_find_the_same() -> None:
    words = ("lag=-9:9:2", "more=-3:3:3")
    alone, together = swept(*words, terms=COSTLY), swept(*words, terms=COSTLY, processes=3)
    assert json.dumps(sweep_document(alone)) == json.dumps(sweep_document(together))


def test_progress_counts_the_combinations_that_were_tried() -> None:
    seen: list[int] = []
    swept("lag=0,5,9", "more=0,5", progress=seen.append)
    assert seen == [1, 2, 3, 4]


def test_a_peak_is_told_from_a_plateau() -> None:
    sweep = swept("lag=-9:9:1", metric="expectancy")
    best = sweep_document(sweep)["best"]
    assert best["value"] == pytest.approx(10)
    assert best["plateau"] == pytest.approx(8)  # of 8, 10, 8
    assert best["at_edge_of"] == []
    edge = sweep_document(swept("lag=0:9:1", metric="expectancy"))
    assert edge["best"]["at_edge_of"] == ["lag"]
    assert edge["broadest"]["plateau"] == pytest.approx(9)  # of 10 and 8


def test_a_heat_map_has_a_cell_for_each_pair() -> None:
    sweep = swept("lag=-4:4:4", "more=0,2,8", metric="expectancy")
    drawn = heat_map(sweep)
    assert drawn is not None
    assert (drawn.x_name, drawn.x_values, drawn.y_name, drawn.y_values) == ("lag", (-4, 0, 4), "more", (0, 2, 8))
    assert drawn.tried == 8
    np.testing.assert_allclose(drawn.values, np.array([[2.0, 10, 2], [6, 6, -2], [2, -6, np.nan]]))


def test_a_heat_map_of_three_axes_shows_those_beside_the_best() -> None:
    drawn = heat_map(swept("fails=true,false", "lag=-4:4:4", "more=0,2", metric="expectancy"))
    assert drawn is not None
    assert drawn.metric == "expectancy at fails = False"
    assert np.isfinite(drawn.values).all()


def test_a_random_search_has_the_numbers_of_the_combinations_that_it_has_drawn() -> None:
    words, search = ("lag=-9:9:1", "more=-9:9:1"), RandomSearch(count=60, seed=5)
    whole, drawn = swept(*words, metric="expectancy"), swept(*words, metric="expectancy", random=search)
    numbers = [*search.numbers(19 * 19)]
    assert drawn.values.tolist() == pytest.approx(whole.values[numbers].tolist(), nan_ok=True)
    assert drawn.combinations.refused == sum(whole.attempts[number] is None for number in numbers) > 0
    of_drawn = [each for each in drawn.attempts if isinstance(each, Trial)]
    expected = independent_trials(np.column_stack([each.returns for each in of_drawn]))
    assert drawn.doubt.independent_trials == pytest.approx(expected)
    assert [row["parameters"] for row in trial_rows(drawn)] == [
        drawn.combinations.grid.parameters(int(index)) for index in drawn.order
    ]


def test_a_heat_map_of_a_random_search_leaves_out_what_was_not_drawn() -> None:
    sweep = swept("lag=-4:4:4", "more=0,2", "fails=false,true", metric="expectancy", random=RandomSearch(count=8, seed=1))
    drawn, grid = heat_map(sweep), sweep.combinations.grid
    assert drawn is not None
    assert drawn.values.shape == (2, 3)
    shown = {(drawn.x_values[column], drawn.y_values[row]) for row, column in np.argwhere(np.isfinite(drawn.values))}
    tried = [grid.parameters(int(index)) for index in sweep.order]
    assert shown == {(each["lag"], each["more"]) for each in tried if np.isfinite(sweep.values).any()}
    assert 0 < len(shown) < 6


def test_a_heat_map_of_too_many_cells_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.backtest.sweep.LARGEST_MAP", 5)
    assert heat_map(swept("lag=-4:4:4", "more=0,2", random=RandomSearch(count=4))) is None


def test_one_axis_has_no_heat_map() -> None:
    assert heat_map(swept("lag=-4:4:4", "more=0")) is None


def test_the_best_of_many_coins_is_doubted() -> None:
    """Forty coins on five markets: half of the best are below the middle later, and no best passes for skill."""
    overfitted, hopes, doubts = [], [], []
    for seed in range(5):
        sweep = swept("seed=0:39", candles=noise(4_800, seed), strategy=Coin)
        best = sweep.best
        assert best is not None
        of = shape(trial_of(sweep, best).returns)
        assert of is not None
        hope, doubt = probabilistic_sharpe(of), sweep.doubt
        assert hope is not None
        assert doubt.deflated_sharpe is not None
        assert doubt.overfitting is not None
        assert (doubt.days, doubt.ruined, doubt.halves) == (200, 0, 12_870)
        overfitted.append(doubt.overfitting)
        hopes.append(hope)
        doubts.append(doubt.deflated_sharpe)
    assert 0.35 < np.mean(overfitted) < 0.65
    assert np.mean(hopes) > 0.95  # without the number of trials each best looks like skill
    assert max(doubts) < 0.95
    assert np.mean(doubts) < 0.7


def test_the_doubt_follows_from_the_daily_returns() -> None:
    """By the formula of Bailey and Lopez de Prado 2014, with ratios of a year."""
    sweep = swept("seed=0:9", candles=noise(2_400, 4), strategy=Coin)
    assert sweep.best is not None
    trials = [trial_of(sweep, index) for index in range(10)]
    returns = np.column_stack([trial.returns for trial in trials])
    independent, halves = independent_trials(returns), overfitting(returns)
    assert halves is not None
    variance = statistics.variance(statistics.fmean(days) / statistics.stdev(days) for days in returns.T.tolist())
    normal, euler = statistics.NormalDist(), 0.5772156649015329
    quantiles = (1 - euler) * normal.inv_cdf(1 - 1 / independent) + euler * normal.inv_cdf(1 - 1 / (independent * math.e))
    of = shape(trials[sweep.best].returns)
    assert of is not None
    doubt = sweep.doubt
    assert doubt.independent_trials == pytest.approx(independent)
    assert doubt.expected_best_sharpe == pytest.approx(math.sqrt(variance * 365) * quantiles)
    assert doubt.deflated_sharpe == pytest.approx(deflated_sharpe(of, trials=independent, variance=variance))
    assert (doubt.overfitting, doubt.loss_probability) == (halves.probability, halves.loss_probability)
    assert halves.probability != halves.loss_probability


def test_skill_is_not_doubted() -> None:
    sweep = swept("lag=-1:1", candles=zigzag(2_000), terms=COSTLY)
    doubt = sweep.doubt
    assert doubt.deflated_sharpe is not None
    assert doubt.deflated_sharpe > 0.95
    assert doubt.overfitting is not None
    assert doubt.overfitting < 0.01


def test_combinations_that_are_ruined_count_as_trials() -> None:
    poor = swept("seed=0:19", candles=noise(2_400, 1), strategy=Coin, terms=type(TERMS)(quantity=1.0, cash=30.0))
    ruined = sum(isinstance(each, Trial) and not len(each.returns) for each in poor.attempts)
    assert 0 < ruined < 20
    assert poor.doubt.ruined == ruined
    assert poor.doubt.independent_trials is not None
    assert poor.doubt.independent_trials > 20 - ruined  # those that lasted can be no more than that
    json.dumps(sweep_document(poor), allow_nan=False)


def test_a_sweep_of_few_days_says_that_nothing_is_known() -> None:
    document = sweep_document(swept("lag=0,2", candles=zigzag(200)))
    assert document["significance"]["days"] == 9
    assert document["significance"]["probability_of_overfitting"] is None


def test_a_sweep_without_a_trade_has_no_best() -> None:
    sweep = swept("lag=0,2", candles=zigzag(100))
    document = sweep_document(sweep)
    assert (document["best"], document["broadest"]) == (None, None)
    assert document["tried"] == 2
    assert sweep.doubt.deflated_sharpe is None
    assert heat_map(swept("lag=0,2", "more=0,1", candles=zigzag(100))) is None


def test_too_many_daily_returns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlecast.backtest.sweep.MOST_CELLS", 83)  # 42 days of 2 combinations are 84
    with pytest.raises(InvalidValue) as raised:
        swept("lag=0,2")
    assert raised.value.code == "SWEEP_TOO_LARGE"
    monkeypatch.setattr("candlecast.backtest.sweep.MOST_CELLS", 84)
    assert len(swept("lag=0,2").order) == 2
