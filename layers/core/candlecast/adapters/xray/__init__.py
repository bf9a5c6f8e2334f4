"""X-Ray: the trace of the work at hand, and the daemon that takes its documents."""
