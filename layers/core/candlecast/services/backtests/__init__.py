"""Use cases of backtests: ask, compute, cancel, end, show results."""
