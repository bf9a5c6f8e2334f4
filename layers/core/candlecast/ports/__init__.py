"""The needs of the services, as protocols: one file for each need, hence more than a dozen.

`adapters/` implements them for production, `tests/support/fakes/` for tests.
"""
