"""Secrets of signal sources after a restore: the vault went not back with the table, so it knows what was rotated since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from candlecast.domain.values.copying import replace
from candlecast_cli import stacks

if TYPE_CHECKING:
    from candlecast.domain.strategies.definition import SignalSource

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass(frozen=True, slots=True)
class Recovered:
    """A source, and whether its secret was rotated in the lost minutes."""

    source: SignalSource
    rotated: bool

    def told(self, now: datetime) -> str | None:
        """A line for people; None where there is nothing to look at."""
        doubted = self.source.accepted_versions(now)[1:]
        named = f"source {self.source.source_id} of strategy {self.source.strategy_id}"
        if self.rotated:
            begin = f"{named}: its secret was rotated in the lost minutes, and the new one is in force again"
        elif doubted:
            begin = f"{named}: it has two secrets"
        else:
            return None
        until = self.source.previous_until
        if not doubted or until is None:
            return begin
        return f"{begin}. The one before is accepted until {until:%Y-%m-%dT%H:%MZ}: revoke it again if it was revoked"


def recover_secrets(connection: stacks.Stack, table: str) -> list[Recovered]:
    """Put into force what the vault holds as each source's newest secret, and the one before it for the rest of its day.

    Otherwise a sender who has the new secret is refused, and a secret that was replaced because it leaked is in force for ever.
    """
    from candlecast.adapters.dynamodb.strategies import DynamoStrategyStore

    strategies, vault = DynamoStrategyStore(connection.table(table)), connection.client("secretsmanager")
    prefix = connection.output("SecretPrefix")
    found = []
    for source in _sources(connection, table):
        recovered = as_in_vault(source, _described(vault, prefix, source.source_id))
        if recovered.rotated:
            strategies.save_source(recovered.source)
        found.append(recovered)
    return found


def as_in_vault(source: SignalSource, secret: dict[str, Any] | None) -> Recovered:
    """The source by the stages of its secret's versions, as `DescribeSecret` tells them; None: the vault has no such secret."""
    if secret is None:
        return Recovered(source, rotated=False)
    stages = {stage: version for version, names in secret.get("VersionIdsToStages", {}).items() for stage in names}
    current = stages.get(CURRENT, source.secret_version)
    if current == source.secret_version:
        return Recovered(source, rotated=False)
    before = replace(source, secret_version=stages.get(PREVIOUS, source.secret_version))
    return Recovered(before.rotate(current, secret["LastChangedDate"].astimezone(UTC)), rotated=True)


def _described(vault: Any, prefix: str, source_id: str) -> dict[str, Any] | None:
    from candlecast.adapters.aws.secrets import source_secret_name

    try:
        found: dict[str, Any] = vault.describe_secret(SecretId=source_secret_name(prefix, source_id))
    except vault.exceptions.ResourceNotFoundException:
        return None
    return found


def _sources(connection: stacks.Stack, table: str) -> Iterator[SignalSource]:
    from candlecast.adapters.codec import from_json
    from candlecast.adapters.dynamodb.strategies import SOURCE
    from candlecast.domain.strategies.definition import SignalSource

    place = {":source": {"S": SOURCE}}
    for item in stacks.scan(connection, table, FilterExpression="SK = :source", ExpressionAttributeValues=place):
        yield from_json(SignalSource, item["body"]["S"])
