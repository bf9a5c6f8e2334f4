"""`candlecast history`: orders, positions and trades that people see, made anew from the archive of events.

The stack's own function reads the archive and writes history, so nobody's trades come to this machine. Its log says who asked.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from candlecast_cli import stacks
from candlecast_cli.account import require_id
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals
from candlecast_cli.printing import AsJson, examples, put_json, put_table, warn
from candlecast_cli.times import instant

if TYPE_CHECKING:
    from candlecast.ports.rebuild import RebuildProgress, RebuildRequest

FUNCTION = "HistoryRebuildFunctionName"
ANSWER_SECONDS = 135.0  # the function works for 120 at most; a cold start and the way there and back come on top
MAX_INTERRUPTIONS = 5  # in a row: a failure that lasts longer needs a person
PAUSE_SECONDS = 5.0

app = typer.Typer(
    help="History: orders, positions, trades, receipts and breaches, as people see them.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast history rebuild --dry-run",
        "candlecast history rebuild --from 2026-11-01 --to 2026-11-30 --stack candlecast-prod --profile operator",
    ),
)


@app.command(
    epilog=examples(
        "candlecast history rebuild --dry-run --stack candlecast-prod",
        "candlecast history rebuild --tenant TENANT_ID --from 2026-11-01T10:00:00Z --stack candlecast-prod",
        "candlecast history rebuild --after CURSOR --stack candlecast-prod",
    )
)
@stacks.options
def rebuild(
    where: stacks.Where,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day or instant (UTC); without it, the archive's first.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="Last day, or instant (UTC). With it, positions stay as they are."),
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT_ID", help="Only this tenant's history.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the archived events and write nothing.")] = False,
    after: Annotated[str | None, typer.Option("--after", metavar="CURSOR", help="Go on where an earlier call has ended.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Begin although letters of the outbox wait.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make history anew from the archive. It may be repeated: nothing is counted twice, and nothing newer is replaced."""
    if tenant is not None:
        require_id("TENANT_ID", tenant)
    connection = stacks.connect(where)
    from candlecast.domain.values.errors import InvalidValue
    from candlecast.ports.rebuild import EARLIEST, RebuildRequest

    first, last = instant("--from", since, end=False) or EARLIEST, instant("--to", until, end=True)
    try:
        wanted = RebuildRequest(
            since=first, until=last, tenant_id=tenant, dry_run=dry_run, in_spite_of_letters=force, cursor=after
        )
    except InvalidValue as error:
        raise CommandFailed("USAGE", error.message, ExitCode.USAGE) from None
    events, unreadable = _all_slices(connection, wanted)
    if as_json:
        put_json({"events": dict(events), "unreadable": unreadable, "dry_run": dry_run})
    elif events:
        put_table(("event", "archived" if dry_run else "projected"), sorted(events.items()))
    else:
        warn("the archive has no such event")
    if unreadable:
        warn(f"{len(unreadable)} batches of the archive cannot be read: {', '.join(unreadable)}")
        raise typer.Exit(ExitCode.FAILED)


def _all_slices(connection: stacks.Stack, wanted: RebuildRequest) -> tuple[Counter[str], list[str]]:
    """Ask for slice after slice; the progress goes to standard error. Raises INTERRUPTED with the cursor that goes on."""
    from candlecast.adapters.aws.rebuild_function import FunctionRebuild
    from candlecast.domain.values.errors import RetryLater

    ask = FunctionRebuild(partial(connection.functions, ANSWER_SECONDS), f"{connection.output(FUNCTION)}:live")
    events: Counter[str] = Counter()
    unreadable: list[str] = []
    interruptions, cursor = 0, wanted.cursor
    while True:
        code: str | None
        try:
            with aws_refusals():
                progress = ask(replace(wanted, cursor=cursor), connection.identity)
        except RetryLater as error:
            code = error.code
        else:
            code = progress.interrupted_by
            events.update(progress.events)
            unreadable += progress.unreadable
            interruptions = interruptions if progress.cursor == cursor else 0
            cursor = progress.cursor
            _tell(progress, sum(events.values()))
            if cursor is None and code is None:
                return events, unreadable
        if code is not None:
            interruptions += 1
            if interruptions > MAX_INTERRUPTIONS:
                go_on = f": go on with --after {cursor}" if cursor else ""
                raise CommandFailed(code, f"the rebuild was interrupted{go_on}")
            time.sleep(PAUSE_SECONDS)


def _tell(progress: RebuildProgress, events: int) -> None:
    if progress.cursor is not None:
        reached = progress.reached.isoformat() if progress.reached else "no event yet"
        warn(f"{events} events so far, {reached}; goes on after {progress.cursor}")
