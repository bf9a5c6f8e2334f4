"""What an operator does that no tenant can, and the operator's key."""
