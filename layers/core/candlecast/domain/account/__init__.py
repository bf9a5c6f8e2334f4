"""The account: the one value that decides every order of one set of exchange keys."""
