"""The order protocol: execute, place, settle and follow orders."""
