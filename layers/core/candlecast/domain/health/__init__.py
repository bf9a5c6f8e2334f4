"""The health of a deployment: one state for each component."""
