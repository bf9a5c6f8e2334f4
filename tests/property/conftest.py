"""Laws that hold for any input.

Larger than a dozen because each mechanism that has a law has a module.
"""
