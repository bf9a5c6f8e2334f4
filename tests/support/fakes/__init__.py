"""In-memory implementations of every port; one contract suite runs on them and on the real adapters."""
