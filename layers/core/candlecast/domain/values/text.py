"""Text that a person gives and other people read: names, labels, reasons."""

from __future__ import annotations

from candlecast.domain.values.errors import InvalidValue

SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f\u3000", " "))  # blanks of real names that Python does not call printable


def is_readable(text: str) -> bool:
    """Whether the text shows what it holds: no control or invisible character, and none that turns the direction of writing."""
    return text.translate(SPACES).isprintable()


def require_text(name: str, text: str) -> str:
    """Return `text` if people can read it; raises `InvalidValue` (TEXT_INVALID), which never repeats the text."""
    if not is_readable(text):
        raise InvalidValue(f"{name} has a character that cannot be shown", code="TEXT_INVALID")
    return text
