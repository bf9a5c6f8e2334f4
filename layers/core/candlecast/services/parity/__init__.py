"""Compare the runs of a day with a backtest."""
