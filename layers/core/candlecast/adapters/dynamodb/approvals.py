"""Approvals: one item each, listed by when they were asked for."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError

from candlecast.adapters.codec import from_json, to_json
from candlecast.adapters.dynamodb.single_table.listing import read_page
from candlecast.adapters.dynamodb.single_table.table import (
    Row,
    Table,
    condition_failed,
    key,
    require_schema,
    sortable,
    store_errors,
)
from candlecast.domain.people.approval import Approval
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.ports.store import Page

APPROVAL, STATE = "APPROVAL", "STATE"
LISTING = "APPROVALS"
TIME_KEYS = ("GSI2PK", "GSI2SK", "PK", "SK")


class ApprovalRow(Row):
    """One approval; writes are conditional on its version."""

    version = NumberAttribute()
    body = UnicodeAttribute()


class DynamoApprovalStore:
    """`ports.approvals.ApprovalStore`."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows(ApprovalRow)

    def find_approval(self, approval_id: str) -> Approval:
        with store_errors():
            try:
                row = self._rows.get(key(APPROVAL, approval_id), STATE, consistent_read=True)
            except self._rows.DoesNotExist:
                raise NotFound("no such approval") from None
        return _approval(row)

    def save_approval(self, approval: Approval) -> Approval:
        stored = replace(approval, version=approval.version + 1)
        row = self._rows(key(APPROVAL, approval.approval_id), STATE, version=stored.version, body=to_json(stored))
        row.index2_partition, row.index2_place = LISTING, key(sortable(approval.asked_at), approval.approval_id)
        is_new = approval.version == 0
        try:
            with store_errors():
                row.save(condition=self._rows.partition.does_not_exist() if is_new else self._rows.version == approval.version)
        except PutError as error:
            if condition_failed(error):
                raise Conflict("VERSION_CONFLICT", "the approval has changed since it was read") from error
            raise
        return stored

    def list_approvals(self, cursor: str | None = None, limit: int = 50) -> Page[Approval]:
        return read_page(self._rows.by_index2.query, LISTING, TIME_KEYS, _approval, cursor, limit)


def _approval(row: ApprovalRow) -> Approval:
    require_schema(row)
    return from_json(Approval, row.body)
