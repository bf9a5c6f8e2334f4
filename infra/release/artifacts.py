"""The objects in S3 that a change set names: CloudFormation reads them at the execution, long after people have read the plan.

SAM names an object by a digest of its files and uploads none that is there already. A writer of the bucket could put another
build under that name. So a plan uploads everything, notes what S3 says of each object, and an execution compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# As `sam package` writes them: code of functions and layers, and templates of nested stacks.
CODE = re.compile(r"""s3://([a-z0-9.-]{3,63})/([^\s"',}]+)""")
TEMPLATE = re.compile(r"""https?://[^/\s"']+/([a-z0-9.-]{3,63})/([^\s"',}]+\.template)""")


class NoArtifacts(Exception):
    """A change set whose template names no object; the message says so."""


def stated(cloudformation: Any, s3: Any, change_set: str) -> Mapping[str, str]:
    """Each object that the change set's template names, with its tag and its time. Raises `NoArtifacts`, `ClientError`.

    S3 sets the time of an object, so nobody can replace an object and keep its time.
    """
    body = cloudformation.get_template(ChangeSetName=change_set, TemplateStage="Original")["TemplateBody"]
    text = body if isinstance(body, str) else json.dumps(body)
    named = {*CODE.findall(text), *TEMPLATE.findall(text)}
    if not named:
        raise NoArtifacts(f"the template of {change_set} names no object of S3")
    return {f"s3://{bucket}/{key}": _state(s3.head_object(Bucket=bucket, Key=key)) for bucket, key in sorted(named)}


def _state(head: Mapping[str, Any]) -> str:
    return f"{head['ETag']} {head['LastModified'].isoformat()}"
