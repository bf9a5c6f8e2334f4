"""Laws of doubt for any returns: leverage and the order of trials change nothing, and probabilities stay within 0 and 1."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.backtest.significance import bootstrap, deflated_sharpe, independent_trials, overfitting, shape
from candlecast.strategy import Floats

SPLITS = 4
steps = st.integers(-2000, 2000).map(lambda value: value / 10_000)

pytestmark = pytest.mark.slow


@st.composite
def sweeps(draw: st.DrawFn) -> Floats:
    """Returns of two to six trials, by column."""
    rows, trials = draw(st.integers(2 * SPLITS, 20)), draw(st.integers(2, 6))
    return np.array(draw(st.lists(steps, min_size=rows * trials, max_size=rows * trials))).reshape(rows, trials)


@given(sweeps(), st.integers(-3, 3))
def test_leverage_changes_no_doubt(returns: Floats, power: int) -> None:
    levered = returns * 2.0**power
    here, there = overfitting(returns, splits=SPLITS), overfitting(levered, splits=SPLITS)
    assert here is not None
    assert there is not None
    assert there.logits.tolist() == here.logits.tolist()
    of, levered_of = shape(returns[:, 0]), shape(levered[:, 0])
    assert (of is None) == (levered_of is None)
    if of is not None and levered_of is not None:
        assert astuple(levered_of) == pytest.approx(astuple(of), rel=1e-12)
    assert independent_trials(levered) == pytest.approx(independent_trials(returns))


@given(sweeps())
def test_the_order_of_trials_changes_no_count(returns: Floats) -> None:
    turned = returns[:, ::-1]
    assert independent_trials(turned) == pytest.approx(independent_trials(returns))
    assert 1 <= independent_trials(returns) <= returns.shape[1]


@given(sweeps(), st.integers(1, 10**6))
def test_probabilities_stay_within_their_bounds(returns: Floats, trials: int) -> None:
    found, of = overfitting(returns, splits=SPLITS), shape(returns[:, 0])
    assert found is not None
    assert 0 <= found.probability <= 1
    assert 0 <= found.loss_probability <= 1
    assert np.isfinite(found.logits).all()
    deflated = None if of is None else deflated_sharpe(of, trials=trials, variance=0.01)
    assert deflated is None or 0 <= deflated <= 1


@given(sweeps(), st.integers(0, 2**32 - 1))
def test_bands_are_finite_and_scale_with_the_cash(returns: Floats, seed: int) -> None:
    one, eight = (bootstrap(returns[:, 0], cash=cash, seed=seed, samples=20) for cash in (100.0, 800.0))
    assert one is not None
    assert eight is not None
    assert np.isfinite(one.equity).all()
    assert ((one.max_drawdown >= 0) & (one.max_drawdown <= 1)).all()
    assert eight.equity == pytest.approx(8 * one.equity, rel=1e-12)
    assert eight.max_drawdown.tolist() == one.max_drawdown.tolist()
    assert eight.loss_probability == one.loss_probability
