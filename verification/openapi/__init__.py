"""The API asked by its own description: Schemathesis with all its checks, as every role and without a token."""
