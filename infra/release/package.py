"""A build as one file: the same bytes go to dev and to prod.

`pack` writes a tar whose bytes follow from the build alone, and tells its digest. `unpack` refuses every other file.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

CONTENTS = ("build/sam", "samconfig.toml")  # all that `sam deploy` reads
FILE_MODE, FOLDER_MODE = 0o644, 0o755


def pack(checkout: Path, archive: Path) -> str:
    """Write the archive of a built checkout; returns its digest. Raises `FileNotFoundError` for one that is not built."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        for name in CONTENTS:
            place = checkout / name
            if not place.exists():
                raise FileNotFoundError(f"{place} is missing: build the checkout first")
            for path in sorted([place, *(place.rglob("*") if place.is_dir() else ())]):
                _add(tar, path, path.relative_to(checkout).as_posix())
    return digest(archive)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file or folder without what its machine knows of it: owner, time, rights."""
    entry = tar.gettarinfo(path, name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = FOLDER_MODE if entry.isdir() else FILE_MODE
    if not entry.isreg():
        tar.addfile(entry)
        return
    with path.open("rb") as file:
        tar.addfile(entry, file)


def unpack(archive: Path, folder: Path, expected: str) -> None:
    """Unpack an archive with this digest into a folder. Raises `ValueError` for another one."""
    if digest(archive) != expected:
        raise ValueError(f"{archive} is not the release that was built: {digest(archive)}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def digest(archive: Path) -> str:
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack or unpack; 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(prog="python -m infra.release.package", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("checkout", type=Path)
    packing.add_argument("archive", type=Path)
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("archive", type=Path)
    unpacking.add_argument("folder", type=Path)
    unpacking.add_argument("--digest", required=True)
    options = parser.parse_args(arguments)
    try:
        if options.command == "pack":
            sys.stdout.write(f"digest={pack(options.checkout, options.archive)}\n")
        else:
            unpack(options.archive, options.folder, options.digest)
    except (OSError, ValueError, tarfile.TarError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
