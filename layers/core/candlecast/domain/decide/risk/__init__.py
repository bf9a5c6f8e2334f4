"""The risk engine: every limit that is set is evaluated for an entry, and the first that it breaks denies it.

One file a family of limits; `evaluate.py` puts them together. An exit passes none: it is only capped to what is held.
"""
