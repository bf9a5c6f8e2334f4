"""One contract suite for each port of the store.

Larger than a dozen because the store has that many ports, and races beside them.
"""
