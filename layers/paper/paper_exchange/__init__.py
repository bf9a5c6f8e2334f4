"""A venue of our own in the dialect of Binance USD-M futures: a package by itself, which knows nothing of candlecast."""
