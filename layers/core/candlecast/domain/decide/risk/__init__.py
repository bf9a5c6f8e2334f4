"""The risk engine: every limit that is set is evaluated for an entry, and the first broken limit denies the entry.

One file a family of limits; `evaluate.py` puts them together. An exit passes no limit: it is only capped to the held quantity.
"""
