"""One order is followed by its trace, from the webhook through both queues to the venue's call."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from infra.local.cloud import Cloud
from tests.support.stage import Desk, follower, open_desk
from tests.support.traces import calls, of_trace
from tests.support.waiting import until


@pytest.fixture(scope="module")
def desk(cloud: Cloud) -> Iterator[Desk]:
    with closing(open_desk(cloud, lambda strategy: [follower(number, strategy) for number in range(2)])) as opened:
        yield opened


def named(documents: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [it for it in documents if it["name"] == name]


def test_the_trace_of_a_webhook_leads_through_the_fan_out_to_each_orders_call_of_the_venue(desk: Desk, cloud: Cloud) -> None:
    signal_id = desk.signal("buy")
    correlation_id = next(leg.correlation_id for legs in desk.orders(signal_id).values() for leg in legs)
    orders = until(lambda: found_by(cloud, correlation_id, "order_executor"), lambda found: len(found) >= len(desk.people))
    (root,) = {it["trace_id"] for it in orders}
    documents = of_trace(cloud, root)
    (intake,), (fan_out,) = named(documents, "signal_intake"), named(documents, "signal_fanout")
    assert intake["type"] == "subsegment", "it belongs to the invocation of the webhook"
    assert fan_out["parent_id"] == intake["id"]
    for order in orders:
        assert order["parent_id"] == fan_out["id"]
        assert ("POST", "/fapi/v1/order") in calls(order)
        assert {it["aws"]["operation"] for it in order["subsegments"] if it["name"] == "DynamoDB"} >= {"GetItem", "PutItem"}
    assert "signature" not in json.dumps(documents)


def test_every_log_line_of_the_order_names_the_trace(desk: Desk, cloud: Cloud) -> None:
    signal_id = desk.signal("exit")
    correlation_id = next(leg.correlation_id for legs in desk.orders(signal_id).values() for leg in legs)
    order = until(lambda: found_by(cloud, correlation_id, "order_executor"))[0]
    lines = [line for text in cloud.logs().values() for line in text.splitlines() if line.startswith("{")]
    logged = [json.loads(line) for line in lines if correlation_id in line and '"_aws"' not in line]
    assert {"signal_fanout", "order_executor"} <= {it["service"] for it in logged}
    assert {it["trace_id"] for it in logged if it["service"] in ("signal_fanout", "order_executor")} == {order["trace_id"]}


def found_by(cloud: Cloud, correlation_id: str, name: str) -> list[dict[str, Any]]:
    """Segments that X-Ray's filter `annotation.correlation_id = "..."` would find."""
    annotated = [it for it in cloud.traces() if it.get("annotations", {}).get("correlation_id") == correlation_id]
    return named(annotated, name)
