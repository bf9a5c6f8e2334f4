"""Orders: decide, place, settle and follow the legs of one account, and the unit of work that records what became of them."""
