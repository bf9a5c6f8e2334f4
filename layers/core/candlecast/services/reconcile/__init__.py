"""Make an account agree with its venue."""
