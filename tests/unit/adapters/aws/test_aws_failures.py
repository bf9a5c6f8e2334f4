"""A refusal by AWS is retried later. A mistake of ours is not hidden, and no secret is in any error."""

from __future__ import annotations

import json
import traceback
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.response import StreamingBody

from candlecast.adapters.aws.clients import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, aws_errors, client_config
from candlecast.adapters.aws.event_bus import EventBridgeBus
from candlecast.adapters.aws.secrets import SecretsManagerSources, SecretsManagerVault, SecretsManagerWriter
from candlecast.adapters.codec import to_json
from candlecast.adapters.s3.market_catalogue import RELOAD_UNKNOWN_AFTER, Catalogue, S3CatalogueStore, S3Markets
from candlecast.adapters.sqs.queues import SqsTradeQueue, group_id
from candlecast.domain.account.events import order_event
from candlecast.domain.values.errors import Fatal, RetryLater
from candlecast.ports.bus import PublishedEvent
from candlecast.ports.venue import Credentials
from tests.support.builders import ACCOUNT, BTC, ETH, NOW, SOURCE, TENANT, VENUE, a_market, a_trade_order, an_intent
from tests.support.fakes.clock import FakeClock
from tests.support.stubbed import stubbed

QUEUE = "https://queue.example/trade.fifo"
VERSION, OTHER_VERSION = "v" * 32, "w" * 32
CANARY = "canary-4711"
SHORTEST_FUNCTION_SECONDS = 10  # signal_intake's
KEYS = json.dumps({"api_key": "key-1", "api_secret": CANARY})


def test_a_message_that_the_queue_did_not_take_is_sent_again_later() -> None:
    sqs, script = stubbed("sqs")
    failed = {"Id": "3", "SenderFault": False, "Code": "InternalError"}
    for failures in ([failed], []):  # the second batch is tried although the first was not taken as a whole
        script.add_response("send_message_batch", {"Successful": [], "Failed": failures})
    orders = [a_trade_order(subscription_id=f"subscription-{number}") for number in range(12)]
    with pytest.raises(RetryLater) as later:
        SqsTradeQueue(sqs, QUEUE).send_orders(orders)
    assert later.value.code == "QUEUE_UNAVAILABLE"
    script.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("RequestThrottled", 403),
        ("KMS.ThrottlingException", 400),
        ("InternalFailure", 500),
        ("Any", 429),
    ],
)
def test_a_throttled_queue_is_tried_later(code: str, status: int) -> None:
    sqs, script = stubbed("sqs")
    script.add_client_error("send_message_batch", code, http_status_code=status)
    with pytest.raises(RetryLater):
        SqsTradeQueue(sqs, QUEUE).send_orders([a_trade_order()])


def test_a_lost_connection_is_tried_later() -> None:
    with pytest.raises(RetryLater) as later, aws_errors("QUEUE_UNAVAILABLE"):
        raise ReadTimeoutError(endpoint_url=QUEUE)
    assert QUEUE not in str(later.value)


def test_a_missing_permission_is_not_hidden() -> None:
    sqs, script = stubbed("sqs")
    script.add_client_error("send_message_batch", "AccessDenied", http_status_code=403)
    with pytest.raises(ClientError):
        SqsTradeQueue(sqs, QUEUE).send_orders([a_trade_order()])


@pytest.mark.parametrize("tenant", ["x" * 200, "tenant with spaces", "ténant"])
def test_a_group_is_what_the_queue_takes_whatever_the_tenant_is_called(tenant: str) -> None:
    group = group_id(tenant, ACCOUNT)
    assert (len(group) <= 128, group.isascii(), " " in group) == (True, True, False)
    assert group != group_id(tenant, "account-2")


def test_an_event_that_the_bus_did_not_take_is_published_again_later() -> None:
    events, script = stubbed("events")
    script.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]})
    published = PublishedEvent(
        event_id="event-1", tenant_id=TENANT, account_id=ACCOUNT, version=1, event=order_event(an_intent(), NOW)
    )
    with pytest.raises(RetryLater) as later:
        EventBridgeBus(events, "bus").publish([published])
    assert later.value.code == "EVENT_BUS_UNAVAILABLE"


def a_secret(value: str = KEYS, version: str = VERSION) -> dict[str, str]:
    return {"SecretString": value, "VersionId": version}


def test_a_key_is_read_once_per_version() -> None:
    client, script = stubbed("secretsmanager")
    script.add_response("get_secret_value", a_secret())
    script.add_response("get_secret_value", a_secret())
    vault = SecretsManagerVault(client, "candlecast/test")
    for version in (VERSION, VERSION, "w" * 32, VERSION, "w" * 32):
        vault.read(TENANT, ACCOUNT, version)
    script.assert_no_pending_responses()


def test_the_cache_is_bounded_and_forgets_what_was_not_used_for_longest() -> None:
    client, script = stubbed("secretsmanager")
    for _ in range(4):
        script.add_response("get_secret_value", a_secret())
    vault = SecretsManagerVault(client, "candlecast/test", capacity=2)
    for account in ("account-1", "account-2", "account-1", "account-3", "account-1", "account-2"):
        vault.read(TENANT, account, VERSION)
    script.assert_no_pending_responses()


def test_a_failure_is_not_cached() -> None:
    client, script = stubbed("secretsmanager")
    script.add_client_error("get_secret_value", "InternalServiceError", http_status_code=500)
    script.add_response("get_secret_value", a_secret())
    vault = SecretsManagerVault(client, "candlecast/test")
    with pytest.raises(RetryLater) as later:
        vault.read(TENANT, ACCOUNT, VERSION)
    assert later.value.code == "VAULT_UNAVAILABLE"
    assert vault.read(TENANT, ACCOUNT, VERSION).api_key == "key-1"


@pytest.mark.parametrize("value", [CANARY, json.dumps([CANARY]), json.dumps({"api_key": CANARY})])
def test_a_secret_that_is_no_key_pair_is_fatal_and_shows_in_no_trace(value: str) -> None:
    client, script = stubbed("secretsmanager")
    script.add_response("get_secret_value", a_secret(value))
    with pytest.raises(Fatal) as fatal:
        SecretsManagerVault(client, "candlecast/test").read(TENANT, ACCOUNT, VERSION)
    assert CANARY not in "".join(traceback.format_exception(fatal.value))


def test_a_key_shows_in_no_text() -> None:
    credentials = Credentials(CANARY, CANARY)
    assert CANARY not in f"{credentials} {credentials!r}"


def test_keys_are_encrypted_with_the_stacks_own_key_under_their_accounts_name() -> None:
    client, script = stubbed("secretsmanager")
    script.add_response(
        "create_secret",
        {"VersionId": VERSION},
        {
            "Name": "candlecast/test/account/tenant-1/account-1",
            "ClientRequestToken": VERSION,
            "SecretString": KEYS,
            "KmsKeyId": "key-id",
            "Tags": [{"Key": "candlecast:kind", "Value": "account"}],
        },
    )
    writer = SecretsManagerWriter(client, "candlecast/test", "key-id")
    assert writer.write(TENANT, ACCOUNT, Credentials("key-1", CANARY), VERSION) == VERSION


def test_a_source_has_the_secrets_of_the_versions_that_are_asked_for_each_read_once() -> None:
    client, script = stubbed("secretsmanager")
    script.add_response("get_secret_value", a_secret("pinned"), {"SecretId": "p/source/source-1", "VersionId": VERSION})
    script.add_response("get_secret_value", a_secret("before"), {"SecretId": "p/source/source-1", "VersionId": OTHER_VERSION})
    sources = SecretsManagerSources(client, "p")
    assert sources.secrets(SOURCE, (VERSION, OTHER_VERSION)) == ("pinned", "before")
    assert sources.secrets(SOURCE, (VERSION,)) == ("pinned",)


def a_catalogue(*symbols: str) -> dict[str, Any]:
    catalogue = Catalogue(venue=VENUE, written_at=NOW, markets=tuple(a_market(symbol) for symbol in symbols))
    return {"Body": an_object(to_json(catalogue).encode())}


def an_object(content: bytes) -> StreamingBody:
    return StreamingBody(BytesIO(content), len(content))


def test_the_catalogue_is_read_once_and_again_for_an_unknown_market_only_after_a_while() -> None:
    s3, script = stubbed("s3")
    clock = FakeClock()
    markets = S3Markets(s3, "bucket", clock)
    script.add_response("get_object", a_catalogue(BTC))
    assert markets.find(VENUE, BTC) is not None
    assert markets.find(VENUE, ETH) is None
    script.assert_no_pending_responses()
    clock.advance(RELOAD_UNKNOWN_AFTER.total_seconds())
    script.add_response("get_object", a_catalogue(BTC, ETH))
    assert markets.find(VENUE, ETH) == a_market(ETH)
    script.assert_no_pending_responses()


def test_a_catalogue_that_cannot_be_read_again_stays_in_use() -> None:
    s3, script = stubbed("s3")
    clock = FakeClock()
    markets = S3Markets(s3, "bucket", clock)
    script.add_response("get_object", a_catalogue(BTC))
    assert markets.find(VENUE, BTC) is not None
    clock.advance(timedelta(hours=2).total_seconds())
    script.add_client_error("get_object", "SlowDown", http_status_code=503)
    assert markets.find(VENUE, BTC) is not None
    clock.advance(timedelta(hours=2).total_seconds())
    script.add_response("get_object", {"Body": an_object(b"broken")})
    assert markets.find(VENUE, BTC) is not None


def test_the_catalogues_writer_reads_what_it_has_written_and_nothing_where_there_is_none() -> None:
    s3, script = stubbed("s3")
    catalogue = S3CatalogueStore(s3, "bucket", FakeClock())
    script.add_response("get_object", a_catalogue(BTC, ETH))
    assert catalogue.read(VENUE) == (a_market(BTC), a_market(ETH))
    for code in ("NoSuchKey", "AccessDenied"):
        script.add_client_error("get_object", code, http_status_code=404)
        assert catalogue.read(VENUE) == ()
    script.add_response("get_object", {"Body": an_object(b"broken")})
    assert catalogue.read(VENUE) == ()


def test_a_catalogue_that_s3_does_not_give_is_not_replaced_by_one_that_has_forgotten() -> None:
    s3, script = stubbed("s3")
    script.add_client_error("get_object", "SlowDown", http_status_code=503)
    with pytest.raises(RetryLater):
        S3CatalogueStore(s3, "bucket", FakeClock()).read(VENUE)


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_without_any_catalogue_no_market_is_called_unknown(code: str) -> None:
    s3, script = stubbed("s3")
    script.add_client_error("get_object", code, http_status_code=404)
    with pytest.raises(RetryLater) as later:
        S3Markets(s3, "bucket", FakeClock()).find(VENUE, BTC)
    assert later.value.code == "CATALOGUE_UNAVAILABLE"


def test_a_request_at_its_worst_ends_inside_the_shortest_function() -> None:
    config: Any = client_config()
    bounds = (config.connect_timeout, config.read_timeout)
    assert bounds == (CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS)
    assert config.retries["total_max_attempts"] * sum(bounds) < SHORTEST_FUNCTION_SECONDS
