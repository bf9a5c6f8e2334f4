"""Signals, the orders that they ask for, and the messages that carry them."""
