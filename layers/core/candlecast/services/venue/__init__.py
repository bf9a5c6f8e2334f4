"""The guards around every request to a venue: gate, circuit breaker, weight budget."""
