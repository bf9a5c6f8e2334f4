"""Actions of an operator that no tenant has, and the operator's key."""
