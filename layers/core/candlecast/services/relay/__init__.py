"""Project events to history and publish them."""
