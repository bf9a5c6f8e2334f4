"""Metrics by empyrical, quantstats, scipy, backtesting.py and pandas: runs in the environment `engines`, which has no candlecast.

Reads columns by case from the file that is its argument, writes metrics by case to standard output.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import quantstats
import scipy.stats
from backtesting._stats import compute_drawdown_duration_peaks, compute_stats

YEAR = {"annualization": 365}


def daily(values: pd.Series, start: float) -> pd.Series:
    """Returns of UTC days; a day without a candle keeps the value of the day before."""
    ends = values.resample("1D").last().ffill()
    return pd.concat([pd.Series([start]), ends]).pct_change().iloc[1:].set_axis(ends.index)


def of_days(returns: pd.Series, market: pd.Series) -> dict[str, float]:
    greeks = quantstats.stats.greeks(returns, market, periods=365, prepare_returns=False)
    return {
        "days": len(returns),
        "total_return": float(empyrical.cum_returns_final(returns)),
        "annual_return": float(empyrical.cagr(returns, **YEAR)),
        "volatility": float(empyrical.annual_volatility(returns, **YEAR)),
        "sharpe_ratio": float(empyrical.sharpe_ratio(returns, **YEAR)),
        "sortino_ratio": float(empyrical.sortino_ratio(returns, **YEAR)),
        "omega_ratio": float(empyrical.omega_ratio(returns)),
        "value_at_risk": -float(empyrical.value_at_risk(returns)),
        "conditional_value_at_risk": -float(empyrical.conditional_value_at_risk(returns)),
        "alpha": float(greeks["alpha"]),
        "beta": float(greeks["beta"]),
        "buy_and_hold_return": float(empyrical.cum_returns_final(market)),
        "buy_and_hold_annual_return": float(empyrical.cagr(market, **YEAR)),
        "buy_and_hold_sharpe_ratio": float(quantstats.stats.sharpe(market, periods=365)),
    }


def of_candles(case: dict[str, Any]) -> dict[str, float]:
    """Falls at each candle's close; the cash stands one candle before the first."""
    step = min(np.diff(case["time"]))
    index = pd.to_datetime([case["time"][0] - step, *case["time"]], unit="ms")
    curve = pd.Series([case["cash"], *case["equity"]], index=index)
    closes = pd.Series([case["close"][0], *case["close"]], index=index)
    falls = 1 - curve / curve.cummax()
    lengths, depths = compute_drawdown_duration_peaks(falls)
    return {
        "max_drawdown": -float(empyrical.max_drawdown(curve.pct_change().iloc[1:])),
        "longest_drawdown_ms": int(pd.Timedelta(lengths.max()).total_seconds() * 1000),
        "max_drawdown_length_ms": int(pd.Timedelta(lengths[depths.idxmax()]).total_seconds() * 1000),
        "buy_and_hold_max_drawdown": -float(quantstats.stats.max_drawdown(closes)),
    }


def of_trades(case: dict[str, Any]) -> dict[str, float]:
    """backtesting.py computes the factor from its column of returns, so that column has the profits here."""
    pnl = pd.Series(case["pnl"])
    entered, left = (pd.to_datetime(case[name], unit="ms") for name in ("entry_time", "exit_time"))
    index = pd.date_range("2022-01-01", periods=3, freq="D")
    stats = compute_stats(
        trades=pd.DataFrame({"PnL": pnl, "ReturnPct": pnl, "Duration": left - entered, "EntryBar": 0, "ExitBar": 1}),
        equity=np.array([1.0, 2.0, 1.5]),
        ohlc_data=pd.DataFrame({"Close": [1.0, 2.0, 3.0]}, index=index),
        strategy_instance=None,
    )
    return {
        "trades": int(stats["# Trades"]),
        "win_rate": float(stats["Win Rate [%]"]) / 100,
        "sqn": float(stats["SQN"]),
        "expectancy": float(stats["Expectancy [%]"]) / 100,
        "profit_factor": float(stats["Profit Factor"]),
        "payoff_ratio": float(quantstats.stats.payoff_ratio(pnl, prepare_returns=False)),
        "longest_losing_streak": int(quantstats.stats.consecutive_losses(pnl.set_axis(left), prepare_returns=False)),
    }


def shape_of(returns: pd.Series) -> dict[str, float]:
    """Moments by scipy, whose divisor is n; the probability by quantstats, from moments that pandas corrects for bias."""
    return {
        "observations": len(returns),
        "sharpe": float(empyrical.sharpe_ratio(returns, annualization=1)),
        "skewness": float(scipy.stats.skew(returns)),
        "kurtosis": float(scipy.stats.kurtosis(returns, fisher=False)),
        "corrected_skewness": float(returns.skew()),
        "corrected_kurtosis": float(returns.kurtosis()) + 3,
        "probabilistic_sharpe": float(quantstats.stats.probabilistic_sharpe_ratio(returns)),
    }


def metrics_of(case: dict[str, Any]) -> dict[str, dict[str, float]]:
    index = pd.to_datetime(case["time"], unit="ms")
    equity, close = (pd.Series(case[name], index=index) for name in ("equity", "close"))
    returns = daily(equity, case["cash"])
    days, candles = of_days(returns, daily(close, case["close"][0])), of_candles(case)
    calmar = days["annual_return"] / candles["max_drawdown"]
    return {"metrics": {**days, **candles, "calmar_ratio": calmar, **of_trades(case)}, "shape": shape_of(returns)}


def main() -> None:
    warnings.simplefilter("ignore")  # of libraries, about libraries
    cases = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.stdout.write(json.dumps({name: metrics_of(case) for name, case in cases.items()}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
