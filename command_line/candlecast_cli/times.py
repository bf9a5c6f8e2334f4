"""Times as people type them: a day, an instant, or milliseconds since the epoch."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from candlecast_cli.failures import CommandFailed, ExitCode

DAY, SHORTEST_MS = "2022-01-01", "20220101"  # more digits than a day without its dashes are milliseconds


def instant(option: str, text: str | None, *, end: bool, forms: str = "a day nor an instant") -> datetime | None:
    """The instant that a day (UTC) or an instant names; None for None.

    A day that ends a span counts to its end. Raises USAGE for any other text, with the option's name.
    """
    if text is None:
        return None
    try:
        if len(text) == len(DAY):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=int(end)), datetime.min.time(), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CommandFailed("USAGE", f"{option} {text!r} is neither {forms}", ExitCode.USAGE) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def milliseconds(option: str, text: str | None, *, end: bool) -> int | None:
    """The time in ms since the epoch that an `instant` or a number of ms names; None for None."""
    if text is not None and text.isascii() and text.isdigit() and len(text) > len(SHORTEST_MS):
        return int(text)
    found = instant(option, text, end=end, forms="a day, an instant nor a time in ms")
    return None if found is None else round(found.timestamp() * 1000)
