"""What a venue is known to do: its rules, its reports, its circuit breaker and its weight budget."""
