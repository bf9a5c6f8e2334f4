"""Health probes of the services of AWS; each asks for something that its caller's role may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from candlecast.adapters.aws.clients import aws_errors
from candlecast.adapters.dynamodb.single_table.table import Table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class TableProbe:
    """Whether the table answers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def check(self) -> None:
        with aws_errors("STORE_UNAVAILABLE"):
            self._table.client.describe_table(TableName=self._table.name)


class QueueProbe:
    """Whether a queue answers."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def check(self) -> None:
        with aws_errors("QUEUE_UNAVAILABLE"):
            self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])
