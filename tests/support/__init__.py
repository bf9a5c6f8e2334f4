"""The helpers of tests: builders, fakes, and the wiring that several suites share.

Larger than a dozen because each module serves other suites: a suite imports what it needs and no more.
"""
