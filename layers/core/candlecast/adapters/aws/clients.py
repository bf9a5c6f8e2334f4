"""Clients of AWS with bounds of our own, and the one place where the SDK's errors become instructions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError
from botocore.session import Session as BotocoreSession

from candlecast.domain.values.errors import RetryLater

CONNECT_TIMEOUT_SECONDS = 1.0
READ_TIMEOUT_SECONDS = 3.0
ATTEMPTS = 2  # 2 x (1 + 3) s: one request at its worst ends inside the shortest function time-out (10 s)
MAX_CONNECTIONS = 16  # threads of one environment
RETRY_AFTER_SECONDS = 5.0
USER_AGENT = "Candlecast"
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429

# SQS names a throttled key as its older protocol did: KMS.ThrottlingException, not its model's KmsThrottled. The service is
# marked awsQueryCompatible, and botocore takes the name from the header x-amzn-query-error.
THROTTLES = frozenset(
    {
        "KMS.ThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def client_config() -> Config:
    """Time-outs, retries and connections of every client.

    The SDK's check of parameters is off, because the service checks its model again. The user agent is set once, because the SDK
    would write its ten parts anew, twice, for each request.
    """
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        max_pool_connections=MAX_CONNECTIONS,
        parameter_validation=False,
        user_agent=USER_AGENT,
    )


@cache
def session() -> boto3.Session:
    """The session of all clients."""
    return boto3.Session(botocore_session=BotocoreSession())


def botocore_session() -> BotocoreSession:
    """The session beneath boto3's, which PynamoDB takes. boto3 has no public name for it.

    One cache holds both: a second boto3 session over the same botocore session cannot make clients of S3.
    """
    found: BotocoreSession = session()._session
    return found


def aws_client(service: Any, *, region: str | None = None, endpoint: str | None = None) -> Any:
    """A client of a service; region and endpoint come from the environment as the SDK finds them, unless they are given."""
    return session().client(service, region_name=region, endpoint_url=endpoint, config=client_config())


def functions_client(seconds: float) -> Any:
    """A client of Lambda that waits so long for an answer and never asks again by itself: the function may be at it still."""
    config = client_config().merge(Config(read_timeout=seconds, retries={"total_max_attempts": 1, "mode": "standard"}))
    return session().client("lambda", config=config)


def links_client(*, region: str | None = None, endpoint: str | None = None) -> Any:
    """A client of S3 whose links are signed by version 4, as encrypted objects demand, and name the host of the bucket's region.

    Without these words the SDK signs links by version 2 in some regions, and for a host that redirects in the others.
    """
    config = client_config().merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return session().client("s3", region_name=region, endpoint_url=endpoint, config=config)


class FunctionRefused(Exception):
    """A function's own refusal of a request; `details` is the whole of it."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.details = details


def ask_function(functions: Any, name: str, event: Mapping[str, Any], unavailable: str) -> str:
    """The answer of one synchronous invocation, as JSON.

    Raises `FunctionRefused`, or `RetryLater` with the code `unavailable` if the function did not answer. `functions` is a client
    of `functions_client`.
    """
    with aws_errors(unavailable):
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    body = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(body, dict):
        raise RetryLater(unavailable, "the function failed, see its log", after_seconds=RETRY_AFTER_SECONDS)
    refusal = body.get("refused_because")
    if refusal is not None:
        raise FunctionRefused(refusal["code"], refusal["message"], refusal)
    return json.dumps(body)


@contextmanager
def aws_errors(code: str) -> Iterator[None]:
    """Translate lost connections, throttling and server errors into `RetryLater` with `code`; everything else passes as it is.

    The message is the error's type only: an SDK's own text may repeat what was sent.
    """
    try:
        yield
    except (BotocoreConnectionError, HTTPClientError) as error:
        raise RetryLater(code, type(error).__name__, after_seconds=RETRY_AFTER_SECONDS) from error
    except ClientError as error:
        if is_temporary(error):
            raise RetryLater(code, error_code(error), after_seconds=RETRY_AFTER_SECONDS) from error
        raise


def error_code(error: ClientError) -> str:
    """AWS's name of the error."""
    return error.response.get("Error", {}).get("Code", "")


def is_temporary(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= SERVER_ERROR or status == TOO_MANY_REQUESTS or error_code(error) in THROTTLES
