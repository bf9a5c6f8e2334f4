"""Reading single fields: numbers may be quoted, placeholders may be unfilled, nothing may be taken on trust.

Every function raises `RefusedMessage`, whose detail names the field and never its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from candlecast.domain.signals.signal import MAX_METADATA_CHARACTERS, MAX_METADATA_ENTRIES
from candlecast.signals.message import MAX_NUMBER_CHARACTERS
from candlecast.signals.refusal import Refusal, RefusedMessage

MAX_TEXT_CHARACTERS = 128  # the longest identifier or ticker; senders use UUIDs and symbols
MAX_EXPONENT = 18  # between a wei and a quintillion: a number outside is a slip
EARLIEST_MILLISECONDS = Decimal(100_000_000_000)  # as seconds this is the year 5138, as milliseconds 1973: no time is ambiguous
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|%[A-Za-z][A-Za-z_]*%")  # TradingView's {{close}} and TrendSpider's %last_price%
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


def present(fields: Mapping[str, object], name: str) -> bool:
    """Whether the field holds anything; senders leave `null` and `""` behind for fields that they do not use."""
    return fields.get(name) not in (None, "")


def text(fields: Mapping[str, object], name: str) -> str | None:
    """The field's text without surrounding blanks, None if nothing is left; raises INVALID_TEXT, UNRESOLVED_PLACEHOLDER."""
    if not present(fields, name):
        return None
    value = fields[name]
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS or not is_clean(value):
        raise RefusedMessage(Refusal.INVALID_TEXT, f"{name} must be text of at most {MAX_TEXT_CHARACTERS} printable characters")
    _refuse_placeholder(name, value)
    return value.strip() or None


def required_text(fields: Mapping[str, object], name: str) -> str:
    """Like `text`, but raises MISSING_FIELD if absent."""
    value = text(fields, name)
    if value is None:
        raise RefusedMessage(Refusal.MISSING_FIELD, f"{name} is required")
    return value


def ticker(fields: Mapping[str, object], name: str) -> str:
    """Like `required_text`, in ASCII alone: letters of other alphabets look like those of a market's name, or become them."""
    value = required_text(fields, name)
    if not value.isascii():
        raise RefusedMessage(Refusal.INVALID_TEXT, f"{name} must be ASCII")
    return value


def word(fields: Mapping[str, object], name: str) -> str | None:
    """Like `text`, in small letters: a keyword."""
    value = text(fields, name)
    return None if value is None else value.lower()


def positive_number(fields: Mapping[str, object], name: str) -> Decimal | None:
    """The field as a number above zero, quoted or not, None if absent; raises INVALID_NUMBER, UNRESOLVED_PLACEHOLDER."""
    value = number(fields, name)
    if value is not None and value <= 0:
        raise _invalid_number(name)
    return value


def number(fields: Mapping[str, object], name: str) -> Decimal | None:
    """The field as a number of any sign, quoted or not, None if absent; raises INVALID_NUMBER, UNRESOLVED_PLACEHOLDER."""
    if not present(fields, name):
        return None
    value = fields[name]
    if not isinstance(value, str | Decimal):
        raise _invalid_number(name)
    written = str(value).strip()
    _refuse_placeholder(name, written)
    if len(written) > MAX_NUMBER_CHARACTERS or not NUMBER.fullmatch(written):
        raise _invalid_number(name)
    try:
        parsed = Decimal(written)
    except InvalidOperation:
        raise _invalid_number(name) from None
    if parsed and abs(parsed.adjusted()) > MAX_EXPONENT:
        raise _invalid_number(name)
    return parsed


def of_entry[Value](
    read: Callable[[Mapping[str, object], str], Value | None], fields: Mapping[str, object], name: str, *, is_entry: bool
) -> Value | None:
    """The field as `read` reads it. In an exit it decides nothing, so what `read` refuses there counts as absent."""
    try:
        return read(fields, name)
    except RefusedMessage:
        if is_entry:
            raise
        return None


def instant(fields: Mapping[str, object], name: str) -> datetime | None:
    """The field as a UTC instant: ISO 8601 with its zone, or Unix time in seconds or milliseconds; raises INVALID_TIME."""
    if not present(fields, name):
        return None
    value = fields[name]
    if isinstance(value, str):
        _refuse_placeholder(name, value)
    written = str(value).strip() if isinstance(value, str | Decimal) else ""
    try:
        return _unix_instant(written) if NUMBER.fullmatch(written) else _iso_instant(written)
    except (ValueError, ArithmeticError):
        raise RefusedMessage(Refusal.INVALID_TIME, f"{name} must be ISO 8601 with its zone, or Unix time") from None


def metadata(own: Mapping[str, object], sent: object) -> dict[str, str]:
    """Entries that explain a signal and decide nothing: those of `own`, then those of `sent`, if it is an object.

    Nothing here is a reason to refuse a signal: values that are not plain are left out, and long values and lists are cut.
    """
    kept: dict[str, str] = {}
    for name, value in (*own.items(), *(sent.items() if isinstance(sent, dict) else ())):
        written = str(value)
        plain = isinstance(value, str | Decimal | bool) and written and is_clean(name) and is_clean(written)
        room = MAX_METADATA_CHARACTERS - len(name)
        if plain and room > 0 and name not in kept and len(kept) < MAX_METADATA_ENTRIES and not PLACEHOLDER.search(written):
            kept[name] = written[:room]
    return kept


def is_clean(written: str) -> bool:
    """Whether text can be stored and shown: no control characters, no halves of surrogate pairs."""
    return written.isprintable()


def _unix_instant(written: str) -> datetime:
    if len(written) > MAX_NUMBER_CHARACTERS:
        raise ValueError("no time has that many digits")
    unix = Decimal(written)
    seconds = unix / 1000 if unix >= EARLIEST_MILLISECONDS else unix
    return EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _iso_instant(written: str) -> datetime:
    parsed = datetime.fromisoformat(written)
    if parsed.tzinfo is None:
        raise ValueError("a time without a zone names no instant")
    return parsed.astimezone(UTC)


def _refuse_placeholder(name: str, written: str) -> None:
    if PLACEHOLDER.search(written):
        raise RefusedMessage(Refusal.UNRESOLVED_PLACEHOLDER, f"{name} holds a placeholder that the sender never filled in")


def _invalid_number(name: str) -> RefusedMessage:
    return RefusedMessage(Refusal.INVALID_NUMBER, f"{name} must be a plain number, in the range that it can have")
