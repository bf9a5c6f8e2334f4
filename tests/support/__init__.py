"""What several suites of tests share: how services are wired, apart from the composition root's adapters."""
