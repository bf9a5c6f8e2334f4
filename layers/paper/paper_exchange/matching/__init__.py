"""What becomes of orders: at once, while they rest, when the market moves, when a position can no longer be carried."""
