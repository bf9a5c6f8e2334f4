"""Make an account agree with its venue.

More than a dozen modules: `reconcile_account.py` is the look, and each of the others is one of its parts.
"""
