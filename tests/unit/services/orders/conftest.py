"""The suites of the order protocol: one file for each story of an order, hence more than a dozen."""
