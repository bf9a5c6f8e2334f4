"""In-memory implementations of every port; one contract suite runs on them and on the real adapters.

One file for each port, hence more than a dozen.
"""
