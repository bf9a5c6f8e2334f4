"""Objects in S3: the catalogue of markets, the candle store, the archive of events, uploaded code."""
