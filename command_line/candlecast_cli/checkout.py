"""Where the checkout is, and the way into its own environment.

The stack on this machine is built from a checkout: template, functions, locks. An installed command that stands in one runs the
checkout's command instead of itself, so versions never mix; outside of one it says so.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from candlecast_cli.failures import CommandFailed, ExitCode

MARKS = ("template.yaml", "infra/local/bootstrap.sh", "layers/core/candlecast/__init__.py")
COMMAND = Path(".venvs/dev/bin/candlecast")
BOOTSTRAP = Path("infra/local/bootstrap.sh")
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")  # of an AWS account: the embedded cloud has keys of its own
HANDED_OVER = "CANDLECAST_HANDED_OVER"  # set for the checkout's command, so that two never hand over to each other for ever


class HandOver(Exception):
    """The checkout at `root` has to run this command itself."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root


def is_checkout(folder: Path) -> bool:
    """Whether a folder is the root of a checkout."""
    return all((folder / mark).is_file() for mark in MARKS)


def find(start: Path) -> Path | None:
    """The checkout that a folder lies in."""
    return next((folder for folder in (start, *start.parents) if is_checkout(folder)), None)


def writable_by_others(root: Path) -> Path | None:
    """The first of a checkout's marks, or of the folders around one, that somebody else owns or everybody can write.

    The caller and root may own the code that this command runs, and behind sudo the caller's own user. Git asks the same of a
    repository: a folder such as /tmp may lie above the working directory.
    """
    mine = {0, os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdecimal():
        mine.add(int(os.environ["SUDO_UID"]))
    inside = {path for mark in MARKS for path in (root / mark, *(root / mark).parents) if path.is_relative_to(root)}
    for path in sorted(inside):
        found = path.stat()
        if found.st_uid not in mine or found.st_mode & stat.S_IWOTH:
            return path
    return None


def is_inside() -> bool:
    """Whether this code is a checkout's own, in an environment that can run the stack."""
    root = Path(__file__).resolve().parents[2]
    return is_checkout(root) and all(find_spec(name) is not None for name in ("infra", "httpx", "boto3"))


def enter(otherwise: str = "") -> None:
    """Return if the checkout's modules can be imported here. Raises `HandOver`, NOT_A_CHECKOUT outside of one,
    CHECKOUT_NOT_YOURS where the code of somebody else would run.

    `otherwise` is appended to the refusal outside of one, for commands that also work without a checkout.
    """
    if is_inside():
        for name in PROFILES:
            os.environ.pop(name, None)
        return
    root = find(Path.cwd())
    if root is None:
        message = "this runs the stack of a checkout, and this folder is in none: clone the repository, cd into it, and try again"
        raise CommandFailed("NOT_A_CHECKOUT", message + otherwise, ExitCode.MISSING)
    if (path := writable_by_others(root)) is not None:
        message = f"others can change {path}, and this would run its code: if you trust it, `make env` and call {root / COMMAND}"
        raise CommandFailed("CHECKOUT_NOT_YOURS", message, ExitCode.FAILED)
    raise HandOver(root)


def hand_over(root: Path, words: Sequence[str]) -> NoReturn:
    """Become the checkout's own command; its environment is made first if it is missing. Raises `CommandFailed`."""
    if os.environ.get(HANDED_OVER):
        raise CommandFailed("ENVIRONMENT_BROKEN", f"{root / COMMAND} is not whole: run `make env` in {root}", ExitCode.MISSING)
    prepare(root)
    sys.stdout.flush()
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    os.execve(root / COMMAND, [str(root / COMMAND), *words], {**environment, HANDED_OVER: "1"})


def prepare(root: Path, *environments: str) -> None:
    """Make the checkout's environments if they are missing or old. Raises ENVIRONMENT_FAILED; the script has said why."""
    command = ["sh", str(root / BOOTSTRAP), *(environments or ("dev",))]
    if subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode:  # noqa: S603 - the checkout's own script
        raise CommandFailed("ENVIRONMENT_FAILED", f"{BOOTSTRAP} could not make the checkout's environment, see above")
