"""The main job on this machine: recorded candles through the real stack, from a candle's close to filled orders of many users."""
