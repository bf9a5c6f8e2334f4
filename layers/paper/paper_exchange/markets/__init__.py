"""Markets with their rules, candles and prices, and the market clock."""
