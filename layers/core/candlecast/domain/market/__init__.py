"""Markets and candles."""
