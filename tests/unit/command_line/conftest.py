"""Larger than a dozen because each group of commands has its module of tests, beside those that hold for all groups."""
