"""Make an account agree with its venue.

More than a dozen modules: `reconcile_account.py` is the look, and most of the others are its parts. `value_positions.py` and
`sum_accounts.py` value what was found.
"""
