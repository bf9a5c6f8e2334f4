"""The needs of the services from the outside, as protocols; `adapters` has the real ones, `tests/support/fakes` the ones for tests."""
