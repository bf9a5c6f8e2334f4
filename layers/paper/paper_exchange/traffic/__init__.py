"""How much may be asked of the venue, and which of its answers go wrong on purpose."""
