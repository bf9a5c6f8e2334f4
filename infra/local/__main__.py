"""The `candlecast` command line: `.venvs/dev/bin/candlecast COMMAND`, or `python -m infra.local COMMAND`."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from infra.local import dead_letters, deployment
from infra.local.cloud import DEFAULT_WORKERS, USUAL_PORTS, Cloud, Ports
from infra.local.demo.chaos import DEFAULT_CANDLE_COUNT as CHAOS_CANDLE_COUNT
from infra.local.demo.chaos import DEFAULT_KILLS, DEFAULT_SEED, ChaosOptions
from infra.local.demo.chaos import DEFAULT_USERS as CHAOS_USERS
from infra.local.demo.chaos import chaos as run_chaos
from infra.local.demo.exchange import Operator
from infra.local.demo.replay import DEFAULT_CANDLE_COUNT
from infra.local.demo.run import Options
from infra.local.demo.run import demo as run_demo
from infra.local.demo.run import up as run_up
from infra.local.demo.scenario import DEFAULT_USERS
from infra.local.project import CommandError, architecture

DEFAULT_NAME = "up"
FOLLOW_SECONDS = 0.5
WAIT_SECONDS = 0.5


def say(text: str) -> None:
    """One line of progress, on standard error: what a command answers goes to standard output."""
    print(f"  {text}", file=sys.stderr, flush=True)


def up(options: argparse.Namespace) -> int:
    """Start, deploy, let people and strategies in, and stay until Ctrl-C while the schedules fire."""
    stopped = False

    def stop(*_signal: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    chosen = _chosen(options)
    ports = Ports(aws=options.port, api=options.api_port, paper=options.paper_port)
    with Cloud(options.name, ports=ports, workers_per_function=options.workers_per_function, say=say) as cloud:
        run_up(cloud, chosen)
        say("stays until Ctrl-C")
        while not stopped and cloud.alive:  # `candlecast down` ends it from elsewhere
            time.sleep(WAIT_SECONDS)
    return 0


def demo(options: argparse.Namespace) -> int:
    """Replay recorded candles through the real stack, compare both books, and end."""
    return run_demo(_chosen(options))


def chaos(options: argparse.Namespace) -> int:
    """Run the demo while processes of every function are killed, and check that every invariant holds at the end."""
    return run_chaos(ChaosOptions(_chosen(options), kills=options.kills, seed=options.seed))


def _chosen(options: argparse.Namespace) -> Options:
    """What the command line says of candles and people."""
    paths = tuple(Path(path) for path in options.candles.split(",") if path)
    return Options(candles=paths, users=options.users, candle_count=options.candle_count)


def down(options: argparse.Namespace) -> int:
    """Stop an instance that another terminal started."""
    Cloud.attach(options.name).stop()
    return 0


def build(options: argparse.Namespace) -> int:
    """`sam build`, for this machine unless another architecture is asked for."""
    digest = deployment.build(say, options.architecture)
    say(f"built {digest}")
    return 0


def deploy(options: argparse.Namespace) -> int:
    """Deploy the checkout into a running instance."""
    overrides = dict(pair.split("=", 1) for pair in options.parameter)
    print(json.dumps(Cloud.attach(options.name).deploy(**overrides), indent=2))
    return 0


def token(options: argparse.Namespace) -> int:
    """A token for the API."""
    print(Cloud.attach(options.name).user(options.email, groups=tuple(options.group)).token)
    return 0


def keys(options: argparse.Namespace) -> int:
    """Open an account at the paper exchange; its keys, as the API takes them."""
    issued = Operator(Cloud.attach(options.name)).open_account(options.asset, Decimal(options.balance))
    print(json.dumps({"api_key": issued.api_key, "api_secret": issued.api_secret}))
    return 0


def logs(options: argparse.Namespace) -> int:
    """What functions have printed, and with --follow what they print."""
    cloud = Cloud.attach(options.name)
    seen: dict[str, int] = {}
    while True:
        for function, text in cloud.logs().items():
            if options.function is None or function.endswith(options.function):
                for line in text[seen.get(function, 0) :].splitlines():
                    print(f"{function}  {line}", flush=True)
                seen[function] = len(text)
        if not options.follow:
            return 0
        time.sleep(FOLLOW_SECONDS)


def status(options: argparse.Namespace) -> int:
    """Where an instance answers, its workers and its outputs."""
    cloud = Cloud.attach(options.name)
    workers = [{"function": worker.function, "pid": worker.pid, "busy": worker.busy} for worker in cloud.workers()]
    print(json.dumps({"endpoint": cloud.endpoint, "outputs": cloud.outputs, "workers": workers}, indent=2))
    return 0


def parser() -> argparse.ArgumentParser:
    """Every command with its options; each names its function in `run`."""
    top = argparse.ArgumentParser(prog="candlecast", description="Candlecast in an embedded AWS cloud on this machine.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
        made.add_argument("--name", default=DEFAULT_NAME, help="which instance (a folder under build/cloud)")
        made.set_defaults(run=run)
        return made

    starting = command("up", up)
    starting.add_argument("--port", type=int, default=USUAL_PORTS.aws)
    starting.add_argument("--api-port", type=int, default=USUAL_PORTS.api)
    starting.add_argument("--paper-port", type=int, default=USUAL_PORTS.paper)
    starting.add_argument("--workers-per-function", type=int, default=DEFAULT_WORKERS)
    replaying = command("demo", demo)
    killing = command("chaos", chaos)
    killing.add_argument("--kills", type=int, default=DEFAULT_KILLS, help="processes to kill, at most")
    killing.add_argument("--seed", type=int, default=DEFAULT_SEED, help="draws moments and victims")
    usual = (DEFAULT_USERS, DEFAULT_CANDLE_COUNT)
    for choosing, (users, candles) in ((starting, usual), (replaying, usual), (killing, (CHAOS_USERS, CHAOS_CANDLE_COUNT))):
        choosing.add_argument("--candles", default="", metavar="PATH[,PATH]", help="recorded candles, one market each")
        choosing.add_argument("--users", type=int, default=users)
        choosing.add_argument("--candle-count", type=int, default=candles)
    command("down", down)
    command("build", build).add_argument("--architecture", choices=("arm64", "x86_64"), default=architecture())
    command("deploy", deploy).add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    dead_letters.add_commands(commands, DEFAULT_NAME)
    signing = command("token", token)
    signing.add_argument("email", nargs="?", default="trader@example.com")
    signing.add_argument("--group", action="append", default=[], help="role of the user")
    opening = command("keys", keys)
    opening.add_argument("--asset", default="USDT", help="what the balance is in")
    opening.add_argument("--balance", default="10000")
    reading = command("logs", logs)
    reading.add_argument("function", nargs="?", help="only the function whose name ends in this")
    reading.add_argument("--follow", action="store_true")
    command("status", status)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 with the reason on standard error."""
    options = parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except CommandError as error:
        print(f"candlecast: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("candlecast: stopped", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
