"""Verdicts on signals: an item for each judged signal, and an index entry for each that is quarantined.

They have partitions of their own. A function that writes signals, such as the intake, may not write verdicts.
"""

from __future__ import annotations

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    SCHEMA_VERSION,
    Row,
    Table,
    condition_failed,
    key,
    require_schema,
    sortable,
    store_errors,
)
from candlecast.domain.signals.verdict import Release, Verdict
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import Page

VERDICT, STATE, QUARANTINE = "VERDICT", "STATE", "QUARANTINE"


class VerdictRow(Row):
    """The verdict on a signal. Before there is one, the item has `claimed_until` alone: the time that its maker has.

    `release` is apart from the body, so that a release leaves the verdict as it was.
    """

    body = UnicodeAttribute(null=True)
    claimed_until = UnicodeAttribute(null=True)
    release = UnicodeAttribute(null=True)


class DynamoVerdictStore:
    """`ports.verdicts.VerdictStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(VerdictRow)

    def find_verdict(self, signal_id: str) -> Verdict | None:
        with store_errors():
            try:
                row = self._rows.get(key(VERDICT, signal_id), STATE, consistent_read=True)
            except self._rows.DoesNotExist:
                return None
        return None if row.body is None else _verdict(row)

    def claim(self, signal_id: str, now: datetime, until: datetime) -> bool:
        rows = self._rows
        free = rows.body.does_not_exist() & (rows.claimed_until.does_not_exist() | (rows.claimed_until <= sortable(now)))
        try:
            with store_errors():
                rows(key(VERDICT, signal_id), STATE).update(
                    actions=[rows.claimed_until.set(sortable(until)), rows.schema_version.set(SCHEMA_VERSION)], condition=free
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise
            return False
        return True

    def put_verdict(self, verdict: Verdict) -> Verdict:
        rows = self._rows
        actions: list[Action] = [rows.body.set(to_json(replace(verdict, release=None))), rows.schema_version.set(SCHEMA_VERSION)]
        if verdict.is_quarantined:
            place = key(sortable(verdict.judged_at), verdict.signal_id)
            actions += [rows.index1_partition.set(QUARANTINE), rows.index1_place.set(place)]
        try:
            with store_errors():
                rows(key(VERDICT, verdict.signal_id), STATE).update(actions=actions, condition=rows.body.does_not_exist())
        except UpdateError as error:
            if not condition_failed(error):
                raise
            return self._in_force(verdict.signal_id)
        return verdict

    def release(self, signal_id: str, release: Release) -> Verdict:
        rows, known = self._rows, self._in_force(signal_id)
        if not known.is_quarantined:
            raise Conflict("NOT_QUARANTINED", "the signal has passed, or was never held back")
        if known.release is not None:
            return known
        try:
            with store_errors():
                rows(key(VERDICT, signal_id), STATE).update(
                    actions=[rows.release.set(to_json(release))], condition=rows.body.exists() & rows.release.does_not_exist()
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise
            return self._in_force(signal_id)
        return replace(known, release=release)

    def list_quarantined(self, cursor: str | None = None, limit: int = 50) -> Page[Verdict]:
        names = ("GSI1PK", "GSI1SK", "PK", "SK")
        return read_page(self._rows.by_index1.query, QUARANTINE, names, _verdict, cursor, limit)

    def _in_force(self, signal_id: str) -> Verdict:
        verdict = self.find_verdict(signal_id)
        if verdict is None:
            raise NotFound("no verdict on such a signal")
        return verdict


def _verdict(row: VerdictRow) -> Verdict:
    require_schema(row)
    verdict = from_json(Verdict, row.body or "")
    return verdict if row.release is None else replace(verdict, release=from_json(Release, row.release))
