"""Outputs of the author's commands: files, whole or not at all, and JSON on standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candlecast_cli.failures import CommandFailed, ExitCode
from candlecast_cli.printing import say

if TYPE_CHECKING:
    from candlecast.backtest.pictures.report import Report

STDOUT = "-"
PICTURES = (".html", ".png")

type Show = Callable[[dict[str, Any]], None]  # prints the document of a result for a person


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the result of a command goes, as it was typed."""

    json_out: str | None
    plot: Path | None
    csv_out: Path | None = None


def require_writable(path: Path) -> None:
    """Refuse a path, before the work begins, whose folder does not exist or that is a folder."""
    if path.is_dir():
        raise CommandFailed("FILE_NOT_WRITTEN", f"{path}: is a folder")
    if not path.parent.is_dir():
        raise CommandFailed("FILE_NOT_WRITTEN", f"{path}: there is no folder {path.parent}")


def require_outputs(
    read: Iterable[Path | str | None], json_out: str | None, plot: Path | None, csv_out: Path | None = None
) -> None:
    """Refuse, before the work begins, outputs that cannot be made, two of one name, and one of a file in `read`."""
    written = [Path(each) for each in (None if json_out == STDOUT else json_out, plot, csv_out) if each is not None]
    for path in written:
        require_writable(path)
    if plot is not None and plot.suffix not in PICTURES:
        raise CommandFailed("USAGE", f"--plot {plot.name} ends with none of {', '.join(PICTURES)}", ExitCode.USAGE)
    if plot is not None and plot.suffix == ".png":
        from candlecast.backtest.extras import load

        load("matplotlib", "plot", "pictures")
    _require_apart([path.resolve() for path in written], [Path(each).resolve() for each in read if each is not None])


def _require_apart(written: list[Path], read: list[Path]) -> None:
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


def draw(report: Report, plot: Path) -> None:
    """Write a report as a page or as a picture, by the ending of the file's name."""
    if plot.suffix == ".png":
        from candlecast.backtest.pictures.png import write_picture as drawn
    else:
        from candlecast.backtest.pictures.page import write_page as drawn
    write_whole(plot, lambda path: drawn(report, path))
    say(f"wrote {plot}")


def put_result(document: dict[str, Any], json_out: str | None, show: Show) -> None:
    """Write the document where JSON is asked for, and show it unless the JSON is the answer."""
    if json_out is not None:
        put_document(document, json_out)
    if json_out != STDOUT:
        show(document)


def put_document(value: dict[str, Any], json_out: str) -> None:
    """Write JSON to a file or to standard output."""
    from candlecast.backtest.document import text_of

    text = text_of(value)
    if json_out == STDOUT:
        sys.stdout.write(text)
    else:
        write_whole(Path(json_out), lambda path: _put(path, text))
        say(f"wrote {json_out}")


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
