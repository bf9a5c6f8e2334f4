"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from candlecast_cli.failures import CommandFailed, ExitCode


def require_writable(path: Path) -> None:
    """Refuse a path, before the work begins, whose folder does not exist or that is a folder."""
    if path.is_dir():
        raise CommandFailed("FILE_NOT_WRITTEN", f"{path}: is a folder")
    if not path.parent.is_dir():
        raise CommandFailed("FILE_NOT_WRITTEN", f"{path}: there is no folder {path.parent}")


def require_apart(outputs: Iterable[Path | str | None], inputs: Iterable[Path | str | None]) -> None:
    """Refuse an output that the command reads, which it would replace, and two outputs of one name."""
    written = [Path(each).resolve() for each in outputs if each is not None]
    read = [Path(each).resolve() for each in inputs if each is not None]
    for number, path in enumerate(written):
        if path in read and path.is_file():
            raise CommandFailed("USAGE", f"{path} is read, and would be overwritten: choose another name", ExitCode.USAGE)
        if path in written[:number] and not (path.exists() and not path.is_file()):
            raise CommandFailed("USAGE", f"{path} is named for two outputs", ExitCode.USAGE)


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Have `write` fill a file beside `path`, and put it in the place of `path` once it is complete.

    A link stays, and its target is replaced. A device such as /dev/null is written to.
    """
    path = path.resolve()
    try:
        if path.exists() and not path.is_file():
            write(path)
            return
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        beside = Path(name)
        try:
            write(beside)
            beside.chmod(0o666 & ~_umask())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise CommandFailed("FILE_NOT_WRITTEN", f"{path}: {error.strerror}") from error


def _umask() -> int:
    """The bits that new files lack; asking sets it, so it is set back at once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
