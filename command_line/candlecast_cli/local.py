"""`candlecast local`: the stack of this checkout, in an embedded AWS cloud on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, cast

import typer

from candlecast_cli import checkout
from candlecast_cli.failures import CommandFailed, ExitCode, unknown
from candlecast_cli.printing import LINES, AsJson, Steps, console, examples, put_json, put_table, say, visible, warn
from candlecast_cli.stacks import DEFAULT_INSTANCE, Instance

if TYPE_CHECKING:
    from infra.local.cloud import Cloud, Ports
    from infra.local.demo.run import Options

FOLLOW_SECONDS = 0.5
WAIT_SECONDS = 0.2
PARENT_SECONDS = 0.5
DEFAULT_EMAIL = "trader@example.com"
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
ASSET = re.compile(r"[A-Z0-9]{2,15}")
ACTIONS = ("buy", "sell", "exit")
ADDRESSES = ("ApiUrl", "PaperExchangeUrl")  # most looked for among some forty outputs

app = typer.Typer(
    help="The stack of this checkout in an embedded AWS cloud: no AWS account, no Docker.",
    no_args_is_help=True,
    epilog=examples("candlecast local up", "candlecast local order --watch", "candlecast local logs order_executor --follow"),
)

Candles = Annotated[str, typer.Option(metavar="PATH[,PATH]", help="Recorded candles, one market each; without it, the sample's.")]
Users = Annotated[int | None, typer.Option(help="How many people trade.")]
CandleCount = Annotated[int | None, typer.Option(help="How many candles of each file are replayed.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is printed from now on.")]
EndWith = Annotated[int | None, typer.Option(hidden=True, metavar="PID", help="Stop when this process, the parent, has ended.")]


@contextmanager
def stoppable(end_with: int | None = None) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM stop the block, at once and in order, also where a shell has made SIGINT ignored.

    The first one counts: stopping takes a second, and a second one would interrupt that.
    """

    def stop(*_signal: object) -> None:
        for name in before:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    for name in before:
        signal.signal(name, stop)
    if end_with is not None:
        threading.Thread(target=_watch_parent, args=(end_with,), daemon=True).start()
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def _prepare() -> None:
    """The checkout with all that the embedded cloud needs."""
    checkout.enter()
    from infra.local.project import ROOT

    checkout.prepare(ROOT, "dev", "emulator", "sam")


def _options(candles: str, users: int | None, candle_count: int | None) -> Options:
    from infra.local.demo.replay import DEFAULT_CANDLE_COUNT
    from infra.local.demo.run import Options
    from infra.local.demo.scenario import DEFAULT_USERS

    return Options(
        candles=tuple(Path(path) for path in candles.split(",") if path),
        users=DEFAULT_USERS if users is None else users,
        candle_count=DEFAULT_CANDLE_COUNT if candle_count is None else candle_count,
    )


@app.command(
    epilog=examples(
        "candlecast local up",
        "candlecast local up --fresh --users 10",
        "candlecast local up --name second --port 4600 --api-port 8090 --paper-port 8091",
    )
)
def up(
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what an earlier run has kept.")] = False,
    candles: Candles = "",
    users: Users = None,
    candle_count: CandleCount = None,
    name: Instance = DEFAULT_INSTANCE,
    port: Annotated[int | None, typer.Option(help="AWS's APIs; 4566 unless another is kept.")] = None,
    api_port: Annotated[int | None, typer.Option(help="The product's API; 8080 unless another is kept.")] = None,
    paper_port: Annotated[int | None, typer.Option(help="The paper exchange; 8081 unless another is kept.")] = None,
    workers_per_function: Annotated[int | None, typer.Option(min=1, max=64, help="Processes of one function.")] = None,
    end_with: EndWith = None,
) -> None:
    """Start the stack and stay until Ctrl-C, while its schedules fire in real time.

    Accounts, keys, strategies, subscriptions, people and the paper exchange's book are kept for the next time.
    """
    _prepare()
    from infra.local import kept_state
    from infra.local.cloud import DEFAULT_WORKERS, USUAL_PORTS, Cloud, require_name
    from infra.local.demo import run

    require_name(name)
    chosen = _options(candles, users, candle_count)
    run.read_files(chosen)  # a broken file is said before anything is started
    if Cloud(name).running():
        raise CommandFailed(
            "INSTANCE_RUNNING",
            f"an embedded cloud called {name} is running already: stop it, or take another --name and other ports",
        )
    asked = _ports(port, api_port, paper_port)
    if fresh:
        kept_state.forget(name)
    recorded = kept_state.is_recorded(name)
    found = kept_state.find(name, asked)
    if found is None:
        if recorded:
            warn("the first run was killed before its state was written: its accounts are lost, this run starts anew")
        kept_state.forget(name)  # of a start that was not finished
    elif found.complaint:
        warn(found.complaint)
    if found and (candles or users or candle_count):
        warn(f"{found.kept.users} people are kept from an earlier run; for others start with --fresh")
    ports = found.kept.ports if found else (asked or USUAL_PORTS)
    with stoppable(end_with), Steps() as steps:
        workers = workers_per_function or DEFAULT_WORKERS
        cloud = Cloud(name, ports=ports, workers_per_function=workers, keep_state=True, say=steps.step)
        with cloud:
            if found:
                run.resume(cloud, found.kept, cast(TextIO, steps))
            else:
                run.up(cloud, chosen, cast(TextIO, steps))
            say("stays until Ctrl-C, and keeps accounts, keys and subscriptions for the next time")
            _stay(cloud)


def _stay(cloud: Cloud) -> None:
    """Wait for Ctrl-C, which is how it is meant to end, or for `candlecast local down`. Raises EMULATOR_FAILED after a crash."""
    try:
        while cloud.alive:
            time.sleep(WAIT_SECONDS)
    except KeyboardInterrupt:
        say("stopping")
        return
    if cloud.crashed:
        message = f"the emulator was killed: what changed since the start is lost. Its output is in {cloud.state}/emulator.log"
        raise CommandFailed("EMULATOR_FAILED", message)


def _ports(aws: int | None, api: int | None, paper: int | None) -> Ports | None:
    """The ports that were asked for, the usual ones where one was left out; None if nothing was asked for."""
    from infra.local.cloud import USUAL_PORTS, Ports

    if aws is None and api is None and paper is None:
        return None
    return Ports(aws or USUAL_PORTS.aws, api or USUAL_PORTS.api, paper or USUAL_PORTS.paper)


@app.command(epilog=examples("candlecast local demo", "candlecast local demo --users 200 --candle-count 120"))
def demo(candles: Candles = "", users: Users = None, candle_count: CandleCount = None, end_with: EndWith = None) -> None:
    """Replay recorded candles through the real stack, compare both books, and end: 0 only if nothing was lost or done twice."""
    _prepare()
    from infra.local.demo import run

    chosen = _options(candles, users, candle_count)
    with stoppable(end_with):
        raise typer.Exit(run.demo(chosen))


@app.command(epilog=examples("candlecast local chaos", "candlecast local chaos --kills 40 --seed 7"))
def chaos(
    candles: Candles = "",
    users: Users = None,
    candle_count: CandleCount = None,
    kills: Annotated[int | None, typer.Option(help="Processes to kill, at most.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draws moments and victims.")] = None,
    end_with: EndWith = None,
) -> None:
    """Run the demo while processes of every function are killed, and check that every invariant holds at the end."""
    _prepare()
    from infra.local.demo import chaos as fire

    usual = (fire.DEFAULT_USERS if users is None else users, fire.DEFAULT_CANDLE_COUNT if candle_count is None else candle_count)
    chosen = fire.ChaosOptions(
        _options(candles, *usual),
        kills=fire.DEFAULT_KILLS if kills is None else kills,
        seed=fire.DEFAULT_SEED if seed is None else seed,
    )
    with stoppable(end_with):
        raise typer.Exit(fire.chaos(chosen))


@app.command(epilog=examples("candlecast local down", "candlecast local down --name second"))
def down(name: Instance = DEFAULT_INSTANCE) -> None:
    """Stop an instance that another terminal started; its state is kept."""
    _attach(name).stop()
    say(f"{name} is stopped")


@app.command(
    epilog=examples("candlecast local status", "candlecast local status --json", "candlecast local status --output ApiUrl")
)
def status(
    as_json: AsJson = False,
    output: Annotated[str | None, typer.Option(metavar="NAME", help="Only this output of the stack, as plain text.")] = None,
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Show where an instance answers, its workers and its outputs."""
    cloud = _attach(name)
    if output is not None:
        if output not in cloud.outputs:
            raise unknown("OUTPUT", output, list(cloud.outputs))
        print(cloud.outputs[output])
        return
    workers = [{"function": worker.function, "pid": worker.pid, "busy": worker.busy} for worker in cloud.workers()]
    if as_json:
        put_json({"endpoint": cloud.endpoint, "outputs": cloud.outputs, "workers": workers})
        return
    first = [("AWS", cloud.endpoint), *((name, cloud.outputs[name]) for name in ADDRESSES if name in cloud.outputs)]
    put_table(("output", "value"), first + sorted(item for item in cloud.outputs.items() if item[0] not in ADDRESSES))
    put_table(
        ("worker", "pid", "busy"),
        [(it["function"], it["pid"], "yes" if it["busy"] else "no") for it in workers],
        title="\nWorkers",
    )


@app.command(epilog=examples("candlecast local logs", "candlecast local logs order_executor --follow"))
def logs(
    function: Annotated[str | None, typer.Argument(metavar="FUNCTION", help="Only this one, such as order_executor.")] = None,
    follow: Follow = False,
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Print what functions have logged."""
    cloud = _attach(name)
    if function is not None and function not in (known := cloud.functions()):
        raise unknown("FUNCTION", function, known)
    seen: dict[str, int] = {}
    with stoppable():
        while True:
            for logged, text in cloud.logs().items():
                if function is None or logged.endswith(f"-{function}"):
                    for line in text[seen.get(logged, 0) :].splitlines():
                        print(f"{logged}  {visible(line, keep=LINES)}", flush=True)
                    seen[logged] = len(text)
            if not follow:
                return
            time.sleep(FOLLOW_SECONDS)


def _email(address: str) -> str:
    if not ADDRESS.fullmatch(address):
        raise CommandFailed("USAGE", f"{address!r} is no e-mail address", ExitCode.USAGE)
    return address


Email = Annotated[str, typer.Argument(callback=_email, metavar="EMAIL", help="Who; made if the user pool does not know them.")]


@app.command(
    epilog=examples("candlecast local token you@example.com", "candlecast local token admin@example.com --group platform_admin")
)
def token(
    email: Email = DEFAULT_EMAIL,
    group: Annotated[list[str] | None, typer.Option(help="Role of the user, such as platform_admin.")] = None,
    as_json: AsJson = False,
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Print a token for the API; it lasts an hour."""
    cloud = _attach(name)
    known = cloud.groups()
    for wanted in group or ():
        if wanted not in known:
            raise unknown("GROUP", wanted, known)
    user = cloud.user(email, groups=tuple(group or ()))
    if as_json:
        put_json({"email": user.email, "tenant_id": user.sub, "token": user.token})
    else:
        print(user.token)


def _asset(name: str) -> str:
    if not ASSET.fullmatch(name):
        raise CommandFailed("USAGE", f"{name!r} is no asset: capitals and digits, such as USDT", ExitCode.USAGE)
    return name


def _amount(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise CommandFailed("USAGE", f"{text!r} is no number", ExitCode.USAGE) from None
    if not value.is_finite() or value <= 0:
        raise CommandFailed("USAGE", f"an amount is more than 0, not {text}", ExitCode.USAGE)
    return text


@app.command(epilog=examples("candlecast local keys", "candlecast local keys --asset USDT --balance 5000"))
def keys(
    asset: Annotated[str, typer.Option(callback=_asset, help="What the balance is in.")] = "USDT",
    balance: Annotated[str, typer.Option(callback=_amount, help="How much of it.")] = "10000",
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Open an account at the paper exchange; print its keys as JSON, as the API takes them."""
    cloud = _attach(name)
    from infra.local.demo.exchange import Operator

    issued = Operator(cloud).open_account(asset, Decimal(balance))
    print(json.dumps({"api_key": issued.api_key, "api_secret": issued.api_secret}))


def _action(word: str) -> str:
    if word not in ACTIONS:
        raise unknown("ACTION", word, list(ACTIONS))
    return word


@app.command(
    epilog=examples(
        "candlecast local order --watch", "candlecast local order --action exit --watch", "candlecast local order --json"
    )
)
def order(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show decision, order and fill as they happen.")] = False,
    action: Annotated[str, typer.Option(callback=_action, metavar="ACTION", help="buy, sell, or exit for what is held.")] = "buy",
    market: Annotated[str, typer.Option(metavar="SYMBOL", help="In the paper exchange's words.")] = "BTCUSDT",
    notional: Annotated[str, typer.Option(callback=_amount, help="What the order is worth, in the quote currency.")] = "250",
    email: Annotated[str, typer.Option(callback=_email, help="Whose; gets account and subscription.")] = DEFAULT_EMAIL,
    as_json: AsJson = False,
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Send a signal to a webhook and, with --watch, follow the order to its fill.

    The first call makes what it needs: a strategy of signals, an account with paper keys, a subscription.
    """
    cloud = _attach(name)
    from infra.local.first_order import FirstOrder, Step

    found: list[Step] = []

    def told(step: Step) -> None:
        found.append(step)
        if not as_json:
            console().print(f"  [dim]{step.seconds:6.2f} s[/dim]  [bold]{step.kind:<9}[/bold] ", end="")
            console().print(visible(step.text), markup=False)
            sys.stdout.flush()

    with stoppable():
        with Steps() as steps:
            steps.step("prepare strategy, account, keys and subscription")
            trade = FirstOrder(cloud, email, Decimal(notional))
            trade.prepare()
        told(trade.send(action, market))
        for step in trade.watch() if watch else ():
            told(step)
    if as_json:
        put_json([asdict(step) for step in found])
    if watch and not any(step.kind == "fill" for step in found):
        raise CommandFailed("NOT_FILLED", _why_not(found))


def _why_not(steps: list[Any]) -> str:
    reasons = sorted({code for step in steps if step.kind == "decision" for code in step.facts["reasons"]})
    if "POSITION_ALREADY_OPEN" in reasons:
        return "the position is open already: `candlecast local order --action exit --watch` closes it"
    if "KILL_SWITCH" in reasons:
        return "nothing was filled: KILL_SWITCH: `candlecast switch show` says which, `candlecast switch lift` ends it"
    return f"nothing was filled: {', '.join(reasons) or 'see the steps above'}"


@app.command(epilog=examples("candlecast local deploy", "candlecast local deploy --parameter LogLevel=DEBUG"))
def deploy(
    parameter: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the template.")] = None,
    as_json: AsJson = False,
    name: Instance = DEFAULT_INSTANCE,
) -> None:
    """Deploy the checkout into a running instance; parameters that are not named keep their values."""
    overrides = dict(_pair(text) for text in parameter or ())
    cloud = _attach(name)
    from infra.local import kept_state

    with stoppable(), Steps() as steps:
        cloud.say = steps.step
        outputs = cloud.update(**overrides)
        kept_state.note_build(cloud)
    if as_json:
        put_json(outputs)
    else:
        put_table(("output", "value"), sorted(outputs.items()))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CommandFailed("USAGE", f"a parameter is NAME=VALUE, not {text!r}", ExitCode.USAGE)
    return name, value


def _attach(name: str) -> Cloud:
    checkout.enter()
    from infra.local.cloud import Cloud

    return Cloud.attach(name)
