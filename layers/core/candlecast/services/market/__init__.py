"""From the clock to a strategy's run on a candle, and the candle store."""
