"""Strategies: create, upload, change, release; show them and their records; the marketplace.

More than a dozen modules, because each is one use case of the same definition.
"""
