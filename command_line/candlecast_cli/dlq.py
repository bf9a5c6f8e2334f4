"""`candlecast dlq`: dead letters. No queue is touched here: the stack's own function does it, and its log says who asked."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast.ports.dead_letters import MAX_LISTED, QUEUES, DeadLetterEntry
from candlecast_cli import stacks
from candlecast_cli.failures import ExitCode, aws_refusals, unknown
from candlecast_cli.printing import AsJson, examples, put_json, put_table, warn

if TYPE_CHECKING:
    from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters

ANSWER_SECONDS = 45.0  # of the function's 60: it answers before it is ended
TRANSPORT_SECONDS = 15.0  # for a cold start and the way there and back
FUNCTION = "DlqRedriveFunctionName"
COLUMNS = ("queue", "message", "age", "receives", "reason code", "function", "what", "group", "correlation id")

app = typer.Typer(
    help=f"Dead letters of the queues {', '.join(QUEUES)}: list, show, redrive, drop.",
    no_args_is_help=True,
    epilog=examples("candlecast dlq list", "candlecast dlq list --stack candlecast-prod --profile operator"),
)


def letters_of(stack: stacks.Stack) -> FunctionDeadLetters:
    """The stack's function for dead letters."""
    from candlecast.adapters.aws.dead_letters_function import FunctionDeadLetters

    client = partial(stack.functions, ANSWER_SECONDS + TRANSPORT_SECONDS)
    return FunctionDeadLetters(client, f"{stack.output(FUNCTION)}:live", ANSWER_SECONDS)


def _queue(name: str) -> str:
    if name not in QUEUES:
        raise unknown("QUEUE", name, list(QUEUES))
    return name


Queue = Annotated[str, typer.Argument(callback=_queue, metavar="QUEUE", help=f"One of {', '.join(QUEUES)}.")]
MessageId = Annotated[str, typer.Argument(metavar="MESSAGE_ID", help="As `list` shows it.")]


@app.command("list", epilog=examples("candlecast dlq list", "candlecast dlq list trade --limit 20 --json"))
@stacks.options
def list_letters(
    where: stacks.Where,
    queue: Annotated[
        str | None, typer.Argument(callback=lambda name: name and _queue(name), metavar="QUEUE", help="Only this queue's.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="At most so many of each queue.")] = MAX_LISTED,
    as_json: AsJson = False,
) -> None:
    """List dead letters without disturbing them."""
    letters = letters_of(stacks.connect(where))
    with aws_refusals():
        found = [letters.entries(queue, limit) for queue in ((queue,) if queue else QUEUES)]
    entries = [entry for page in found for entry in page.entries]
    if as_json:
        put_json([asdict(entry) for entry in entries])
    elif entries:
        put_table(COLUMNS, map(_row, entries))
    else:
        warn("no dead letter")
    hidden = sum(page.total for page in found) - len(entries)
    if hidden > 0:
        warn(f"about {hidden} more: beyond --limit, or behind the first ten of their FIFO group")


@app.command(epilog=examples("candlecast dlq show trade 5f0c2a7e-0000-4000-8000-000000000000"))
@stacks.options
def show(where: stacks.Where, queue: Queue, message_id: MessageId, as_json: AsJson = False) -> None:
    """Show one dead letter: its reason, and the ids in its message."""
    letters = letters_of(stacks.connect(where))
    with aws_refusals():
        entry = letters.entry(queue, message_id)
    _put(entry, as_json)


@app.command(epilog=examples("candlecast dlq redrive trade", "candlecast dlq redrive trade MESSAGE_ID MESSAGE_ID"))
@stacks.options
def redrive(
    where: stacks.Where,
    queue: Queue,
    message_ids: Annotated[list[str] | None, typer.Argument(metavar="MESSAGE_ID", help="Without any, all are meant.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put dead letters back to work, all or those named; a stale entry expires, an exit is executed."""
    connection = stacks.connect(where)
    letters = letters_of(connection)
    with aws_refusals():
        done = letters.redrive(queue, message_ids or None, connection.identity)
    if as_json:
        put_json({"redriven": len(done.message_ids), **asdict(done)})
    else:
        rows: list[tuple[str, str]] = [(message_id, "redriven") for message_id in done.message_ids]
        rows += [(it.message_id, f"refused: {it.code}") for it in done.refused]
        if rows:
            put_table(("message", "outcome"), rows)
        else:
            warn("no dead letter")
        if done.left and not message_ids:
            warn(f"about {done.left} left: refused, back again, or beyond one call. See: {where.command('dlq', 'list', queue)}")
    if done.refused:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog=examples("candlecast dlq drop trade 5f0c2a7e-0000-4000-8000-000000000000"))
@stacks.options
def drop(where: stacks.Where, queue: Queue, message_id: MessageId, as_json: AsJson = False) -> None:
    """Delete one dead letter for ever."""
    connection = stacks.connect(where)
    letters = letters_of(connection)
    with aws_refusals():
        entry = letters.drop(queue, message_id, connection.identity)
    _put(entry, as_json)


def _put(entry: DeadLetterEntry, as_json: bool) -> None:
    shown: dict[str, Any] = asdict(entry)
    if as_json:
        put_json(shown)
        return
    facts = shown.pop("facts")
    put_table(("", ""), [*shown.items(), *facts.items()])


def _row(entry: DeadLetterEntry) -> tuple[str, ...]:
    about = " ".join(
        entry.facts[name] for name in ("action", "market", "timeframe", "account_id", "shard_id") if name in entry.facts
    )
    return (
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


def _age(seconds: int) -> str:
    """The largest unit that says enough: 42s, 7m, 5h, 3d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
