"""`candlecast restore`: the state table as it was at a moment, adopted by the stack, its accounts, and lost words of people.

DynamoDB restores into a new table only, and leaves out stream, expiry, recovery, deletion protection and tags. The command adds
them, and says in the table itself which minutes are lost (decision 0093). `infra/runbooks/restore.md` tells what to do around it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast.domain.account.kill_switch import PLATFORM, Grade
from candlecast.domain.values.copying import replace
from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals
from candlecast_cli.printing import AsJson, Steps, examples, moment, put_json, put_table, say, warn

if TYPE_CHECKING:
    from candlecast.domain.account.account import Account
    from candlecast.ports.restorations import Restorations

STREAM = "AdoptedStreamArn"
OWN = 1  # the generation of the table that the template makes
EXPIRES = "expires_at"
VIEW = "NEW_AND_OLD_IMAGES"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
POLL_SECONDS = 5.0
TABLE_SECONDS = 24 * 3600.0  # a restore takes minutes to hours, by its size
STACK_SECONDS = 3600.0
REASON = "table restored: lift once every account is accounted for"
LEFT_FOR = "the stack has gone on with generation {}: the book of this table is behind the venues, restore from it instead"
ACTING = frozenset({Grade.FLATTEN, Grade.HALT_ALL})  # grades that functions act on, or that hold exits back
COLUMNS = ("tenant", "account", "generation", "positions", "open orders", "suspended for")

app = typer.Typer(
    help="Restore the state table to a moment, let the stack adopt it, and watch its accounts.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast restore table --to 2026-11-30T10:05:00Z --stack candlecast-prod",
        "candlecast restore adopt --stack candlecast-prod",
        "candlecast restore status --stack candlecast-prod",
        "candlecast restore undone --stack candlecast-prod",
    ),
)


def _moment(text: str) -> str:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None or when.microsecond:
        raise CommandFailed("USAGE", "a moment is a time with its zone, in whole seconds: 2026-11-30T10:05:00Z", ExitCode.USAGE)
    return when.astimezone(UTC).isoformat()


@app.command(epilog=examples("candlecast restore table --to 2026-11-30T10:05:00Z --stack candlecast-prod"))
@stacks.options
def table(
    where: stacks.Where,
    to: Annotated[str, typer.Option("--to", callback=_moment, metavar="TIME", help="The moment, in whole seconds.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="TABLE", help="Another table than the stack's present one.")
    ] = None,
) -> None:
    """Restore the table into a new one with everything that the stack needs. Nothing uses it yet; a repeat goes on."""
    connection = stacks.connect(where)
    from candlecast.domain.reconcile.restoration import Restoration

    generation, restored_to = connection.generation + 1, datetime.fromisoformat(to)
    target, origin = _name_of(connection, generation), source or connection.output("TableName")
    dynamodb = connection.client("dynamodb")
    with aws_refusals(), Steps() as steps:
        known = _described(dynamodb, target)
        if known is None:
            steps.step(f"restoring {origin} as of {to} into {target}")
            _restore(connection, dynamodb, origin, target, restored_to)
        _require_moment(connection, target, known, restored_to)
        _wait_for_table(dynamodb, target)
        steps.step("stream, expiry, recovery, protection, tags")
        _complete(connection, dynamodb, origin, target)
        steps.step("the switch of the platform, requests of operators, and the marker")
        _pause(connection, target, generation, REASON)
        _end_approvals(connection, target)
        _restorations(connection, target).put(Restoration(generation=generation, restored_to=restored_to))
    _tell_switches(connection, target)
    say(f"{target} is {origin} as of {moment(restored_to)}. Entries are paused in it. Next: {where.command('restore', 'adopt')}")


@app.command(epilog=examples("candlecast restore adopt --stack candlecast-prod"))
@stacks.options
def adopt(where: stacks.Where) -> None:
    """Let the stack use the restored table: an update of two parameters. Its accounts are accounted for from then on."""
    from candlecast.adapters.system import SystemClock
    from candlecast_cli.restored_secrets import recover_secrets

    connection = stacks.connect(where)
    dynamodb, present = connection.client("dynamodb"), connection.generation
    with aws_refusals(), Steps() as steps:
        begun = _restorations(connection, _name_of(connection, present)).find() if present > 1 else None
        half_done = begun is not None and begun.adopted_at is None
        generation = present if half_done else present + 1
        target = _name_of(connection, generation)
        described = _described(dynamodb, target)
        marker = _restorations(connection, target).find() if described is not None else None
        if described is None and begun is not None and begun.adopted_at is not None:
            used, since = _name_of(connection, present), moment(begun.adopted_at)
            message = f"{connection.name} uses {used} since {since}, and no newer table was restored. Next: "
            raise CommandFailed("ADOPTED_ALREADY", message + where.command("restore", "status"))
        if described is None or marker is None or "LatestStreamArn" not in described:
            message = f"{target} is not there or not complete: {where.command('restore', 'table')} --to TIME"
            raise CommandFailed("NOT_RESTORED", message)
        _require_key(connection, target, described)
        left = _left_behind(connection, generation)
        if not half_done:
            steps.step(f"the stack adopts {target}")
            _update(connection, {stacks.GENERATION: str(generation), STREAM: described["LatestStreamArn"]})
        steps.step("secrets of sources, and a stop in the old table")
        told = [line for line in (it.told(SystemClock().now()) for it in recover_secrets(connection, target)) if line is not None]
        left_open = not _close(connection, left, generation)
        _restorations(connection, target).put(replace(marker, adopted_at=SystemClock().now()))
    for line in told:
        warn(line)
    if left_open:
        warn(f"{left} takes no switch: never give it back to the stack")
    say(f"for samconfig.toml: {stacks.GENERATION}={generation} {STREAM}={described['LatestStreamArn']}")
    say(f"{connection.name} uses {target}. Next: {where.command('restore', 'status')}, until every account is accounted for")


@app.command(epilog=examples("candlecast restore status --stack candlecast-prod"))
@stacks.options
def status(where: stacks.Where, as_json: AsJson = False) -> None:
    """List the accounts that no look has accounted for yet. Exit code 1 while there are any.

    Left out are accounts that get no look: without keys, or disabled with nothing open. Their block ends after they are enabled.
    """
    connection = stacks.connect(where)
    generation = connection.generation
    with aws_refusals():
        waiting = _name_of(connection, generation + 1)
        if _described(connection.client("dynamodb"), waiting) is not None:
            used = connection.output("TableName")
            message = f"{connection.name} uses {used} and not {waiting}: no account waits before `restore adopt`"
            raise CommandFailed("NOT_ADOPTED", message)
        if generation == OWN:
            raise CommandFailed("NOT_RESTORED", f"{connection.name} has no restored table, so no account waits for a look")
        behind = [account for account in accounts(connection) if account.generation < generation and _gets_a_look(account)]
    if as_json:
        put_json([dict(zip(COLUMNS, _row(account), strict=True)) for account in behind])
    elif behind:
        put_table(COLUMNS, [_row(account) for account in behind])
    else:
        say("every account is accounted for")
    if behind:
        raise typer.Exit(ExitCode.FAILED)


@app.command(epilog=examples("candlecast restore undone --stack candlecast-prod", "candlecast restore undone --json"))
@stacks.options
def undone(
    where: stacks.Where,
    source: Annotated[
        str | None, typer.Option("--from", metavar="TABLE", help="Another table than the one before the restored one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what people had changed in the lost minutes, as far as the old table can still be read. It changes nothing."""
    from candlecast_cli.restored_words import undone as found_in

    connection = stacks.connect(where)
    with aws_refusals():
        generation = connection.generation
        if _described(connection.client("dynamodb"), _name_of(connection, generation + 1)) is not None:
            generation += 1  # not adopted yet
        if generation == OWN:
            raise CommandFailed("NOT_RESTORED", f"{connection.name} has no restored table")
        left, restored = source or _left_behind(connection, generation), _name_of(connection, generation)
        if _described(connection.client("dynamodb"), left) is None:
            raise CommandFailed("TABLE_GONE", f"{left} is not there any more, so nobody can say what was changed")
        found = found_in(connection, left, restored)
    if as_json:
        put_json([asdict(it) for it in found])
    elif found:
        put_table(("item", "field", "was last", "is again"), [(it.item, it.field, it.was, it.restored) for it in found])
    else:
        say("nobody has changed anything")


# -- the table ---------------------------------------------------------------------------------------------------------------


def _name_of(connection: stacks.Stack, generation: int) -> str:
    """The name that the template gives the table of a generation."""
    return f"{connection.name}-state-{generation}" if generation > 1 else connection.output("TableName")


def _described(dynamodb: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    return found


def _restore(connection: stacks.Stack, dynamodb: Any, origin: str, target: str, restored_to: datetime) -> None:
    key = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": connection.output("KeyArn")}
    try:
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=origin,
            TargetTableName=target,
            RestoreDateTime=restored_to,
            BillingModeOverride="PAY_PER_REQUEST",
            SSESpecificationOverride=key,
        )
    except dynamodb.exceptions.InvalidRestoreTimeException:
        found = dynamodb.describe_continuous_backups(TableName=origin)["ContinuousBackupsDescription"]
        window = found["PointInTimeRecoveryDescription"]
        first, last = (
            moment(window[name].astimezone(UTC)) for name in ("EarliestRestorableDateTime", "LatestRestorableDateTime")
        )
        raise CommandFailed("MOMENT_NOT_KEPT", f"{origin} can be restored to a moment from {first} to {last}") from None


def _require_moment(connection: stacks.Stack, target: str, known: dict[str, Any] | None, restored_to: datetime) -> None:
    """Refuse to go on with a table that is no restored one, or of another moment: its marker would lie about the lost minutes."""
    if known is None:
        return
    summary = known.get("RestoreSummary", {}).get("RestoreDateTime")
    marker = _restorations(connection, target).find() if known["TableStatus"] == "ACTIVE" else None
    found = marker.restored_to if marker is not None else summary
    if found is None:
        raise CommandFailed("NOT_RESTORED", f"{target} is there and was not made by a restore: delete the table first")
    if found != restored_to:
        message = f"{target} is of {moment(found)}: go on with that moment, or delete the table first"
        raise CommandFailed("ANOTHER_MOMENT", message)


def _require_key(connection: stacks.Stack, target: str, described: dict[str, Any]) -> None:
    """Refuse a table that the stack's key does not encrypt: everything that it will hold is promised to be."""
    if described.get("SSEDescription", {}).get("KMSMasterKeyArn") != connection.output("KeyArn"):
        raise CommandFailed(
            "NOT_ENCRYPTED", f"{target} is not encrypted with the stack's key: delete it, then candlecast restore table"
        )


def _wait_for_table(dynamodb: Any, name: str) -> None:
    """Wait for the table and all its indexes."""

    def ready() -> bool:
        found = _described(dynamodb, name) or {}
        indexes = found.get("GlobalSecondaryIndexes", [])
        return found.get("TableStatus") == "ACTIVE" and all(it["IndexStatus"] == "ACTIVE" for it in indexes)

    _wait(ready, TABLE_SECONDS, f"{name} did not become active")


def _complete(connection: stacks.Stack, dynamodb: Any, origin: str, target: str) -> None:
    """Add what a restore leaves out, each unless it is there."""
    described = _described(dynamodb, target) or {}
    if not described.get("StreamSpecification", {}).get("StreamEnabled"):
        dynamodb.update_table(TableName=target, StreamSpecification={"StreamEnabled": True, "StreamViewType": VIEW})
        _wait_for_table(dynamodb, target)
    expiry = dynamodb.describe_time_to_live(TableName=target)["TimeToLiveDescription"]
    if expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(TableName=target, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES})
    _wait(lambda: _is_recoverable(dynamodb, target), TABLE_SECONDS, f"recovery of {target} could not be switched on")
    if connection.parameters.get("Environment") == "prod" and not described.get("DeletionProtectionEnabled"):
        dynamodb.update_table(TableName=target, DeletionProtectionEnabled=True)
        _wait_for_table(dynamodb, target)
    source = _described(dynamodb, origin)
    tags = dynamodb.list_tags_of_resource(ResourceArn=source["TableArn"])["Tags"] if source is not None else []
    kept = [tag for tag in tags if not tag["Key"].startswith("aws:")]  # AWS's own, which nobody else may set
    if kept:
        dynamodb.tag_resource(ResourceArn=described["TableArn"], Tags=kept)


def _is_recoverable(dynamodb: Any, target: str) -> bool:
    """Switch point-in-time recovery on; whether that was possible yet: AWS prepares backups of a new table for a while."""
    recovery = {"PointInTimeRecoveryEnabled": True}
    try:
        dynamodb.update_continuous_backups(TableName=target, PointInTimeRecoverySpecification=recovery)
    except dynamodb.exceptions.ContinuousBackupsUnavailableException:
        return False
    return True


def _pause(connection: stacks.Stack, target: str, generation: int, reason: str) -> None:
    """Turn the platform's switch on in a table that no function uses, unless a stricter grade is on.

    In a restored table, because switches of the lost minutes are lost. In the old table, because its accounts know of no restore:
    a stack that goes back would enter on a book of long ago.
    """
    from candlecast.adapters.dynamodb.gate import DynamoGate
    from candlecast.adapters.system import SystemClock
    from candlecast.services.account.set_kill_switch import SecondOperatorNeeded, SetKillSwitch, Setter

    switch = SetKillSwitch(DynamoGate(connection.table(target, generation)), SystemClock())
    try:
        switch.set(PLATFORM, Grade.PAUSE_ENTRIES, reason, Setter(connection.identity, is_operations=True))
    except SecondOperatorNeeded:
        return


def _end_approvals(connection: stacks.Stack, target: str) -> None:
    from candlecast.adapters.dynamodb.approvals import DynamoApprovalStore
    from candlecast.adapters.system import SystemClock
    from candlecast.services.people.end_approvals import EndApprovals

    EndApprovals(DynamoApprovalStore(connection.table(target)), SystemClock())(connection.identity)


def _tell_switches(connection: stacks.Stack, target: str) -> None:
    """Name the switches that do more than to stop entries: one that was lifted since is on again, and is acted on."""
    from candlecast.adapters.dynamodb.gate import DynamoGate

    with aws_refusals():
        found = [it for it in DynamoGate(connection.table(target)).list_switches() if it.grade in ACTING]
    for switch in found:
        place = f"{switch.place.scope} {switch.place.scope_id}"
        warn(f"{switch.grade} of {place} is on in {target}, and in force once the stack adopts it: {switch.reason}")


def _left_behind(connection: stacks.Stack, generation: int) -> str:
    """The table of the generation before."""
    if generation > OWN + 1:
        return _name_of(connection, generation - 1)
    found = connection.client("cloudformation").describe_stack_resource(StackName=connection.name, LogicalResourceId="Table")
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _close(connection: stacks.Stack, left: str, generation: int) -> bool:
    """Pause entries in the old table, unless the table is lost; whether that was done."""
    from pynamodb.exceptions import PynamoDBException

    from candlecast.domain.values.errors import DomainError

    if _described(connection.client("dynamodb"), left) is None:
        return True
    try:
        _pause(connection, left, generation - 1, LEFT_FOR.format(generation))
    except (DomainError, PynamoDBException):  # lost or damaged: that may be why it was left
        return False
    return True


def _restorations(connection: stacks.Stack, target: str) -> Restorations:
    """The marker in a table."""
    from candlecast.adapters.dynamodb.restorations import DynamoRestorations

    return DynamoRestorations(connection.table(target))


# -- the stack ---------------------------------------------------------------------------------------------------------------


def _update(connection: stacks.Stack, changed: dict[str, str]) -> None:
    """Update the stack's parameters and nothing else, and wait until that is done."""
    cloudformation = connection.client("cloudformation")
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in connection.parameters if key not in changed]
    wanted = [{"ParameterKey": key, "ParameterValue": value} for key, value in changed.items()]
    cloudformation.update_stack(
        StackName=connection.name, UsePreviousTemplate=True, Parameters=[*kept, *wanted], Capabilities=CAPABILITIES
    )

    def state() -> str:
        return str(cloudformation.describe_stacks(StackName=connection.name)["Stacks"][0]["StackStatus"])

    _wait(lambda: not state().endswith("IN_PROGRESS"), STACK_SECONDS, f"{connection.name} did not finish its update")
    if state() != "UPDATE_COMPLETE":
        raise CommandFailed("NOT_ADOPTED", f"{connection.name} is {state()}: its events say why")


def _wait(ready: Callable[[], bool], seconds: float, late: str) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise CommandFailed("TOO_LATE", f"{late} within {seconds / 60:.0f} minutes: run the command again")
        time.sleep(POLL_SECONDS)


# -- the accounts ------------------------------------------------------------------------------------------------------------


def accounts(connection: stacks.Stack) -> Iterator[Account]:
    """Every account of the table; no index lists those that nobody trades on."""
    from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND, account_of, names_of

    kind = {":kind": {"S": ACCOUNT_KIND}}
    table = connection.output("TableName")
    for item in stacks.scan(connection, table, FilterExpression="kind = :kind", ExpressionAttributeValues=kind):
        yield account_of(item, names_of(item["PK"]["S"])[0])


def _gets_a_look(account: Account) -> bool:
    from candlecast.adapters.system import SystemClock
    from candlecast.domain.reconcile.look_schedule import next_due

    return next_due(account, SystemClock().now()) is not None


def _row(account: Account) -> tuple[object, ...]:
    held = (account.generation, len(account.positions), len(account.intents))
    return (account.tenant_id, account.account_id, *held, " ".join(each.cause for each in account.suspensions))
