"""Doubt about a backtest: the worked example of the paper, plain definitions, noise that is found out, an edge that stands."""

from __future__ import annotations

import dataclasses
import json
import math
from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from candlecast.backtest.metrics import DAYS_PER_YEAR, day_ends, day_returns
from candlecast.backtest.significance import (
    LEVELS,
    MOST_SAMPLES,
    MOST_SPLITS,
    Shape,
    block_length,
    bootstrap,
    deflated_sharpe,
    expected_best_sharpe,
    independent_trials,
    overfitting,
    probabilistic_sharpe,
    shape,
    sharpes,
)
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Floats
from tests.support.backtest_columns import compared_with_libraries, steps

GOLDEN = json.loads((Path(__file__).parents[2] / "foreign" / "metrics" / "golden.json").read_text(encoding="utf-8"))
CASES = compared_with_libraries()
PER_YEAR = 250  # trading days of the paper's example
EXAMPLE = Shape(observations=1250, sharpe=2.5 / math.sqrt(PER_YEAR), skewness=-3.0, kurtosis=10.0)
EXAMPLE_VARIANCE = 0.5 / PER_YEAR


def noise(rows: int, trials: int, seed: int) -> Floats:
    return steps(rows * trials, 0.0, 0.01, seed).reshape(rows, trials)


def returns_of(case: str) -> Floats:
    columns = CASES[case]
    return day_returns(columns.equity, day_ends(columns.time), columns.cash)


@pytest.mark.parametrize("case", CASES)
def test_shape_equals_that_of_other_libraries(case: str) -> None:
    found = shape(returns_of(case))
    assert found is not None
    expected = {field.name: GOLDEN[case]["shape"][field.name] for field in dataclasses.fields(Shape)}
    assert dataclasses.asdict(found) == pytest.approx(expected, rel=1e-9, abs=0)
    assert found.sharpe * math.sqrt(DAYS_PER_YEAR) == pytest.approx(CASES[case].measured().sharpe_ratio)


@pytest.mark.parametrize("case", CASES)
def test_probabilistic_sharpe_equals_that_of_quantstats_by_its_moments(case: str) -> None:
    golden = GOLDEN[case]["shape"]
    corrected = Shape(golden["observations"], golden["sharpe"], golden["corrected_skewness"], golden["corrected_kurtosis"])
    assert probabilistic_sharpe(corrected) == pytest.approx(golden["probabilistic_sharpe"], rel=1e-9, abs=0)


def test_deflated_sharpe_equals_the_example_of_the_paper() -> None:
    """Bailey and Lopez de Prado 2014: 100 trials of a variance of a half give 0.1132 and 0.9004, 46 trials 0.9505."""
    assert expected_best_sharpe(100, EXAMPLE_VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(EXAMPLE, trials=100, variance=EXAMPLE_VARIANCE) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(EXAMPLE, trials=46, variance=EXAMPLE_VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_deflated_sharpe_of_normal_returns_allows_more_trials() -> None:
    """The same paper: with normal returns 88 trials give what 46 gave."""
    normal = dataclasses.replace(EXAMPLE, skewness=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, trials=88, variance=EXAMPLE_VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_a_single_trial_is_deflated_by_nothing() -> None:
    assert expected_best_sharpe(1, EXAMPLE_VARIANCE) == 0.0
    assert deflated_sharpe(EXAMPLE, trials=1, variance=EXAMPLE_VARIANCE) == probabilistic_sharpe(EXAMPLE)


def test_the_expected_best_is_that_of_many_draws() -> None:
    ratios = noise(2000, 50, seed=21) * 100  # normal with variance one
    assert expected_best_sharpe(50, 1.0) == pytest.approx(ratios.max(axis=1).mean(), rel=0.02)


def test_more_trials_never_raise_the_deflated_sharpe() -> None:
    trials = (1, 1.01, 1.5, 2, 3, 10, 1e3, 1e9, 1e15, 1e30)
    found = [deflated_sharpe(EXAMPLE, trials=count, variance=EXAMPLE_VARIANCE) or 0.0 for count in trials]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.05 < found[0]


@pytest.mark.parametrize(("trials", "variance"), ((0.5, 1.0), (math.inf, 1.0), (2, -1.0), (2, math.nan)))
def test_trials_that_make_no_sense_are_refused(trials: float, variance: float) -> None:
    with pytest.raises(InvalidValue):
        expected_best_sharpe(trials, variance)


def test_returns_that_stand_still_have_no_shape() -> None:
    assert shape(np.full(10, 0.01)) is None
    assert shape(np.array([0.01])) is None


def test_an_estimate_without_variance_has_no_probability() -> None:
    assert probabilistic_sharpe(Shape(observations=10, sharpe=1.0, skewness=2.0, kurtosis=5.0)) is None


def test_sharpes_are_those_of_each_column() -> None:
    returns = noise(30, 3, seed=22)
    returns[:, 1] = 0.002
    found = [shape(returns[:, column]) for column in range(3)]
    assert sharpes(returns).tolist() == pytest.approx([of.sharpe if of else 0.0 for of in found], rel=1e-12, abs=0)


def test_trials_that_resemble_each_other_count_as_few() -> None:
    apart, market = noise(500, 20, seed=23), noise(500, 1, seed=24)
    assert independent_trials(apart) == pytest.approx(20, rel=0.02)
    assert independent_trials(np.repeat(market, 20, axis=1)) == pytest.approx(1.0)
    between = np.corrcoef(apart + market, rowvar=False)
    mean = (between.sum() - 20) / (20 * 19)
    assert independent_trials(apart + market) == pytest.approx(mean + (1 - mean) * 20)
    assert independent_trials(market) == 1.0
    assert independent_trials(np.hstack((market, -market))) == 2.0


def plain_overfitting(returns: Floats, splits: int) -> tuple[float, float, list[float]]:
    """The definition of the paper, without any shortcut."""
    length, trials = len(returns) // splits, returns.shape[1]
    parts = np.split(returns[len(returns) - length * splits :], splits)
    logits, losses = [], 0
    for chosen in combinations(range(splits), splits // 2):
        seen = np.concatenate([parts[part] for part in chosen])
        unseen = np.concatenate([parts[part] for part in range(splits) if part not in chosen])
        best = int(np.argmax(seen.mean(axis=0) / seen.std(axis=0, ddof=1)))
        there = unseen.mean(axis=0) / unseen.std(axis=0, ddof=1)
        rank = 1 + sum(there[other] < there[best] for other in range(trials))
        logits.append(math.log(rank / (trials + 1) / (1 - rank / (trials + 1))))
        losses += there[best] < 0
    return sum(logit <= 0 for logit in logits) / len(logits), losses / len(logits), logits


@pytest.mark.parametrize(("rows", "trials", "splits"), ((61, 7, 6), (80, 2, 8), (40, 30, 2)))
def test_overfitting_equals_its_definition(rows: int, trials: int, splits: int) -> None:
    returns = noise(rows, trials, seed=rows) + 0.002
    found, (probability, loss, logits) = overfitting(returns, splits=splits), plain_overfitting(returns, splits)
    assert found is not None
    assert (found.probability, found.loss_probability) == (probability, loss)
    assert found.logits == pytest.approx(np.array(logits), rel=1e-9)
    assert found.dropped_rows == rows % splits


def test_work_in_small_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = noise(64, 5, seed=25)
    whole = overfitting(returns, splits=8)
    monkeypatch.setattr("candlecast.backtest.significance.CELLS", 40)  # eight halves at once, and a rest
    pieces = overfitting(returns, splits=8)
    assert whole is not None
    assert pieces is not None
    assert pieces.logits == pytest.approx(whole.logits)
    assert pieces.loss_probability == whole.loss_probability


def test_a_choice_among_noise_is_worth_nothing() -> None:
    found = [overfitting(noise(160, 20, seed=seed), splits=8) for seed in range(100, 140)]
    assert np.mean([of.probability for of in found if of]) == pytest.approx(0.5, abs=0.08)


def test_a_planted_edge_is_no_overfitting() -> None:
    returns = noise(320, 50, seed=26)
    returns[:, 17] += 0.006
    found = overfitting(returns)
    assert found is not None
    assert len(found.logits) == math.comb(16, 8)
    assert found.probability < 0.001
    assert found.loss_probability < 0.001


def test_trials_that_win_in_one_part_alone_are_overfitting() -> None:
    returns = noise(320, 20, seed=27)
    for column in range(20):  # each trial wins in one part and loses as much in all others together
        returns[16 * (column % 16) : 16 * (column % 16 + 1), column] += 0.03
        returns[:, column] -= 0.03 / 16
    found = overfitting(returns)
    assert found is not None
    assert found.probability > 0.9


def test_equal_trials_share_the_middle_rank() -> None:
    found = overfitting(np.repeat(noise(64, 1, seed=28), 9, axis=1), splits=4)
    assert found is not None
    assert found.logits.tolist() == [0.0] * 6
    assert found.probability == 1.0  # a choice among equals is worth nothing


def test_a_trial_that_stops_trading_has_the_ratio_zero_since() -> None:
    returns = np.zeros((8, 3))
    returns[:4, 0] = (0.01, 0.02, 0.01, 0.02)  # best of the first half, still in the second
    returns[:, 1] = (-0.01, -0.02) * 4
    returns[4:, 2] = (0.01, 0.03, 0.01, 0.03)
    found = overfitting(returns, splits=2)
    assert found is not None
    assert found.logits == pytest.approx(np.array([math.log(2 / 2), math.log(2 / 2)]))  # second of three, each time
    assert found.loss_probability == 0.0


def test_too_few_rows_have_no_probability_of_overfitting() -> None:
    assert overfitting(noise(31, 4, seed=29)) is None
    assert overfitting(noise(32, 4, seed=29)) is not None


@pytest.mark.parametrize("splits", (0, 3, MOST_SPLITS + 2))
def test_splits_that_make_no_halves_are_refused(splits: int) -> None:
    with pytest.raises(InvalidValue, match="splits"):
        overfitting(noise(100, 2, seed=30), splits=splits)


@pytest.mark.parametrize("returns", (np.zeros((40, 1)), np.zeros(40), np.full((40, 2), np.nan), np.zeros((1, 2))))
def test_a_matrix_that_makes_no_sense_is_refused(returns: Floats) -> None:
    with pytest.raises(InvalidValue):
        overfitting(returns)


def streaks() -> Floats:
    """Five hundred days: ten good ones, then ten bad ones, and so on."""
    return steps(500, 0.0, 0.002, seed=31) + np.where(np.arange(500) // 10 % 2 == 0, 0.01, -0.01)


def test_the_same_seed_gives_the_same_bands_and_another_seed_others() -> None:
    found, again, other = (bootstrap(streaks(), cash=100.0, seed=seed) for seed in (1, 1, 2))
    assert found is not None
    assert again is not None
    assert other is not None
    assert found.equity.tobytes() == again.equity.tobytes()
    assert found.max_drawdown.tobytes() == again.max_drawdown.tobytes()
    assert not np.array_equal(found.final_equity, other.final_equity)


def test_bands_are_ordered_and_end_at_the_last_observation() -> None:
    bands = bootstrap(streaks(), cash=100.0, seed=1)
    assert bands is not None
    assert bands.equity.shape == (len(LEVELS), len(bands.rows))
    assert (np.diff(bands.equity, axis=0) >= 0).all()
    assert (np.diff(bands.max_drawdown) >= 0).all()
    assert (bands.rows[0], bands.rows[-1]) == (0, 499)
    assert bands.final_equity.tolist() == bands.equity[:, -1].tolist()
    assert ((bands.max_drawdown >= 0) & (bands.max_drawdown <= 1)).all()


def test_bands_stand_at_every_day_of_a_short_backtest() -> None:
    bands = bootstrap(np.array([0.1, -0.1, 0.1]), cash=100.0, seed=1)
    assert bands is not None
    assert bands.rows.tolist() == [0, 1, 2]
    assert bands.equity[0, 0] == pytest.approx(90.0)
    assert bands.equity[-1, 0] == pytest.approx(110.0)
    assert bands.block_length == pytest.approx(3 ** (1 / 3))


def test_returns_that_never_differ_have_one_path() -> None:
    bands = bootstrap(np.full(100, 0.01), cash=100.0, seed=1)
    assert bands is not None
    assert bands.final_equity == pytest.approx(100 * 1.01**100)
    assert bands.max_drawdown.tolist() == [0.0] * len(LEVELS)
    assert bands.loss_probability == 0.0


def test_the_middle_of_the_band_is_the_growth_of_the_backtest() -> None:
    returns = steps(400, 0.002, 0.01, seed=32)
    bands = bootstrap(returns, cash=100.0, seed=1)
    assert bands is not None
    growth = float(np.log1p(returns).sum())
    assert math.log(bands.final_equity[2] / 100) == pytest.approx(growth, rel=0.05)
    deviation = float(np.log1p(returns).std()) * math.sqrt(400)
    spread = math.log(bands.final_equity[4] / bands.final_equity[0])
    assert spread == pytest.approx(2 * 1.645 * deviation, rel=0.15)  # of independent returns
    assert bands.loss_probability == pytest.approx(NormalDist(growth, deviation).cdf(0.0), abs=0.03)


def test_a_fall_of_the_band_counts_from_the_cash() -> None:
    bands = bootstrap(np.full(3, -0.1), cash=100.0, seed=1)
    assert bands is not None
    assert bands.max_drawdown == pytest.approx(1 - 0.9**3)
    assert bands.loss_probability == 1.0


def test_blocks_keep_streaks_that_a_shuffle_would_break() -> None:
    returns = streaks()
    kept = bootstrap(returns, cash=100.0, seed=1)
    broken = bootstrap(np.random.default_rng(1).permutation(returns), cash=100.0, seed=1)
    assert kept is not None
    assert broken is not None
    assert kept.max_drawdown[2] > 1.3 * broken.max_drawdown[2]


def test_half_of_the_samples_of_a_fair_game_lose() -> None:
    returns = np.expm1(np.concatenate((np.full(200, 0.01), np.full(200, -0.01))))
    bands = bootstrap(np.random.default_rng(2).permutation(returns), cash=100.0, seed=1)
    assert bands is not None
    assert bands.loss_probability == pytest.approx(0.5, abs=0.08)


def test_the_mean_block_grows_as_the_cube_root() -> None:
    assert [block_length(count) for count in (1, 8, 1000)] == pytest.approx([1.0, 2.0, 10.0])


def test_growth_beyond_float64_stays_finite() -> None:
    bands = bootstrap(np.full(2000, 0.9), cash=1e6, seed=1)
    assert bands is not None
    assert np.isfinite(bands.equity).all()


def test_one_return_has_no_band() -> None:
    assert bootstrap(np.array([0.1]), cash=100.0, seed=1) is None


@pytest.mark.parametrize(
    ("returns", "cash", "samples", "message"),
    (
        ([0.1, -1.0], 100.0, 10, "above -1"),
        ([0.1, math.nan], 100.0, 10, "finite"),
        ([0.1, 0.2], 0.0, 10, "cash"),
        ([0.1, 0.2], 100.0, 0, "samples"),
        ([0.1, 0.2], 100.0, MOST_SAMPLES + 1, "samples"),
    ),
)
def test_a_bootstrap_that_makes_no_sense_is_refused(returns: list[float], cash: float, samples: int, message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        bootstrap(np.array(returns), cash=cash, seed=1, samples=samples)
