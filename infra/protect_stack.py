"""Protects a deployed stack of `prod`: a step of `make deploy` and of the pipeline.

Two protections are no properties of a template. A stack policy refuses updates that would replace or delete what holds data.
Termination protection refuses the deletion of the stack. Both stay until a person takes them away (docs/guides/deploy.md).
Other environments are left alone: they are made to be deleted.
"""

import sys
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.samconfig import ROOT, Clients, NotConfigured, clients_of, configured, parser_of

REFUSED, DONE = 2, 0
POLICY = ROOT / "infra" / "stack-policy.json"
PROTECTED = "prod"


def environment_of(cloudformation: Any, stack: str) -> str:
    """The stack's parameter Environment; empty for a stack that has none."""
    parameters = cloudformation.describe_stacks(StackName=stack)["Stacks"][0].get("Parameters", [])
    return next((str(it["ParameterValue"]) for it in parameters if it["ParameterKey"] == "Environment"), "")


def protect(cloudformation: Any, stack: str) -> None:
    """Set the stack policy and the termination protection; both again if they are there."""
    cloudformation.set_stack_policy(StackName=stack, StackPolicyBody=POLICY.read_text(encoding="utf-8"))
    cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=True)


def main(arguments: Sequence[str] | None = None, clients: Clients | None = None) -> int:
    """Protect and tell: 0 when that is done or not wanted, 2 when AWS refuses."""
    options = parser_of("infra.protect_stack", __doc__).parse_args(arguments)
    try:
        known = configured(options.config_file, options.config_env)
        stack = options.stack or known.get("stack_name", "")
        cloudformation = (clients or clients_of(known.get("profile"), known.get("region")))("cloudformation")
        environment = environment_of(cloudformation, stack)
        if environment == PROTECTED:
            protect(cloudformation, stack)
    except (BotoCoreError, ClientError, NotConfigured) as error:
        sys.stderr.write(f"deploy: NOT_PROTECTED: {error}\n")
        return REFUSED
    told = "has its stack policy and termination protection" if environment == PROTECTED else f"is {environment}: not protected"
    sys.stdout.write(f"{stack} {told}.\n")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
