"""How many copies there are of an item that the gate of every order reads: one partition serves 3,000 such reads a second."""

from __future__ import annotations

from zlib import crc32

COPIES = 4  # 5,000 orders a second are 1,250 reads of each; a strongly consistent read of an item below 4 kB is one unit


def copy_of(account_id: str) -> int:
    """The copy that an account always reads, so that a switch is in force for all of its orders at once. 0 is the item itself."""
    return crc32(account_id.encode()) % COPIES
