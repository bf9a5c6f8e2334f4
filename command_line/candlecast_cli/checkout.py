"""Where the checkout is, and the way into its own environment.

The stack on this machine is built from a checkout: template, functions, locks. An installed command that stands in one runs the
checkout's command instead of itself, so versions never mix; outside of one it says so.
"""

from __future__ import annotations

import os
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


def is_inside() -> bool:
    """Whether this code is a checkout's own, in an environment that can run the stack."""
    root = Path(__file__).resolve().parents[2]
    return is_checkout(root) and all(find_spec(name) is not None for name in ("infra", "httpx", "boto3"))


def enter(otherwise: str = "") -> None:
    """Return if the checkout's modules can be imported here. Raises `HandOver`, or NOT_A_CHECKOUT outside of one.

    `otherwise` is appended to the refusal, for commands that also work without a checkout.
    """
    if is_inside():
        return
    root = find(Path.cwd())
    if root is None:
        message = "this runs the stack of a checkout, and this folder is in none: clone the repository, cd into it, and try again"
        raise CommandFailed("NOT_A_CHECKOUT", message + otherwise, ExitCode.MISSING)
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
