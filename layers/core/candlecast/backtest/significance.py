"""Doubt about a backtest: how likely chance alone, or the choice among many trials, explains its result.

- The probabilistic Sharpe ratio: the probability that the true ratio is above a benchmark, by length and shape of the returns.
- The deflated Sharpe ratio: the same against the best ratio that as many worthless trials would have shown.
- The probability of backtest overfitting: how often the best of a sweep in one half of the time is below the middle in the other.
- Bootstrap bands: the spread of equity and drawdown, had the same days come in another order and number.

Sharpe ratios here are of one observation, which is a day if the returns are daily. A ratio of a year is sqrt(365) times as
large. Randomness is an argument, a seed. A value that does not exist is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from candlecast.backtest.metrics import LARGEST_EXPONENT, ROUNDING
from candlecast.domain.values.errors import InvalidValue
from candlecast.strategy import Floats
from candlecast.strategy.candles import Integers

NORMAL = NormalDist()
EULER_MASCHERONI = 0.5772156649015329
SPLITS = 16  # Bailey et al. 2017: 12,870 combinations
MOST_SPLITS = 18  # 48,620 combinations; each two splits more cost four times the time
FEWEST_ROWS = 2  # of a split, so that its deviation exists
SAMPLES = 1000
MOST_SAMPLES = 10_000
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
BAND_POINTS = 200  # of a band over time: more than a picture shows
CELLS = 65_536  # of a matrix that is worked on at once: half a MiB of float64
TIE = 1e-12  # equal columns differ by less than this, by the order of their sums


@dataclass(frozen=True, slots=True)
class Shape:
    """Length and moments of returns; all divisors are n but that of the Sharpe ratio's deviation, which is n - 1."""

    observations: int
    sharpe: float  # mean / sample standard deviation, of one observation
    skewness: float
    kurtosis: float  # 3 for the normal distribution


def shape(returns: Floats) -> Shape | None:
    """The shape of returns; None with fewer than two, or where they do not differ."""
    if len(returns) < 2 or float(np.ptp(returns)) <= ROUNDING:
        return None
    excess = returns - returns.mean()
    variance = float(np.square(excess).mean())
    return Shape(
        observations=len(returns),
        sharpe=float(returns.mean()) / float(returns.std(ddof=1)),
        skewness=float((excess**3).mean()) / variance**1.5,
        kurtosis=float((excess**4).mean()) / variance**2,
    )


def probabilistic_sharpe(of: Shape, benchmark: float = 0.0) -> float | None:
    """Probability that the true Sharpe ratio is above `benchmark`.

    Bailey and Lopez de Prado 2012, The Sharpe Ratio Efficient Frontier:
    `Z[(SR - benchmark) x sqrt(n - 1) / sqrt(1 - skewness x SR + (kurtosis - 1) / 4 x SR ** 2)]`.
    Z is the normal distribution. None where the variance of the estimate is not above zero.
    """
    variance = 1 - of.skewness * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2
    if variance <= ROUNDING:
        return None
    return NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.observations - 1) / math.sqrt(variance))


def expected_best_sharpe(trials: float, variance: float) -> float:
    """The best Sharpe ratio to expect of `trials` independent trials without skill, whose ratios have this variance.

    Bailey and Lopez de Prado 2014, The Deflated Sharpe Ratio, equation 1:
    `sqrt(variance) x ((1 - g) x Z^-1[1 - 1/N] + g x Z^-1[1 - 1/(N e)])`, where g is the Euler-Mascheroni constant.
    Zero for a single trial.
    """
    if not (math.isfinite(trials) and trials >= 1 and math.isfinite(variance) and variance >= 0):
        raise InvalidValue("trials must be one or more, and the variance of their ratios must not be negative")
    if trials == 1:
        return 0.0
    quantiles = -NORMAL.inv_cdf(1 / trials), -NORMAL.inv_cdf(1 / (trials * math.e))
    best = (1 - EULER_MASCHERONI) * quantiles[0] + EULER_MASCHERONI * quantiles[1]
    return math.sqrt(variance) * max(0.0, best)  # the approximation falls below zero for less than two trials


def deflated_sharpe(of: Shape, *, trials: float, variance: float) -> float | None:
    """Probability that the true Sharpe ratio is above the best that `trials` worthless trials would have shown.

    The probabilistic Sharpe ratio against `expected_best_sharpe` (Bailey and Lopez de Prado 2014, equation 2). `variance` is
    the variance of the trials' ratios: `sharpes`. Trials that resemble each other count less: `independent_trials`.
    """
    return probabilistic_sharpe(of, expected_best_sharpe(trials, variance))


def sharpes(returns: Floats) -> Floats:
    """The Sharpe ratio of each column, of one observation; zero for a column that stands still. Two rows or more."""
    rows, _ = _matrix(returns)
    center = returns.mean(axis=0)
    return _sharpe(np.zeros_like(center), np.square(returns - center).sum(axis=0), center, rows)


def independent_trials(returns: Floats) -> float:
    """The number of independent trials among columns that resemble each other: c + (1 - c) x N.

    Bailey and Lopez de Prado 2014, appendix 3. `returns` has a row for each observation and a column for each trial. The mean
    correlation of two columns is c, at least zero. Columns that stand still are correlated with none.
    """
    rows, trials = _matrix(returns)
    if trials == 1:
        return 1.0
    excess = returns - returns.mean(axis=0)
    lengths = np.sqrt(np.square(excess).sum(axis=0))
    unit = excess / np.where(lengths <= ROUNDING * math.sqrt(rows), np.inf, lengths)
    # The sum over all pairs is the square of the sum of unit columns, less each column with itself.
    pairs = float(np.square(unit.sum(axis=1)).sum() - np.square(unit).sum())
    correlation = max(0.0, pairs / (trials * (trials - 1)))
    return max(1.0, correlation + (1 - correlation) * trials)


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """How the best trial of one half of the time does in the other half, over all halves that splits make."""

    probability: float  # share of halves whose best trial is at or below the middle of all trials in the other half
    loss_probability: float  # share of halves whose best trial has a Sharpe ratio below zero in the other half
    logits: Floats  # of the relative rank in the other half, one a half: above zero is above the middle
    dropped_rows: int  # oldest observations that were left out, so that all splits have the same length


def overfitting(returns: Floats, *, splits: int = SPLITS) -> Overfitting | None:
    """Probability of backtest overfitting, by combinatorially symmetric cross-validation.

    Bailey, Borwein, Lopez de Prado, Zhu 2017, The Probability of Backtest Overfitting: `returns` has a row for each observation
    and a column for each trial. Its rows are cut into `splits` parts of equal length. Each half of the parts chooses the trial
    with the highest Sharpe ratio. In the other half that trial has a rank among all. The logit of the rank is at or below zero
    where the choice was worth nothing. A column that stands still has the ratio zero; equal ratios share the mean of their ranks.

    None where a part would have fewer than `FEWEST_ROWS` rows. Raises `InvalidValue` on fewer than two trials, and on values that
    are not finite. Raises it on a number of splits that is odd, below two or above `MOST_SPLITS`.
    """
    if splits % 2 or not 2 <= splits <= MOST_SPLITS:
        raise InvalidValue(f"splits must be even, from 2 to {MOST_SPLITS}")
    rows, trials = _matrix(returns)
    if trials < 2:
        raise InvalidValue("overfitting is a choice among two or more trials")
    length = rows // splits
    if length < FEWEST_ROWS:
        return None
    dropped = rows - length * splits
    kept = returns[dropped:]
    center = kept.mean(axis=0)
    parts = (kept - center).reshape(splits, length, trials)
    sums, squares = parts.sum(axis=1), np.square(parts).sum(axis=1)
    halves = _halves(splits)
    pairs, chunk, count = len(halves) // 2, max(1, CELLS // trials), length * splits // 2
    logits, losses = np.empty(len(halves)), 0
    for first in range(0, pairs, chunk):  # the last half is the rest of the first, the last but one that of the second ...
        chosen = halves[first : min(first + chunk, pairs)]
        here, there = (_sharpe(_add(half, sums), _add(half, squares), center, count) for half in (chosen, 1 - chosen))
        last = len(halves) - first
        for target, seen, unseen in (
            (slice(first, first + len(chosen)), here, there),
            (slice(last - len(chosen), last), there[::-1], here[::-1]),
        ):
            logits[target], lost = _judge(seen, unseen)
            losses += lost
    worthless = int(np.count_nonzero(logits <= 0))
    return Overfitting(worthless / len(halves), losses / len(halves), logits, dropped)


def _judge(seen: Floats, unseen: Floats) -> tuple[Floats, int]:
    """The logit of the unseen rank of each row's best seen trial, and how many of these trials lose unseen."""
    best = np.take_along_axis(unseen, seen.argmax(axis=1)[:, None], axis=1)
    below = np.count_nonzero(unseen < best - TIE, axis=1)
    equal = np.count_nonzero(unseen <= best + TIE, axis=1) - below
    rank = below + (equal + 1) / 2
    return np.log(rank / (unseen.shape[1] + 1 - rank)), int(np.count_nonzero(best < 0))


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """The spread of results that days like those of the backtest could have had; `LEVELS` are the quantiles."""

    block_length: float  # mean length of a block, in observations
    samples: int
    final_equity: Floats  # by level
    max_drawdown: Floats  # by level: 0 to 1
    loss_probability: float  # share of samples that end below the cash
    rows: Integers  # observations at which `equity` stands, ascending, the last one included
    equity: Floats  # by level and row


def block_length(observations: int) -> float:
    """The mean length of a block: the cube root of the number of observations, the best order (Politis and Romano 1994)."""
    return max(1.0, math.cbrt(observations))


def bootstrap(returns: Floats, *, cash: float, seed: int, samples: int = SAMPLES) -> Bands | None:
    """Bands of equity and drawdown by the stationary bootstrap (Politis and Romano 1994, The Stationary Bootstrap).

    Each sample has as many observations as `returns`, as blocks of returns that follow one another. A block begins anywhere and
    wraps around the end. Block lengths are geometric with the mean `block_length`, so streaks of that length remain. None with
    fewer than two returns. Raises `InvalidValue` on returns at or below -1 or not finite, cash at or below zero, and samples
    outside 1 to `MOST_SAMPLES`.
    """
    if not (math.isfinite(cash) and cash > 0):
        raise InvalidValue("cash must be finite and above zero")
    if not 1 <= samples <= MOST_SAMPLES:
        raise InvalidValue(f"samples must be from 1 to {MOST_SAMPLES}")
    if not bool((np.isfinite(returns) & (returns > -1)).all()):
        raise InvalidValue("returns must be finite and above -1")
    count = len(returns)
    if count < 2:
        return None
    generator, growth, length = np.random.default_rng(seed), np.log1p(returns), block_length(count)
    rows = np.unique(np.linspace(0, count - 1, BAND_POINTS).round().astype(np.int64))
    paths, falls = np.empty((samples, len(rows))), np.empty(samples)
    chunk = max(1, CELLS // count)
    for first in range(0, samples, chunk):
        drawn = _resampled(generator, min(chunk, samples - first), count, length)
        logs = np.cumsum(growth[drawn], axis=1)
        peak = np.maximum(np.maximum.accumulate(logs, axis=1), 0.0)
        falls[first : first + chunk] = -np.expm1((logs - peak).min(axis=1))
        paths[first : first + chunk] = logs[:, rows]
    ends = np.quantile(paths, LEVELS, axis=0) + math.log(cash)
    equity = np.exp(np.minimum(ends, LARGEST_EXPONENT))
    losses = int(np.count_nonzero(paths[:, -1] < 0))
    return Bands(length, samples, equity[:, -1].copy(), np.quantile(falls, LEVELS), losses / samples, rows, equity)


def _resampled(generator: np.random.Generator, samples: int, count: int, length: float) -> Integers:
    """Rows of the returns for each sample: a new block begins with probability 1 / length, else the next row follows.

    A block is the distance of its rows from their positions: uniform, as its first row is.
    """
    position = np.arange(count)
    begins = generator.random((samples, count)) < 1 / length
    distances = generator.integers(0, count, (samples, count))
    begun = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    return (np.take_along_axis(distances, begun, axis=1) + position) % count


def _matrix(returns: Floats) -> tuple[int, int]:
    """Rows and columns of finite returns, two rows and one column at least."""
    if returns.ndim != 2 or returns.shape[0] < 2 or returns.shape[1] < 1:
        raise InvalidValue("returns must have a row for each observation, two or more, and a column for each trial")
    if not bool(np.isfinite(returns).all()):
        raise InvalidValue("returns must be finite")
    return returns.shape[0], returns.shape[1]


def _halves(splits: int) -> Floats:
    """All choices of half of the parts, one a row: 1 for a part that is chosen."""
    chosen = np.array(list(combinations(range(splits), splits // 2)), dtype=np.int64)
    halves = np.zeros((len(chosen), splits))
    np.put_along_axis(halves, chosen, 1.0, axis=1)
    return halves


def _add(halves: Floats, parts: Floats) -> Floats:
    """The sum of the chosen parts for each half. A product by BLAS would wake threads for matrices of sixteen columns."""
    sums: Floats = np.einsum("hp,pt->ht", halves, parts)
    return sums


def _sharpe(sums: Floats, squares: Floats, center: Floats, count: int) -> Floats:
    """Sharpe ratios from sums and squares of `count` returns less their column's `center`; zero for returns that stand still."""
    deviation = squares - sums * sums / count
    deviation[deviation <= TIE * squares + ROUNDING**2 * count] = np.inf
    ratio: Floats = (center + sums / count) * np.sqrt((count - 1) / deviation)
    return ratio
