"""Whether live decides as a backtest does."""
