"""Failures that a person sees, as one line and an exit code.

The line reads `candlecast: CODE: what is wrong, and what to do`. The code is stable; scripts may compare it. Every other
exception is a bug and stays a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from importlib.util import find_spec

from candlecast.domain.values.errors import DomainError


class ExitCode(IntEnum):
    """How the command ends; part of its interface."""

    DONE = 0
    FAILED = 1  # it was tried, and refused or not achieved
    USAGE = 2  # the words are wrong: an unknown command, option, name or value
    MISSING = 3  # something is not here: a checkout, an extra, a running instance
    INTERRUPTED = 130  # Ctrl-C or SIGTERM, as shells count signals


EXIT_CODES = {  # of refusals that the package makes of the words themselves; every other refusal is FAILED
    "STRATEGY_UNKNOWN": ExitCode.USAGE,
    "PARAMETER_UNKNOWN": ExitCode.USAGE,
    "PARAMETER_INVALID": ExitCode.USAGE,
    "LOOKBACK_TOO_LONG": ExitCode.USAGE,
    "CANDLE_FILE_MISSING": ExitCode.USAGE,
    "CANDLE_FILE_FORM": ExitCode.USAGE,
    "QUANTITY_INVALID": ExitCode.USAGE,
    "CASH_INVALID": ExitCode.USAGE,
    "COSTS_INVALID": ExitCode.USAGE,
    "METRIC_UNKNOWN": ExitCode.USAGE,
    "SWEEP_EMPTY": ExitCode.USAGE,
    "SWEEP_TOO_LARGE": ExitCode.USAGE,
    "WALK_FORWARD_WINDOWS": ExitCode.USAGE,
    "EXTRA_MISSING": ExitCode.MISSING,
}


class CommandFailed(Exception):
    """An expected failure."""

    def __init__(self, code: str, message: str, exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.exit_code = exit_code


def unknown(kind: str, name: str, known: Iterable[str]) -> CommandFailed:
    """The refusal of a name that does not exist; `known` are the names that do."""
    names = ", ".join(sorted(known)) or "there is none"
    return CommandFailed(f"UNKNOWN_{kind}", f"there is no {kind.lower()} called {name!r}: {names}", ExitCode.USAGE)


def expected(error: BaseException) -> CommandFailed | None:
    """The failure that an exception means, or None for a bug.

    `infra.local` raises its own `CommandError` with a code. Outside of a checkout that class cannot be imported.
    """
    if isinstance(error, CommandFailed):
        return error
    if isinstance(error, DomainError):
        return CommandFailed(error.code, error.message or "refused", EXIT_CODES.get(error.code, ExitCode.FAILED))
    project = sys.modules.get("infra.local.project")
    if project is not None and isinstance(error, project.CommandError):
        return CommandFailed(error.code, str(error), ExitCode(error.exit_code))
    return None


@contextmanager
def aws_refusals() -> Iterator[None]:
    """AWS's refusals as failures: AWS_ and the service's code, or AWS_UNREACHABLE when none answered."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound
    from pynamodb.exceptions import PynamoDBException

    try:
        yield
    except PynamoDBException as error:
        raise CommandFailed(f"AWS_{error.cause_response_code or 'ERROR'}", str(error.cause_response_message or error)) from error
    except ClientError as error:
        told = error.response.get("Error", {})
        raise CommandFailed(f"AWS_{told.get('Code', 'ERROR')}", str(told.get("Message") or error)) from error
    except (NoCredentialsError, ProfileNotFound) as error:
        raise CommandFailed("AWS_CREDENTIALS", f"{error}: name a profile by --profile, or set AWS_PROFILE") from error
    except BotoCoreError as error:
        raise CommandFailed("AWS_UNREACHABLE", str(error)) from error


def require_extra(extra: str, *modules: str) -> None:
    """Refuse with the way to install it if a module of an extra is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        # From a checkout and never by name: nobody holds the name at the public index, so anybody could.
        message = f"needs, in a checkout: pip install '.[{extra}]' ({', '.join(missing)} is not installed)"
        raise CommandFailed("EXTRA_MISSING", message, ExitCode.MISSING)
