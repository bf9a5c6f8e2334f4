"""The suites are tried, too: a mechanism is taken out of the product's code, and they must turn red."""
