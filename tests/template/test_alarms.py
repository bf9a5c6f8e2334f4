"""Alarms and dashboards: each watches something that exists, each alarm has a page to open, and nothing goes unwatched."""

import json
import re
from itertools import chain
from typing import Any

import pytest

from tests.support.transformed import INFRA, ROOT, Resource, functions, gradual_root, nested, queue_name, resources, root, text

ALARMS: dict[str, Resource] = {
    text(it["AlarmName"]).removeprefix("stack-"): it
    for template in (nested("Alarms"), nested("FunctionAlarms"), gradual_root())
    for it in resources(template, "AWS::CloudWatch::Alarm").values()
}
RUNBOOKS = {path.name for path in (INFRA / "runbooks").glob("*.md")} - {"README.md"}
QUEUES = {queue_name(it) for it in resources(root(), "AWS::SQS::Queue").values()}
FILLED_IN = {"Prefix": "stack", "Environment": "env", "AWS::Region": "region", "ApiId": "api-id", "TableName": "table"}


def runbook(alarm: Resource) -> str:
    found = re.search(r"Runbook: infra/runbooks/([a-z0-9-]+\.md)$", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def dimensions(alarm: Resource) -> dict[str, str]:
    return {it["Name"]: text(it["Value"]) for it in alarm["Dimensions"]}


def watched(namespace: str, metric: str) -> list[dict[str, str]]:
    return [dimensions(it) for it in ALARMS.values() if (it["Namespace"], it["MetricName"]) == (namespace, metric)]


def dashboard(name: str) -> dict[str, Any]:
    """A dashboard's body with the references filled in and `${!Literal}` unescaped."""
    body = resources(nested("Dashboards"), "AWS::CloudWatch::Dashboard")[name]["DashboardBody"]["Fn::Sub"]
    filled = re.sub(r"\$\{([^!}]+)\}", lambda match: FILLED_IN[match[1]], body).replace("${!", "${")
    parsed: dict[str, Any] = json.loads(filled)
    return parsed


def own_metrics(name: str) -> set[str]:
    """Metrics of ours that a dashboard searches for."""
    return set(re.findall(r'MetricName="(\w+)"', json.dumps(dashboard(name)).replace('\\"', '"')))


def published_metrics() -> set[str]:
    """Every name that the shared package could publish as a metric: its string literals in CamelCase."""
    sources = chain((ROOT / "layers/core/candlecast").rglob("*.py"), (ROOT / "functions").rglob("*.py"))
    return {name for path in sources for name in re.findall(r'"([A-Z][a-z]+[A-Z]\w+)"', path.read_text())}


def test_every_runbook_belongs_to_an_alarm_and_every_alarm_to_a_runbook() -> None:
    assert {runbook(it) for it in ALARMS.values()} == RUNBOOKS


@pytest.mark.parametrize("name", sorted(RUNBOOKS))
def test_a_runbook_says_what_it_means_what_to_look_at_and_what_to_do(name: str) -> None:
    page = (INFRA / "runbooks" / name).read_text()
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings[:3] == ["What it means", "Look at", "Do"]
    for link in re.findall(r"\]\(([a-z0-9-]+\.md)\)", page):
        assert link in RUNBOOKS
    assert name in (INFRA / "runbooks" / "README.md").read_text()


@pytest.mark.parametrize(
    "name", [it for it in sorted(RUNBOOKS) if it.removesuffix("-dead-letters.md") in ("candle", "signal", "trade")]
)
def test_a_runbook_of_dead_letters_has_the_one_command_that_redrives_them(name: str) -> None:
    queue = name.removesuffix("-dead-letters.md")
    page = (INFRA / "runbooks" / name).read_text()
    assert "$STACK-dlq_redrive" in page
    assert f'\'{{"queue": "{queue}"}}\'' in page


def test_commands_of_runbooks_name_functions_and_outputs_that_exist() -> None:
    pages = "".join((INFRA / "runbooks" / it).read_text() for it in RUNBOOKS)
    assert set(re.findall(r"\$STACK-([a-z_]+)\b", pages)) - {"api"} <= functions().keys()
    assert set(re.findall(r"OutputKey=='(\w+)'", pages)) <= root()["Outputs"].keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_on_the_topic_and_is_quiet_without_data(name: str) -> None:
    alarm = ALARMS[name]
    topic = {"Ref": "AlarmTopic"} if name in own_stack() else {"Ref": "AlarmTopicArn"}
    if name.endswith("-release-errors"):  # in the root, before the stack of the topic
        topic = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-alarms"}
    assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


def own_stack() -> set[str]:
    alarms = resources(nested("Alarms"), "AWS::CloudWatch::Alarm").values()
    return {text(it["AlarmName"]).removeprefix("stack-") for it in alarms}


def test_every_dead_letter_queue_rings_at_its_first_message() -> None:
    watching = {
        dimensions(it)["QueueName"].removeprefix("stack-"): (it["Threshold"], it["EvaluationPeriods"])
        for it in ALARMS.values()
        if it["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    assert watching == {queue: (1, 1) for queue in QUEUES if "dead-letters" in queue}


def test_every_queue_is_watched_for_age() -> None:
    ages = {it["QueueName"].removeprefix("stack-") for it in watched("AWS/SQS", "ApproximateAgeOfOldestMessage")}
    assert ages == {queue for queue in QUEUES if "dead-letters" not in queue}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched_for_errors_and_throttles(metric: str) -> None:
    assert {it["FunctionName"].removeprefix("stack-") for it in watched("AWS/Lambda", metric)} == functions().keys()


def test_stream_and_door_are_watched() -> None:
    assert watched("AWS/Lambda", "IteratorAge") == [{"FunctionName": "stack-outbox_relay"}]
    assert watched("AWS/ApiGateway", "5xx") == [{"ApiId": "<ApiId>"}]


def test_what_endangers_orders_and_positions_is_watched() -> None:
    ours = {(it["MetricName"], dimensions(it)["service"]) for it in ALARMS.values() if it["Namespace"] == "Candlecast"}
    assert ours == {
        ("OrdersAmbiguous", "order_executor"),
        ("OrdersExpired", "order_executor"),
        ("SignalToOrderMilliseconds", "order_executor"),
        ("NakedPositions", "order_reconciler"),
        ("NakedPositionSeconds", "order_reconciler"),
        ("PositionDrifts", "order_reconciler"),
        ("SignalsQuarantined", "signal_fanout"),
        ("AccountsDisabled", "order_executor"),
        ("AccountsDisabled", "order_reconciler"),
        ("BreakersOpened", "order_executor"),
        ("BreakersOpened", "order_reconciler"),
        ("VenuesBraked", "order_reconciler"),
        ("AddressesBlocked", "order_executor"),
        ("AddressesBlocked", "order_reconciler"),
        ("CandlesMissed", "strategy_runner"),
        ("ScheduleDriftSeconds", "candle_clock"),
        ("CandleDriftSeconds", "strategy_runner"),
    }


def test_alarms_on_our_metrics_use_the_dimensions_that_the_functions_publish() -> None:
    for alarm in (it for it in ALARMS.values() if it["Namespace"] == "Candlecast"):
        assert dimensions(alarm).keys() == {"service", "environment"}
        assert dimensions(alarm)["environment"] == "<Environment>"


def test_latency_is_watched_at_its_ninety_ninth_percentile() -> None:
    assert ALARMS["signal-to-order-latency"]["ExtendedStatistic"] == "p99"


def test_alarms_and_dashboards_use_metrics_that_the_code_publishes() -> None:
    used = {it["MetricName"] for it in ALARMS.values() if it["Namespace"] == "Candlecast"}
    used |= own_metrics("BusinessDashboard") | own_metrics("TechnicalDashboard")
    assert used <= published_metrics()


def test_the_business_dashboard_shows_signals_orders_skips_latency_and_executions() -> None:
    assert own_metrics("BusinessDashboard") >= {
        "CandlesProcessed",
        "ExecutionsCompleted",
        "ExecutionsFailed",
        "SignalsPublished",
        "SubscriptionsSkipped",
        "OrdersAccepted",
        "OrdersRejected",
        "OrdersDenied",
        "OrdersExpired",
        "OrdersAmbiguous",
        "SignalToOrderMilliseconds",
        "WebhooksAccepted",
    }


def test_the_technical_dashboard_shows_every_queue_every_function_the_stream_and_the_door() -> None:
    metrics = [it for widget in dashboard("TechnicalDashboard")["widgets"] for it in widget["properties"].get("metrics", [])]
    shown = {(it[1], it[3]) for it in metrics if isinstance(it[0], str)}
    depth, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert {queue for metric, queue in shown if metric == depth} == {f"stack-{it}" for it in QUEUES}
    assert {queue for metric, queue in shown if metric == age} == {f"stack-{it}" for it in QUEUES if "dead" not in it}
    for metric in ("Errors", "Throttles", "Duration", "ConcurrentExecutions"):
        assert {it for name, it in shown if name == metric} == {f"stack-{it}" for it in functions()}
    assert {("IteratorAge", "stack-outbox_relay"), ("5xx", "api-id"), ("4xx", "api-id"), ("Latency", "api-id")} <= shown
    assert own_metrics("TechnicalDashboard") == {
        "ScheduleDriftSeconds",
        "CandleDriftSeconds",
        "VenueErrors",
        "DeadLettered",
        "ApprovalsRequested",
        "ApprovalsDecided",
        "ActsByOneOperator",
    }


def test_widgets_of_a_dashboard_do_not_cover_each_other() -> None:
    for name in ("BusinessDashboard", "TechnicalDashboard"):
        taken: set[tuple[int, int]] = set()
        for widget in dashboard(name)["widgets"]:
            columns = range(widget["x"], widget["x"] + widget["width"])
            cells = {(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])}
            assert not cells & taken
            assert max(columns) < 24
            taken |= cells
