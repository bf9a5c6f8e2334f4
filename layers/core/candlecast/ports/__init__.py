"""The needs of the services, as protocols: `adapters` has the real ones, `tests/support/fakes` those for tests."""
