"""How a gap in the emulator is closed: by replacing named functions of one exact version, or not starting at all.

A patch is a function that calls `replace` or `rewrite` and says in its docstring what is wrong without it. Every name and text
that a patch relies on is checked when the patch is applied. An upgrade of ministack shows up as an error with the patch's name,
never as a subtly different cloud.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# The version that the patches were written against; infra/local/environments/emulator.in installs it.
MINISTACK_VERSION = "1.5.33"

Patch = Callable[[], None]


class PatchError(Exception):
    """The emulator is not the one that a patch was written for."""


def replace(owner: Any, name: str, new: Any) -> Any:
    """Bind `new` to `owner.name` and return what was there. Raises PatchError if nothing was."""
    missing = object()
    old = getattr(owner, name, missing)
    if old is missing or callable(old) != callable(new):
        raise PatchError(f"{getattr(owner, '__name__', owner)}.{name} is not there or not of the same kind")
    setattr(owner, name, new)
    return old


def rewrite(text: str, old: str, new: str) -> str:
    """Replace the one place in `text` that reads `old`. Raises PatchError unless there is exactly one."""
    if text.count(old) != 1:
        raise PatchError(f"expected once, found {text.count(old)} times: {old.strip().splitlines()[0]!r}")
    return text.replace(old, new)


def apply(patches: Sequence[Patch]) -> None:
    """Apply all patches in order. Raises PatchError with the patch's name for the first one that does not fit."""
    try:
        found = version("ministack")
    except PackageNotFoundError as error:
        raise PatchError("ministack is not installed: run `make env`") from error
    if found != MINISTACK_VERSION:
        raise PatchError(f"ministack is {found}, the patches are for {MINISTACK_VERSION}: look at each of them again")
    for patch in patches:
        try:
            patch()
        except Exception as error:
            raise PatchError(f"{patch.__module__}.{patch.__name__}: {error}") from error
