"""A backtest: past candles, the same strategy as live, and numbers that a stranger can trust."""
