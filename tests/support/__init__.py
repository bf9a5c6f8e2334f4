"""The helpers of tests: builders, fakes, and the wiring that several suites share.

One file for each helper, so that a suite imports no other suite's world: hence more than a dozen.
"""
