"""Packages of extras, imported where they are needed: a missing package is an error with the name of its extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from candlecast.domain.values.errors import DomainError


class ExtraMissing(DomainError):
    """A package of an extra is not installed; the message has the command that installs it. EXTRA_MISSING."""


def load(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of an extra; `purpose`, a plural noun, is the subject of the message. Raises `ExtraMissing`."""
    try:
        return import_module(module)
    except ImportError as error:
        # From a checkout and never by name: nobody holds the name at the public index, so anybody could.
        message = f"{purpose} need the extra [{extra}], in a checkout: pip install '.[{extra}]'"
        raise ExtraMissing("EXTRA_MISSING", message) from error
