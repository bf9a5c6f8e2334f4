"""The fate of orders: at once, at rest, when triggered, and in a liquidation."""
