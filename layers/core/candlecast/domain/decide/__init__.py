"""The decision about one order message: which legs, how large, and whether a limit forbids them."""
