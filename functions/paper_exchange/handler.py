"""The paper exchange as a function behind an HTTP API: the same application as stand-alone, on a table."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from mangum import Mangum

from candlecast.runtime.observe import observed
from paper_exchange.exchange import Exchange
from paper_exchange.http.app import create_app
from paper_exchange.operator.key import OperatorKey
from paper_exchange.settings import PaperExchangeSettings
from paper_exchange.store.dynamodb import DynamoDbStore


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


def new_token() -> str:
    return secrets.token_hex(32)


@cache
def application() -> Callable[[dict[str, Any], Any], Any]:
    """The application of this environment, built at the first invocation."""
    settings = PaperExchangeSettings.read()
    aws = boto3.Session()
    vault = aws.client("secretsmanager")

    def load_operator_key() -> str:
        return str(vault.get_secret_value(SecretId=settings.operator_secret_id)["SecretString"])

    asyncio.set_event_loop(asyncio.new_event_loop())  # Mangum takes the thread's loop, and a new thread has none
    store = DynamoDbStore(aws.client("dynamodb"), settings.paper_table_name)
    app = create_app(Exchange(store, wall_clock), OperatorKey(load_operator_key, wall_clock), new_token)
    return Mangum(app, lifespan="off")


@observed
def handle(event: dict[str, Any], context: LambdaContext) -> Any:
    """Answer one HTTP request."""
    return application()(event, context)
