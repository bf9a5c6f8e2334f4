"""Texts of objects as gzip: the same text gives the same bytes, and no object opens into more than it may be."""

from __future__ import annotations

import gzip
import zlib

from candlecast.domain.values.errors import InvalidValue

CONTENT_TYPE = "application/gzip"
LEVEL = 6  # gzip's own default: some milliseconds for a hundred kilobytes
GZIP_FRAME = 16  # zlib's sign for a text with gzip's frame


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), LEVEL, mtime=0)


def decompressed(body: bytes, most: int) -> str:
    """The text; raises `InvalidValue` (UNREADABLE) for a body that is damaged, cut off, or longer than `most` bytes."""
    opener = zlib.decompressobj(wbits=zlib.MAX_WBITS | GZIP_FRAME)
    try:
        text = opener.decompress(body, most)
        if opener.eof:
            return text.decode()
    except (ValueError, zlib.error):
        pass
    raise InvalidValue("the object is damaged, cut off, or too long", code="UNREADABLE")
