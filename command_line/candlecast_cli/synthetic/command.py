"""`candlecast synthetic`: the run with the stack's own doors, its table of hops, and its report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from candlecast_cli import stacks
from candlecast_cli.failures import CommandFailed, ExitCode, aws_refusals
from candlecast_cli.printing import AsJson, examples, moment, put_json, put_table, say, warn
from candlecast_cli.synthetic.hops import HOP_SECONDS, WHERE, Hop, HopFailed, PassedHop, Watch

if TYPE_CHECKING:
    from candlecast_cli.synthetic.tenant import Ports

LEAST_HOP_SECONDS, MOST_HOP_SECONDS = 1.0, 240.0  # a run ends after five minutes
REPORT = Path("build/synthetic/report.json")
COLUMNS = ("hop", "ms", "since the start")
EXAMPLES = examples(
    "candlecast synthetic",
    "candlecast synthetic --stack candlecast-prod --profile operator",
    "candlecast synthetic --stack candlecast-prod --expect-paused",
)


@stacks.options
def synthetic(
    where: stacks.Where,
    expect_paused: Annotated[
        bool, typer.Option("--expect-paused", help="Entries are paused: the entry must be denied, and nothing is opened.")
    ] = False,
    hop_seconds: Annotated[
        float, typer.Option(min=LEAST_HOP_SECONDS, max=MOST_HOP_SECONDS, help="A hop that takes longer has failed.")
    ] = HOP_SECONDS,
    report: Annotated[Path, typer.Option(help="Where the report for programs goes.")] = REPORT,
    as_json: AsJson = False,
) -> None:
    """Place one paper order end to end, close it again, and report the time of each hop.

    Exit code 0: sound. 1: failed, and the hop is named. 3: could not run here, for example without the paper exchange.
    """
    with _could_not_run():
        connection = stacks.connect(where)
        from candlecast_cli.synthetic.run import Run

        watch = Watch(time.monotonic, time.sleep, _tell, hop_seconds)
        run = Run(_ports(connection), watch)
    told = {"stack": connection.name, "expect_paused": expect_paused, "started_at": moment(datetime.now(UTC))}
    failure: HopFailed | CommandFailed | None = None
    try:
        with _could_not_run():
            run(expect_paused=expect_paused)
    except (HopFailed, CommandFailed) as error:
        failure = error
    answer = {**told, **_outcome(failure), **asdict(run.traded), **_hops(watch)}
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(answer, indent=2) + "\n", encoding="utf-8")
    if as_json:
        put_json(answer)
    else:
        put_table(COLUMNS, [(it.hop, it.milliseconds, it.since_start_milliseconds) for it in watch.passed])
    if run.traded.left_nothing is False:
        warn("something may still be open on paper, and its keys stay: the next run closes it first")
    if failure is None:
        say(f"sound: {'the entry was denied' if expect_paused else 'an order was filled and closed'}; the report is {report}")
    if isinstance(failure, HopFailed):
        raise CommandFailed("HOP_FAILED", f"{failure.hop}: {failure.code}: {failure.message}; look at {WHERE[failure.hop]}")
    if failure is not None:
        raise failure


@contextmanager
def _could_not_run() -> Iterator[None]:
    """A failure of no hop, such as a refusal of AWS, says nothing about the stack: exit code 3."""
    try:
        with aws_refusals():
            yield
    except CommandFailed as error:
        if error.exit_code is not ExitCode.FAILED:
            raise
        raise CommandFailed(error.code, str(error).removeprefix(f"{error.code}: "), ExitCode.MISSING) from error


def _tell(passed: PassedHop) -> None:
    say(f"{passed.hop}: {passed.milliseconds} ms")


def _outcome(failure: HopFailed | CommandFailed | None) -> dict[str, Any]:
    hop: Hop | None = failure.hop if isinstance(failure, HopFailed) else None
    message = failure.message if isinstance(failure, HopFailed) else str(failure or "")
    return {
        "sound": failure is None,
        "could_not_run": isinstance(failure, CommandFailed),
        "failed_hop": hop,
        "code": failure.code if failure is not None else None,
        "message": message,
    }


def _hops(watch: Watch) -> dict[str, Any]:
    milliseconds = watch.passed[-1].since_start_milliseconds if watch.passed else 0
    return {"milliseconds": milliseconds, "hops": [asdict(it) for it in watch.passed]}


def _ports(connection: stacks.Stack) -> Ports:
    """The stack's doors. Raises `CommandFailed` (PAPER_EXCHANGE_DISABLED, PAPER_EXCHANGE_ELSEWHERE)."""
    base_url = _paper_exchange(connection)
    from candlecast.adapters.aws.secrets import SecretsManagerSources, SecretsManagerWriter
    from candlecast.adapters.dynamodb.accounts import DynamoAccountStore
    from candlecast.adapters.dynamodb.history import DynamoHistory
    from candlecast.adapters.dynamodb.signals import DynamoSignalStore
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore
    from candlecast.adapters.dynamodb.subscriptions import DynamoSubscriptionStore
    from candlecast.adapters.dynamodb.turns import DynamoTurns
    from candlecast.adapters.s3.market_catalogue import S3CatalogueStore, S3Markets
    from candlecast.adapters.sqs.queues import SqsVettingQueue
    from candlecast.adapters.strategy_code import BuiltInStrategies
    from candlecast.adapters.system import RandomIdentifiers, SystemClock
    from candlecast_cli.https import Https
    from candlecast_cli.synthetic.doors import HttpPaperDoor, HttpWebhook
    from candlecast_cli.synthetic.tenant import Ports

    table, clock, https = connection.table(), SystemClock(), Https()
    secrets, s3, prefix = connection.client("secretsmanager"), connection.client("s3"), connection.output("SecretPrefix")
    operator_key = secrets.get_secret_value(SecretId=connection.output("OperatorSecretId"))["SecretString"]
    bucket, writer = connection.output("MarketsBucketName"), SecretsManagerWriter(secrets, prefix, connection.output("KeyArn"))
    return Ports(
        accounts=DynamoAccountStore(table, clock),
        strategies=DynamoStrategyStore(table),
        subscriptions=DynamoSubscriptionStore(table, clock),
        signals=DynamoSignalStore(table),
        history=DynamoHistory(table),
        turns=DynamoTurns(table),
        catalogue=S3CatalogueStore(s3, bucket, clock),
        markets=S3Markets(s3, bucket, clock),
        code=BuiltInStrategies(),
        source_secrets=SecretsManagerSources(secrets, prefix),
        source_writer=writer,
        vault=writer,
        vettings=SqsVettingQueue(connection.client("sqs"), connection.output("VettingQueueUrl")),
        refresh_catalogue=lambda: _refresh_catalogue(connection),
        webhook=HttpWebhook(connection.output("ApiUrl"), https, clock),
        paper=HttpPaperDoor(base_url, operator_key, https, clock),
        clock=clock,
        identifiers=RandomIdentifiers(),
    )


def _paper_exchange(connection: stacks.Stack) -> str:
    """The address of the stack's own paper exchange, if the venue `paper` is that one."""
    if connection.parameters.get("PaperExchange") == "disabled":
        message = f"{connection.name} has no paper exchange (PaperExchange=disabled), and a run trades nowhere else"
        raise CommandFailed("PAPER_EXCHANGE_DISABLED", message, ExitCode.MISSING)
    own = connection.output("PaperExchangeUrl")
    given = connection.parameters.get("PaperExchangeBaseUrl", "")
    if given.rstrip("/") not in ("", own.rstrip("/")):
        message = f"the venue paper of {connection.name} is at {given}, which is not its own paper exchange"
        raise CommandFailed("PAPER_EXCHANGE_ELSEWHERE", message, ExitCode.MISSING)
    return own


def _refresh_catalogue(connection: stacks.Stack) -> None:
    function = f"{connection.output('MarketCatalogueFunctionName')}:live"
    answer = connection.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"venues": ["paper"]}))
    if "FunctionError" in answer:
        raise HopFailed(Hop.TENANT, "CATALOGUE_FAILED", "market_catalogue could not write the catalogue of the paper exchange")
