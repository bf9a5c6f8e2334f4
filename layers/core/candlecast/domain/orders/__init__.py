"""Intents from decision to fill: states, fills, retries, positions, sizes, stops and targets."""
