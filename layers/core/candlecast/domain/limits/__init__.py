"""The limits that people set, and what they are compared with."""
