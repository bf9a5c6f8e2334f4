"""Read, change, validate and explain limits."""
