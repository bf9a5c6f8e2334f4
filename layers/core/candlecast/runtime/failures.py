"""Unforeseen errors by type and place. Their texts stay unsaid: libraries put into them what they were given, keys among it."""

from __future__ import annotations

import traceback
from typing import Any

MAX_FRAMES = 12  # the innermost ones; the others are the framework's, the same for every error
MAX_CAUSES = 5  # of an error that was raised because of another; a chain may have a circle


class InvocationFailed(Exception):
    """An invocation ended with an unforeseen error; the class that is raised has the name of the error's class."""


def described(error: BaseException) -> dict[str, Any]:
    """Type and place of an error and of the errors behind it, as fields of a log line; nothing of their texts."""
    return {"error_type": type(error).__name__, "frames": _frames(error), "causes": _causes(error)}


def without_text(error: Exception) -> InvocationFailed:
    """An error of the same name whose text is the place; the runtime logs the text of the error that it is given."""
    place = _frames(error)[-1:] or ["nowhere"]
    named: type[InvocationFailed] = type(type(error).__name__, (InvocationFailed,), {})
    return named(place[0])


def _causes(error: BaseException) -> list[str]:
    """The errors behind an error, the nearest first, each with the innermost place."""
    causes: list[str] = []
    behind = error.__cause__ or error.__context__
    while behind is not None and len(causes) < MAX_CAUSES:
        causes.append(" at ".join([type(behind).__name__, *_frames(behind)[-1:]]))
        behind = behind.__cause__ or behind.__context__
    return causes


def _frames(error: BaseException) -> list[str]:
    innermost = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in innermost]
