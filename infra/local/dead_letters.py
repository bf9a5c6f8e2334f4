"""`candlecast dlq`: dead letters of the embedded cloud or of a stack in a real account.

One path for both: the same calls with another address and other credentials. Nothing here touches a queue; the stack's own
function does, under its own role, and its log says who has asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters
from candlecast.domain.values.errors import DomainError
from candlecast.ports.dead_letters import MAX_LISTED, QUEUES, DeadLetterEntry
from infra.local import deployment
from infra.local.cloud import Cloud
from infra.local.project import CommandError

ANSWER_SECONDS = 45.0  # of the function's 60: it answers before it is ended
TRANSPORT_SECONDS = 15.0  # for a cold start and the way there and back
FUNCTION = "DlqRedriveFunctionName"
COLUMNS = ("queue", "message", "age", "receives", "reason code", "function", "what", "group", "correlation id")
NOTHING = "-"


def add_commands(top: argparse._SubParsersAction[argparse.ArgumentParser], default_name: str) -> None:
    """Add `dlq list|show|redrive|drop` to the commands."""
    group = top.add_parser("dlq", help="Dead letters: list, show, redrive, drop.", description=__doc__)
    commands = group.add_subparsers(dest="dlq_command", required=True, metavar="COMMAND")
    for run in (listing, show, redrive, drop):
        name = "list" if run is listing else run.__name__
        made = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        made.add_argument("--name", default=default_name, help="which embedded cloud (a folder under build/cloud)")
        made.add_argument("--stack", help="a stack in an AWS account instead, with your own credentials")
        made.add_argument("--region", help="the stack's region, if your credentials' configuration does not say it")
        made.set_defaults(run=run)
        if run is listing:
            made.add_argument("queue", nargs="?", choices=QUEUES, help="only this queue's")
            made.add_argument("--limit", type=int, default=MAX_LISTED)
            made.add_argument("--json", action="store_true", help="everything that is known, as JSON")
        else:
            made.add_argument("queue", choices=QUEUES)
        if run in (show, drop):
            made.add_argument("message_id")
        if run is redrive:
            made.add_argument("message_id", nargs="*", help="without any, all are meant")


def listing(options: argparse.Namespace) -> int:
    """List dead letters without disturbing them."""
    with _refusals():
        letters = _connect(options).letters
        queues = (options.queue,) if options.queue else QUEUES
        found = [letters.entries(queue, options.limit) for queue in queues]
    entries = [entry for page in found for entry in page.entries]
    if options.json:
        print(json.dumps([asdict(entry) for entry in entries], indent=2, default=str))
    else:
        _print_table(entries)
    hidden = sum(page.total for page in found) - len(entries)
    if hidden > 0:
        print(f"  about {hidden} more: beyond --limit, or behind the first ten of their FIFO group", file=sys.stderr)
    return 0


def show(options: argparse.Namespace) -> int:
    """Show one dead letter: its reason, and the ids in its message."""
    with _refusals():
        entry = _connect(options).letters.entry(options.queue, options.message_id)
    print(json.dumps(asdict(entry), indent=2, default=str))
    return 0


def redrive(options: argparse.Namespace) -> int:
    """Put dead letters back to work, all or those named; a stale entry expires, an exit is executed."""
    with _refusals():
        connection = _connect(options)
        done = connection.letters.redrive(options.queue, options.message_id or None, connection.identity)
    print(json.dumps({"redriven": len(done.message_ids), **asdict(done)}, indent=2))
    return 1 if done.refused else 0


def drop(options: argparse.Namespace) -> int:
    """Delete one dead letter for ever."""
    with _refusals():
        connection = _connect(options)
        entry = connection.letters.drop(options.queue, options.message_id, connection.identity)
    print(json.dumps(asdict(entry), indent=2, default=str))
    return 0


class _Connection:
    """A stack's function for dead letters, and who asks it."""

    def __init__(self, stack: str, where: dict[str, Any]) -> None:
        import boto3
        from botocore.config import Config

        outputs = boto3.client("cloudformation", **where).describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
        named = {item["OutputKey"]: item["OutputValue"] for item in outputs}
        if FUNCTION not in named:
            raise CommandError(f"the stack {stack} has no output {FUNCTION}: is it one of Candlecast?")
        patient = Config(read_timeout=ANSWER_SECONDS + TRANSPORT_SECONDS, retries={"total_max_attempts": 1, "mode": "standard"})
        self.identity = f"cli:{boto3.client('sts', **where).get_caller_identity()['Arn']}"
        self.letters = FunctionDeadLetters(
            lambda: boto3.client("lambda", config=patient, **where), f"{named[FUNCTION]}:live", ANSWER_SECONDS
        )


def _connect(options: argparse.Namespace) -> _Connection:
    """The stack in the caller's account if one is named, else the embedded cloud."""
    if options.stack:
        return _Connection(options.stack, {"region_name": options.region} if options.region else {})
    environment = Cloud.attach(options.name).environment
    where = {
        "endpoint_url": environment["AWS_ENDPOINT_URL"],
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "region_name": environment["AWS_DEFAULT_REGION"],
    }
    return _Connection(deployment.STACK, where)


@contextmanager
def _refusals() -> Iterator[None]:
    """AWS's refusals and the function's as one line for people."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, DomainError) as error:
        raise CommandError(str(error)) from error


def _print_table(entries: list[DeadLetterEntry]) -> None:
    rows = [COLUMNS, *(_row(entry) for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(entry: DeadLetterEntry) -> tuple[str, ...]:
    about = " ".join(
        entry.facts[name] for name in ("action", "market", "timeframe", "account_id", "shard_id") if name in entry.facts
    )
    cells = (
        entry.queue,
        entry.message_id,
        _age(entry.age_seconds),
        "" if entry.receives is None else str(entry.receives),
        entry.reason_code,
        entry.function,
        f"{entry.kind} {about}".strip(),
        entry.group_id or "",
        entry.correlation_id,
    )
    return tuple(cell or NOTHING for cell in cells)


def _age(seconds: int) -> str:
    """The largest unit that says enough: 42s, 7m, 5h, 3d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
