"""The pause of a deployment: one item with copies, read with the gate of every order.

It has no outbox and no `kind`: the release before knows no such event, and its relay leaves the item alone.
"""

from __future__ import annotations

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.copies import CopiedItems, VersionedRow
from candlecast.adapters.dynamodb.single_table.batch import Key
from candlecast.adapters.dynamodb.single_table.table import Table, key, require_schema, store_errors
from candlecast.domain.account.deployment_pause import DeploymentPause
from candlecast.domain.values.copying import replace

STATE = "STATE"


class DynamoDeploymentPauses:
    """`ports.gate.DeploymentPauses`."""

    def __init__(self, table: Table) -> None:
        self._items = CopiedItems(table)
        self._rows = table.rows(VersionedRow)

    def find_pause(self) -> DeploymentPause | None:
        with store_errors():
            try:
                row = self._rows.get(*pause_key(), consistent_read=True)
            except self._rows.DoesNotExist:
                return None
        require_schema(row)
        return from_json(DeploymentPause, row.body)

    def save_pause(self, pause: DeploymentPause) -> DeploymentPause:
        stored = replace(pause, version=pause.version + 1)
        row = self._rows(*pause_key(), version=stored.version, body=to_json(stored))
        write = self._items.save_surely if stored.is_on else self._items.save_together
        write(row, pause.version)
        return stored

    def complete_pause(self) -> int:
        return self._items.complete(pause_key())


def pause_key() -> Key:
    """Where the pause lies."""
    return key("PAUSE", "DEPLOYMENT"), STATE
