"""The helpers of tests: builders, fakes, and the wiring that several suites share."""
