"""Objects in S3: the catalogue of markets, the archive of events, uploaded code."""
