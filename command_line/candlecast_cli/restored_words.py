"""Words of people that a restore has taken back: the same items in the old table and in the restored one, field by field.

A subscription that was cancelled in the lost minutes trades again, and a limit that was lowered is high again. No order and no
venue tells that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from candlecast_cli import stacks

COPY = "#COPY#"
GONE = "(none)"
# Written by functions at work, or by every change: no word of a person.
NOISE = frozenset(
    {
        "version",
        "revision",
        "changed_at",
        "subscriber_count",
        "settings_set_at",
        "limits_set_at",
        "schema_version",
        "previous_until",  # follows from the version before, and is the vault's time of the rotation after an adoption
    }
)
OF_SWITCH = ("grade", "by_operations")  # the reason is the restore's own in the switch that it has set
OF_ACCOUNT = ("status", "disabled_reason", "credential_version", "organisation_id", "position_mode", "limits")
WANTED = "#kind = :account OR begins_with(PK, :switch) OR begins_with(SK, :subscription) OR SK IN (:limits, :source, :definition)"


@dataclass(frozen=True, slots=True)
class Undone:
    """One field that is not as it was last."""

    item: str
    field: str
    was: str
    restored: str


def undone(connection: stacks.Stack, left: str, restored: str) -> list[Undone]:
    """Every field of a person's word that the restored table has otherwise than the old one. Reads both from end to end."""
    return differences(dict(_words(connection, left)), dict(_words(connection, restored)))


def differences(last: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]) -> list[Undone]:
    """The fields that differ, by item. An item that one side has not got differs as a whole, in one line."""
    found = []
    for item in sorted(last.keys() | now.keys()):
        if item not in now or item not in last:
            found.append(Undone(item, "", _summary(last.get(item)), _summary(now.get(item))))
            continue
        names = sorted(last[item].keys() | now[item].keys())
        pairs = ((name, last[item].get(name, GONE), now[item].get(name, GONE)) for name in names)
        found += [Undone(item, name, was, restored) for name, was, restored in pairs if was != restored]
    return found


def flat(value: object, name: str = "") -> dict[str, str]:
    """The fields of a value by their names, those of values in it behind a dot; None and noise are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = [(it.name, getattr(value, it.name)) for it in fields(value) if it.name not in NOISE]
        return {key: text for part, held in parts for key, text in flat(held, f"{name}.{part}" if name else part).items()}
    return {} if value is None else {name: str(value)}


def _summary(words: Mapping[str, str] | None) -> str:
    if words is None:
        return GONE
    return words.get("status") or words.get("grade") or "there"


def _words(connection: stacks.Stack, table: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND
    from candlecast.adapters.dynamodb.gate import SWITCH_KIND
    from candlecast.adapters.dynamodb.limits import LIMITS
    from candlecast.adapters.dynamodb.strategies import DEFINITION, SOURCE
    from candlecast.adapters.dynamodb.subscriptions import SUBSCRIPTION

    values = {
        ":account": ACCOUNT_KIND,
        ":switch": SWITCH_KIND,
        ":subscription": SUBSCRIPTION,
        ":limits": LIMITS,
        ":source": SOURCE,
        ":definition": DEFINITION,
    }
    asked: dict[str, Any] = {
        "FilterExpression": WANTED,
        "ExpressionAttributeNames": {"#kind": "kind"},
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
    }
    for item in stacks.scan(connection, table, **asked):
        partition, place = item["PK"]["S"], item["SK"]["S"]
        if COPY not in partition:
            yield f"{partition} {place}", _fields(item, partition, place)


def _fields(item: Mapping[str, Any], partition: str, place: str) -> Mapping[str, str]:
    from candlecast.adapters.codec import from_json
    from candlecast.adapters.dynamodb.accounts import ACCOUNT_KIND, account_of, names_of
    from candlecast.adapters.dynamodb.gate import SWITCH_KIND
    from candlecast.adapters.dynamodb.limits import LIMITS
    from candlecast.adapters.dynamodb.strategies import DEFINITION, SOURCE
    from candlecast.domain.account.kill_switch import KillSwitch
    from candlecast.domain.limits.record import LimitRecord
    from candlecast.domain.strategies.definition import SignalSource, StrategyDefinition
    from candlecast.domain.subscriptions.subscription import Subscription

    if item.get("kind", {}).get("S") == ACCOUNT_KIND:
        account = account_of(item, names_of(partition)[0])
        return {key: text for name in OF_ACCOUNT for key, text in flat(getattr(account, name), name).items()}
    if partition.startswith(SWITCH_KIND):
        switch = from_json(KillSwitch, item["body"]["S"])
        return {key: text for name in OF_SWITCH for key, text in flat(getattr(switch, name), name).items()}
    kind: Any = {LIMITS: LimitRecord, SOURCE: SignalSource, DEFINITION: StrategyDefinition}.get(place, Subscription)
    return flat(from_json(kind, item["body"]["S"]))
