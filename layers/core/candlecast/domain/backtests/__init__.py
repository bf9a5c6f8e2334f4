"""Backtests as a service: a plan, its progress, its end."""
