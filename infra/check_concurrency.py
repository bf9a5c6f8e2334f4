"""Refuses a deployment that would reserve more concurrency than the account's quota allows: part of `make deploy`.

CloudFormation finds out half way, and rolls back. Lambda demands that 100 executions stay for functions without a reservation
(docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html). A new account may have a quota of 10.

Reads only (`lambda:GetAccountSettings`, `lambda:GetFunctionConcurrency`), and nothing at all if nothing is to be reserved. The
parameters are those of samconfig.toml: `sam deploy --guided` may be told others.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.samconfig import Clients, NotConfigured, clients_of, configured, overrides, parser_of

TOO_SMALL, UNKNOWN, ENOUGH = 3, 2, 0
LEFT_UNRESERVED = 100  # Lambda's own bound

# The reservations of the template by function: a number, or the name of a parameter. A test holds both equal.
CLOCKS = {"candle_clock": 12, "reconcile_clock": 2}
QUEUES = {"order_executor": "ExecutorConcurrency", "order_reconciler": "ReconcilerReservation"}
RECONCILER_QUEUES = 2  # each may start ReconcilerConcurrency; less than their sum would be throttled after the poll
CAPS = {
    "api": "ApiConcurrency",
    "signal_intake": "IntakeConcurrency",
    "strategy_sandbox": "SandboxConcurrency",
    "paper_exchange": "PaperExchangeConcurrency",
}
DEFAULTS = {
    "ApiConcurrency": "0",
    "ExecutorConcurrency": "200",
    "IntakeConcurrency": "0",
    "PaperExchange": "enabled",
    "PaperExchangeConcurrency": "0",
    "ReconcilerConcurrency": "20",
    "ReconcilerReservation": "40",
    "ReservedConcurrency": "disabled",
    "SandboxConcurrency": "0",
}


def reserved(parameters: Mapping[str, str]) -> dict[str, int]:
    """The reservations of a stack with these parameters, by function; functions without one are left out."""
    given = DEFAULTS | dict(parameters)
    found = {name: int(given[parameter]) for name, parameter in CAPS.items()}
    if given["PaperExchange"] != "enabled":
        found["paper_exchange"] = 0
    if given["ReservedConcurrency"] == "enabled":
        found |= CLOCKS | {name: int(given[parameter]) for name, parameter in QUEUES.items()}
    return {name: count for name, count in found.items() if count}


def is_short(parameters: Mapping[str, str]) -> bool:
    """Whether the reconciler's reservation is less than its queues may start."""
    given = DEFAULTS | dict(parameters)
    needed = RECONCILER_QUEUES * int(given["ReconcilerConcurrency"])
    return given["ReservedConcurrency"] == "enabled" and int(given["ReconcilerReservation"]) < needed


def room(functions: Any, stack: str, names: Sequence[str]) -> int:
    """The most that the stack can reserve: the account's unreserved part, and the present reservations of these functions."""
    unreserved = int(functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
    own = sum(_reserved_now(functions, f"{stack}-{name}") for name in names)
    return max(0, unreserved + own - LEFT_UNRESERVED)


def _reserved_now(functions: Any, name: str) -> int:
    try:
        return int(functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except functions.exceptions.ResourceNotFoundException:
        return 0


def main(arguments: Sequence[str] | None = None, clients: Clients | None = None) -> int:
    """Tell whether the quota is enough: 0, 3 if it or a reservation is too small, 2 if AWS does not say."""
    options = parser_of("infra.check_concurrency", __doc__).parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
        parameters = overrides(known.get("parameter_overrides", ""))
        if is_short(parameters):
            sys.stderr.write("deploy: CONCURRENCY_SHORT: ReconcilerReservation must be at least twice ReconcilerConcurrency\n")
            return TOO_SMALL
        wanted = reserved(parameters)
        if not wanted:
            sys.stderr.write("  reserves no concurrency\n")
            return ENOUGH
        made = clients or clients_of(known.get("profile"), known.get("region"))
        most = room(made("lambda"), options.stack or known.get("stack_name", ""), sorted({*CLOCKS, *QUEUES, *CAPS}))
    except (BotoCoreError, ClientError, NotConfigured) as error:
        sys.stderr.write(f"deploy: CONCURRENCY_UNKNOWN: {error}\n")
        return UNKNOWN
    total = sum(wanted.values())
    if total > most:
        sys.stderr.write(
            f"deploy: CONCURRENCY_QUOTA: the stack reserves {total}, the account has room for {most}: raise Lambda's quota "
            "(Service Quotas, L-B99A9384), or lower the parameters (docs/guides/deploy.md)\n"
        )
        return TOO_SMALL
    sys.stderr.write(f"  reserves {total} concurrent executions of the {most} that the account can reserve\n")
    return ENOUGH


if __name__ == "__main__":
    sys.exit(main())
