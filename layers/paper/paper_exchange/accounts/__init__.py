"""An account: balances, positions, the margin that they need, and the funding that they pay."""
