"""Rules and reports of a venue, its circuit breaker and its weight budget."""
