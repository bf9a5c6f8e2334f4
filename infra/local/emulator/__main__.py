"""`python -m infra.local.emulator`: the embedded cloud in this process, until SIGTERM."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from .http_apis import Port
from .patching import PatchError
from .server import Settings, StartError, fail, serve


def http_port(text: str) -> Port:
    """8080=api: port and part of the API's name."""
    number, _, name = text.partition("=")
    if not number.isdigit() or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not PORT=NAME")
    return Port(int(number), name)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local.emulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="AWS's APIs")
    parser.add_argument("--http-api", type=http_port, action="append", default=[], metavar="PORT=NAME")
    parser.add_argument("--state", type=Path, required=True, help="folder of this instance")
    parser.add_argument("--code", type=Path, required=True, help="unzipped code, shared by instances")
    parser.add_argument("--workers-per-function", type=int, default=4)
    parser.add_argument("--enforce-roles", action="store_true", help="functions may do what their roles allow, no more")
    parser.add_argument("--end-with", type=int, metavar="PID", help="stop when this process, the parent, has ended")
    parser.add_argument("--keep-state", action="store_true", help="read the state at the start, write it at a clean stop")
    parser.add_argument("--log-level", default="WARNING")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings(
        port=options.port,
        http_ports=tuple(options.http_api),
        state=options.state.resolve(),
        code=options.code.resolve(),
        workers_per_function=options.workers_per_function,
        enforce_roles=options.enforce_roles,
        end_with=options.end_with,
        keep_state=options.keep_state,
    )
    try:
        serve(settings)
    except (StartError, PatchError, RuntimeError) as error:
        return fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
