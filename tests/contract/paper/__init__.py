"""The paper exchange as a client sees it.

Larger than a dozen because each module holds one rule of the venue against ccxt or against the venue's dialect.
"""
