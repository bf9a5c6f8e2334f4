"""`candlecast deployment`: the pause of entries around a deployment, in the hands of its pipeline.

The command writes the stack's table with the caller's own AWS credentials, as `candlecast switch` does. The pause is an item of
its own, so a pipeline neither sets nor lifts a kill switch. A pipeline pauses, deploys, and resumes once the release has shown
that it works. A deployment that fails resumes nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from candlecast.domain.account.deployment_pause import DEPLOYMENT_ID, DeploymentPause
from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals
from candlecast_cli.printing import AsJson, examples, put_json, put_table, say, warn

if TYPE_CHECKING:
    from candlecast.services.account.pause_entries import PauseEntries

COLUMNS = ("deployment", "paused", "paused by", "paused at", "lifted by", "lifted at", "version")

app = typer.Typer(
    help="Pause all entries while a release is deployed; exits, stops and targets go. A failed deployment stays paused.",
    no_args_is_help=True,
    epilog=examples(
        "candlecast deployment pause 3f0c9a1 --stack candlecast-prod",
        "candlecast deployment resume 3f0c9a1 --stack candlecast-prod",
        "candlecast deployment resume --force --stack candlecast-prod",
        "candlecast deployment show --stack candlecast-prod",
    ),
)


def _deployment_id(name: str | None) -> str | None:
    if name is not None and not DEPLOYMENT_ID.fullmatch(name):
        raise CommandFailed(
            "USAGE", "the id of a deployment has 1 to 100 letters, digits, dots, dashes or underlines", ExitCode.USAGE
        )
    return name


Id = Annotated[
    str, typer.Argument(callback=_deployment_id, metavar="DEPLOYMENT_ID", help="Of this deployment: its commit, tag, or run.")
]


@app.command(epilog=examples("candlecast deployment pause 3f0c9a1 --stack candlecast-prod"))
@stacks.options
def pause(where: stacks.Where, deployment_id: Id, as_json: AsJson = False) -> None:
    """Deny all entries that leave from now on. A pause that another deployment has left is taken over."""
    connection = stacks.connect(where)
    with aws_refusals():
        _put(_use_case(connection).pause(deployment_id, connection.identity), as_json)


@app.command(
    epilog=examples(
        "candlecast deployment resume 3f0c9a1 --stack candlecast-prod",
        "candlecast deployment resume --force --stack candlecast-prod",
    )
)
@stacks.options
def resume(
    where: stacks.Where,
    deployment_id: Annotated[
        str | None, typer.Argument(callback=_deployment_id, metavar="DEPLOYMENT_ID", help="That has paused.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Lift the pause of any deployment: for a person, never for a pipeline.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let entries go again, if this deployment has paused them. Kill switches stay as they are."""
    if (deployment_id is None) is not force:
        raise CommandFailed("USAGE", "name the deployment, or lift the pause of any deployment by --force", ExitCode.USAGE)
    connection = stacks.connect(where)
    with aws_refusals():
        _put(_use_case(connection).resume(deployment_id, connection.identity), as_json)
    say(f"kill switches stay as they are: {where.command('switch', 'show')}")


@app.command(epilog=examples("candlecast deployment show --json --stack candlecast-prod"))
@stacks.options
def show(where: stacks.Where, as_json: AsJson = False) -> None:
    """Show the newest pause, and whether entries are denied now."""
    connection = stacks.connect(where)
    with aws_refusals():
        found = _use_case(connection).pauses.find_pause()
    if found is not None:
        _put(found, as_json)
    elif as_json:
        put_json(None)
    else:
        warn("entries were never paused")


def _use_case(connection: stacks.Stack) -> PauseEntries:
    from candlecast.adapters.dynamodb.deployment_pauses import DynamoDeploymentPauses
    from candlecast.adapters.system import SystemClock
    from candlecast.services.account.pause_entries import PauseEntries

    return PauseEntries(DynamoDeploymentPauses(connection.table()), SystemClock())


def _put(found: DeploymentPause, as_json: bool) -> None:
    if as_json:
        put_json({**asdict(found), "paused": found.is_on})
        return
    lifted = (found.lifted_by or "-", found.lifted_at or "-")
    paused = "yes" if found.is_on else "no"
    put_table(COLUMNS, [(found.deployment_id, paused, found.paused_by, found.paused_at, *lifted, found.version)])
