"""Subscriptions with their settings, and the order message that a signal becomes for each of them."""
