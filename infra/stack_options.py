"""Prints the options of `candlecast` for the stack that `make deploy` has deployed, as samconfig.toml names the stack."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.compare_versions import ROOT, CannotCompare, configured

REFUSED, DONE = 2, 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print `--stack NAME`, with profile and region where the configuration has them; 2 without a name."""
    parser = argparse.ArgumentParser(prog="python -m infra.stack_options", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stack", help="the stack's name; else what the configuration says")
    parser.add_argument("--config-file", type=Path, default=ROOT / "samconfig.toml", help="of `sam deploy`")
    parser.add_argument("--config-env", default="default", help="section of the configuration")
    options = parser.parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
    except CannotCompare as error:
        sys.stderr.write(f"stack_options: {error}\n")
        return REFUSED
    named = {"stack": options.stack or known.get("stack_name"), "profile": known.get("profile"), "region": known.get("region")}
    if not named["stack"]:
        sys.stderr.write(f"stack_options: {options.config_file} names no stack: say --stack NAME\n")
        return REFUSED
    words = [word for name, value in named.items() if value for word in (f"--{name}", value)]
    sys.stdout.write(shlex.join(words) + "\n")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
