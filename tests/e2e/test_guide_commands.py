"""The AWS commands of guides and runbooks work on the deployed stack: each resource is there and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from infra.local import deployment
from infra.local.cloud import Cloud
from tests.documents.test_guide_commands import of
from tests.support import aws_commands
from tests.support.shell_blocks import SUBSTITUTED
from tests.support.stage import Desk, follower, open_desk, utc_now

# Commands that this test leaves out: the fragment that tells one, and why.
LEFT_OUT = {
    '"binanceusdm"': "asks the real venue",
    "--user-pool-id": "the embedded cloud makes its users by itself",
    "delete-function": "removes a version that only a failed update leaves behind",
    "--no-deletion-protection-enabled": "is for a production stack",
    "--no-enable-termination-protection": "is for a production stack",
    "candlecast-dev-market_catalogue:live": "asks the real venue",
    "continue-update-rollback": "goes on with a rollback that has failed",
    "get-account-settings": "the embedded cloud has no quotas",
    "aws xray ": "the embedded cloud keeps traces in a file",
}
# Commands that the reader is to see refused: the fragment that tells one, and the error's code.
REFUSED = {"strategy_sandbox:live /dev/stdout": "InvalidParameterValueException"}


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(0, strategy)])) as opened:
        yield opened


def known(desk: Desk) -> dict[str, str]:
    """The values of a reader's variables, and of words that only the reader knows."""
    functions = desk.cloud.client("lambda")
    mapping = functions.list_event_source_mappings(FunctionName=f"{deployment.STACK}-order_executor:live")
    return {
        "candlecast-dev": deployment.STACK,
        "candlecast-prod": deployment.STACK,
        "$STACK": deployment.STACK,
        "$TABLE": desk.cloud.outputs["TableName"],
        "$BUCKET": desk.cloud.outputs["MarketsBucketName"],
        "$ARCHIVE": desk.cloud.outputs["ArchiveBucketName"],
        "$TOPIC": desk.cloud.outputs["AlertTopicArn"],
        "$SECRET": desk.cloud.outputs["OperatorSecretId"],
        "$SHARD": "0",
        "$UUID": mapping["EventSourceMappings"][0]["UUID"],
        SUBSTITUTED: utc_now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def filled_in(word: str, values: dict[str, str]) -> str:
    """The word as the reader's shell would pass it on."""
    for name, value in values.items():
        word = word.replace(name, value)
    return values["$UUID"] if word == "..." else word


def test_every_command_that_can_run_here_answers(desk: Desk, say: Callable[[str], None]) -> None:
    values = known(desk)
    answered = []
    for document, words in of("aws"):
        text = " ".join(words)
        if any(fragment in text for fragment in LEFT_OUT):
            continue
        words = [filled_in(word, values) for word in words]
        if words[-1] == "N":
            words[-1] = _version_of(desk)
        if words[1:3] == ["logs", "tail"]:
            answered.append(f"{document}: {_tailed(desk, words)}")
            continue
        parsed = aws_commands.parse(words)
        assert parsed.model is not None, text
        client = desk.cloud.client(aws_commands.SERVICES.get(parsed.service, parsed.service))
        refusals = [code for fragment, code in REFUSED.items() if fragment in text]
        if refusals:
            with pytest.raises(ClientError) as refused:
                getattr(client, xform_name(parsed.model.name))(**parsed.parameters)
            assert refused.value.response["Error"]["Code"] == refusals[0], text
            answered.append(f"{document}: {parsed.service} {parsed.operation} refused")
            continue
        answer = getattr(client, xform_name(parsed.model.name))(**parsed.parameters)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] < 300, text
        if parsed.query is not None:
            assert jmespath.search(parsed.query, answer) is not None, text
        if parsed.model.name == "Invoke":
            told = answer["Payload"].read()  # unread, it would keep its socket open
            assert "FunctionError" not in answer, (text, told)
        answered.append(f"{document}: {parsed.service} {parsed.operation}")
    say(f"{len(answered)} commands answered")
    assert len(answered) > 10
    assert {parsed for parsed in answered if "update-event-source-mapping" in parsed}
    for fragment in (*LEFT_OUT, *REFUSED):
        assert any(fragment in " ".join(words) for _, words in of("aws")), fragment


def _tailed(desk: Desk, words: list[str]) -> str:
    """Ask the service as `aws logs tail` does: the group is there, and the pattern is understood."""
    filtered = {"filterPattern": words[words.index("--filter-pattern") + 1]} if "--filter-pattern" in words else {}
    answer = desk.cloud.client("logs").filter_log_events(logGroupName=words[3], **filtered)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] < 300, words
    return f"logs tail {words[3]}"


def _version_of(desk: Desk) -> str:
    alias: dict[str, Any] = desk.cloud.client("lambda").get_alias(FunctionName=f"{deployment.STACK}-order_executor", Name="live")
    return str(alias["FunctionVersion"])
