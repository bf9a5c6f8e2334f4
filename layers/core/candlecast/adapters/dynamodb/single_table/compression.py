"""Text as the table keeps it where it is paid by the kilobyte: compressed, an account's with a dictionary.

Older forms can be read: plain text, and text that was compressed without a dictionary.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

from candlecast.adapters.dynamodb.single_table.dictionary import DICTIONARY

PLAIN_LEVEL = 4  # some 20 microseconds for a text of 5 kB, 0.8 ms for the largest account
PACKED_LEVEL = 6  # of a primed compressor; as fast for an order's text as level 4, and a tenth smaller


def compressed(text: str) -> bytes:
    """The text, compressed by itself."""
    return zlib.compress(text.encode(), PLAIN_LEVEL)


def packed(text: str) -> bytes:
    """An account's text, compressed with the dictionary: about half of its size without."""
    compressor = _primed().copy()
    return b"".join((compressor.compress(text.encode()), compressor.flush()))


def decompressed(value: bytes) -> str:
    """The text of either; raises `ValueError` for anything else, text of another dictionary included."""
    opener = zlib.decompressobj(zdict=DICTIONARY)
    try:
        text = opener.decompress(value)
    except zlib.error as error:
        raise ValueError("not compressed text") from error
    if not opener.eof or opener.unused_data:
        raise ValueError("not compressed text, or not all of it")
    return text.decode()


@cache
def _primed() -> Any:
    """A compressor that has taken in the dictionary, to be copied: half the time of compressing an account would go there."""
    return zlib.compressobj(PACKED_LEVEL, zdict=DICTIONARY)
