"""Tests of backtests: one module for each module of `candlecast.backtest`, and for each path against the others.

More than a dozen, because each path and each comparison has a module.
"""
