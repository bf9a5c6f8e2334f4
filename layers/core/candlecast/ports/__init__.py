"""What the services need of the outside, as protocols; `adapters` has the real ones, `tests/fakes` the ones for tests."""
