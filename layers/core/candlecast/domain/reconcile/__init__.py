"""The decisions about each difference between an account and its venue."""
