"""Follow a strategy, change how, and stop."""
