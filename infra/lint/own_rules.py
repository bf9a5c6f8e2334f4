"""Rules of this house for cfn-lint: the demands on every template, nested stacks included."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

RUNBOOK = re.compile(r"Runbook: (infra/runbooks/[a-z0-9-]+\.md)$")
REPOSITORY = Path(__file__).resolve().parents[2]


class _EveryResource(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint carries no types
    """One complaint, or none, about each resource of one type."""

    kind = ""

    def complaint(self, properties: Mapping[str, Any]) -> str | None:
        raise NotImplementedError

    def match(self, cfn: Any) -> Iterator[RuleMatch]:
        for name, resource in cfn.get_resources(self.kind).items():
            complaint = self.complaint(resource.get("Properties", {}))
            if complaint:
                yield RuleMatch(["Resources", name, "Properties"], complaint)


class QueueIsEncryptedWithTheKey(_EveryResource):
    """A queue holds what people trade."""

    id = "E9001"
    shortdesc = "A queue is encrypted with the stack's key"
    description = "KmsMasterKeyId is set on every AWS::SQS::Queue"
    kind = "AWS::SQS::Queue"

    def complaint(self, properties: Mapping[str, Any]) -> str | None:
        return None if "KmsMasterKeyId" in properties else "the queue has no KmsMasterKeyId"


class LogGroupHasRetentionAndKey(_EveryResource):
    """A group without retention is kept, and paid for, for ever."""

    id = "E9002"
    shortdesc = "A log group ends and is encrypted"
    description = "RetentionInDays and KmsKeyId are set on every AWS::Logs::LogGroup"
    kind = "AWS::Logs::LogGroup"

    def complaint(self, properties: Mapping[str, Any]) -> str | None:
        missing = [it for it in ("RetentionInDays", "KmsKeyId") if it not in properties]
        return f"the log group has no {' and no '.join(missing)}" if missing else None


class AlarmNamesItsRunbook(_EveryResource):
    """Who is woken up must know what to open."""

    id = "E9003"
    shortdesc = "An alarm's description ends with a runbook that exists"
    description = "AlarmDescription ends with `Runbook: infra/runbooks/<name>.md`"
    kind = "AWS::CloudWatch::Alarm"

    def complaint(self, properties: Mapping[str, Any]) -> str | None:
        found = RUNBOOK.search(str(properties.get("AlarmDescription", "")))
        if not found:
            return "the alarm's description does not end with `Runbook: infra/runbooks/<name>.md`"
        return None if (REPOSITORY / found[1]).is_file() else f"{found[1]} does not exist"
