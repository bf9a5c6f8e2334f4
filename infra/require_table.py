"""Refuses a deployment that would leave a restored table for an earlier one: part of `make deploy`.

`sam deploy --guided` proposes the template's own value for each parameter that samconfig.toml does not name. For TableGeneration
that is the stack's first table, whose book is older than the venue's (decision 0093). `make release` keeps the stack's values.
"""

import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.release.plan import GENERATION, generation_of
from infra.samconfig import Clients, NotConfigured, clients_of, configured, overrides, parser_of

EARLIER, UNKNOWN, SAME = 3, 2, 0
FIRST = "1"  # the template's value: the stack's own table
NO_STACK = "does not exist"  # CloudFormation has no error code of its own for that


def used_by(cloudformation: Any, stack: str) -> int:
    """Which table the stack uses; the first one for a stack that is still to be made."""
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if NO_STACK in str(error):
            return int(FIRST)
        raise
    return generation_of(described)


def main(arguments: Sequence[str] | None = None, clients: Clients | None = None) -> int:
    """Tell whether the configuration names the stack's table: 0, 3 if it names an earlier one, 2 if AWS does not say."""
    options = parser_of("infra.require_table", __doc__).parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
        proposed = int(overrides(known.get("parameter_overrides", "")).get(GENERATION, FIRST))
        made = clients or clients_of(known.get("profile"), known.get("region"))
        used = used_by(made("cloudformation"), options.stack or known.get("stack_name", ""))
    except (BotoCoreError, ClientError, NotConfigured) as error:
        sys.stderr.write(f"deploy: TABLE_UNKNOWN: {error}\n")
        return UNKNOWN
    if proposed < used:
        sys.stderr.write(
            f"deploy: EARLIER_TABLE: the state is in table generation {used}, the configuration says {proposed}: "
            f"put {GENERATION} and AdoptedStreamArn with the stack's values into samconfig.toml (infra/runbooks/restore.md)\n"
        )
        return EARLIER
    return SAME


if __name__ == "__main__":
    sys.exit(main())
