"""One look in more than a dozen modules: each is a kind of trouble, and they share the services of `tests/support/`."""
