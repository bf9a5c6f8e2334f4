"""Prints the options of `candlecast` for the stack that `make deploy` has deployed, as samconfig.toml names the stack."""

import shlex
import sys
from collections.abc import Sequence

from infra.samconfig import NotConfigured, configured, parser_of

REFUSED, DONE = 2, 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print `--stack NAME`, with profile and region where the configuration has them; 2 without a name."""
    options = parser_of("infra.stack_options", __doc__).parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
    except NotConfigured as error:
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
