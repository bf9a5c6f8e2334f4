"""Turns of runs for a tenant: one item, taken on the condition that the turn before has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from candlecast.adapters.dynamodb.single_table.batch import ask
from candlecast.adapters.dynamodb.single_table.table import CONDITION_FAILED, SCHEMA_VERSION, Table, key, sortable

PLACE = "TURN"


class DynamoTurns:
    """`ports.turns.Turns`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take(self, tenant_id: str, run_id: str, now: datetime, until: datetime) -> bool:
        condition = "attribute_not_exists(PK) OR #until <= :now OR #run_id = :run_id"
        values = {":now": {"S": sortable(now)}, ":run_id": {"S": run_id}}
        return self._put(tenant_id, run_id, until, condition, {"#until": "until", "#run_id": "run_id"}, values)

    def give_back(self, tenant_id: str, run_id: str, now: datetime) -> None:
        self._put(tenant_id, run_id, now, "#run_id = :run_id", {"#run_id": "run_id"}, {":run_id": {"S": run_id}})

    def _put(
        self, tenant_id: str, run_id: str, until: datetime, condition: str, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> bool:
        item = {
            "PK": {"S": key("TENANT", tenant_id)},
            "SK": {"S": PLACE},
            "schema_version": {"N": str(SCHEMA_VERSION)},
            "run_id": {"S": run_id},
            "until": {"S": sortable(until)},
        }
        put = partial(
            self._table.client.put_item,
            TableName=self._table.name,
            Item=item,
            ConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        try:
            ask(put)
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            return False
        return True
