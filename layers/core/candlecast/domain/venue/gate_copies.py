"""How many copies there are of an item that the gate of every order reads: one partition serves 3,000 such reads a second."""

from __future__ import annotations

COPIES = 4  # 5,000 orders a second are 1,250 reads of each; a strongly consistent read of an item below 4 kB is one unit
