"""What the services need of the outside, as protocols; `adapters` has the real ones, `tests/support/fakes` the ones for tests."""
