"""In-memory implementations of every port; one contract suite runs on them and on the real adapters.

Larger than a dozen because each port has a fake of its own.
"""
