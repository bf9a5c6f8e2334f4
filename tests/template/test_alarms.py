"""Alarms and dashboards: each watches something that exists, each alarm has a page to open, and nothing goes unwatched."""

import json
import re
import tomllib
from itertools import chain
from typing import Any

import pytest

from tests.documents.test_documents import OPERATE, first_cells
from tests.support.alarm_values import ALARM_VALUES, HELD_ON_THE_TEMPLATE, ONLY
from tests.support.published_metrics import published_by
from tests.support.transformed import INFRA, ROOT, Resource, functions, gradual_root, nested, queue_name, resources, root, text

ALARMS: dict[str, Resource] = {
    text(it["AlarmName"]).removeprefix("stack-"): it
    for template in (nested("Alarms"), nested("FunctionAlarms"), gradual_root())
    for it in resources(template, "AWS::CloudWatch::Alarm").values()
}
RUNBOOKS = {path.name for path in (INFRA / "runbooks").glob("*.md")} - {"README.md"}
QUEUES = {queue_name(it) for it in resources(root(), "AWS::SQS::Queue").values()}
SILENT = {"candle-clock-silent", "reconcile-clock-silent", "catalogue-silent", "health-degraded"}  # alarms on a clock that stops
FILLED_IN = {"Prefix": "stack", "Environment": "env", "AWS::Region": "region", "ApiId": "api-id", "TableName": "table"}


def runbook(alarm: Resource) -> str:
    found = re.search(r"Runbook: infra/runbooks/([a-z0-9-]+\.md)$", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def series(alarm: Resource) -> list[Resource]:
    """The metrics that an alarm reads: its own, or those of its expression."""
    return [it["MetricStat"]["Metric"] for it in alarm["Metrics"] if "MetricStat" in it] if "Metrics" in alarm else [alarm]


ALL_SERIES = [it for alarm in ALARMS.values() for it in series(alarm)]
OWN_SERIES = [it for it in ALL_SERIES if it["Namespace"] == "Candlecast"]


def dimensions(metric: Resource) -> dict[str, str]:
    return {it["Name"]: text(it["Value"]) for it in metric.get("Dimensions", [])}


def watched(namespace: str, metric: str) -> list[dict[str, str]]:
    return [dimensions(it) for it in ALL_SERIES if (it["Namespace"], it["MetricName"]) == (namespace, metric)]


def dashboard(name: str, *, with_paper_exchange: bool = True) -> dict[str, Any]:
    """A dashboard's body with the references filled in and `${!Literal}` unescaped."""
    body = resources(nested("Dashboards"), "AWS::CloudWatch::Dashboard")[name]["DashboardBody"]["Fn::Sub"]
    body, names = (body, {}) if isinstance(body, str) else body
    chosen = {key: value["Fn::If"][1 if with_paper_exchange else 2] for key, value in names.items()}
    assert all(value["Fn::If"][0] == "PaperExchangeDeployed" for value in names.values())
    for key, value in chosen.items():
        body = body.replace(f"${{{key}}}", value if isinstance(value, str) else value["Fn::Sub"])
    filled = re.sub(r"\$\{([^!}]+)\}", lambda match: FILLED_IN[match[1]], body).replace("${!", "${")
    parsed: dict[str, Any] = json.loads(filled)
    return parsed


def own_metrics(name: str) -> set[str]:
    """Metrics of ours that a dashboard searches for."""
    return set(re.findall(r'\{Candlecast,\S+\} MetricName="(\w+)"', json.dumps(dashboard(name)).replace('\\"', '"')))


def published_metrics() -> set[str]:
    """Every name that the shared package could publish as a metric: its string literals in CamelCase."""
    sources = chain((ROOT / "layers/core/candlecast").rglob("*.py"), (ROOT / "functions").rglob("*.py"))
    return {name for path in sources for name in re.findall(r'"([A-Z][a-z]+[A-Z]\w+)"', path.read_text())}


def test_every_runbook_belongs_to_an_alarm_and_every_alarm_to_a_runbook() -> None:
    assert {runbook(it) for it in ALARMS.values()} == RUNBOOKS - {"restore.md"}, "a restore is somebody's decision"


@pytest.mark.parametrize("name", sorted(RUNBOOKS))
def test_a_runbook_says_what_it_means_what_to_look_at_what_to_do_and_when_it_is_over(name: str) -> None:
    page = (INFRA / "runbooks" / name).read_text()
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings[:4] == ["What it means", "Look at", "Do", "When it is over"]
    for link in re.findall(r"\]\(([a-z0-9-]+\.md)\)", page):
        assert link in RUNBOOKS
    assert name in (INFRA / "runbooks" / "README.md").read_text()


@pytest.mark.parametrize(
    "name",
    [it for it in sorted(RUNBOOKS) if it.removesuffix("-dead-letters.md") in ("candle", "uploaded-candle", "signal", "trade")],
)
def test_a_runbook_of_dead_letters_has_the_one_command_that_redrives_them(name: str) -> None:
    queue = name.removesuffix("-dead-letters.md")
    page = (INFRA / "runbooks" / name).read_text()
    assert "$STACK-dlq_redrive" in page
    assert f'\'{{"queue": "{queue}"}}\'' in page


def test_commands_of_runbooks_name_functions_and_outputs_that_exist() -> None:
    pages = "".join((INFRA / "runbooks" / it).read_text() for it in RUNBOOKS)
    assert set(re.findall(r"\$STACK-([a-z_]+)\b", pages)) - {"api", "events", "alerts"} <= functions().keys()
    assert set(re.findall(r"OutputKey=='(\w+)'", pages)) <= root()["Outputs"].keys()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_on_the_topic_and_is_quiet_without_data_unless_silence_is_its_subject(name: str) -> None:
    alarm = ALARMS[name]
    topic = {"Ref": "AlarmTopic"} if name in own_stack() else {"Ref": "AlarmTopicArn"}
    if name.endswith("-release-errors"):  # in the root, before the stack of the topic
        topic = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-alarms"}
    assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
    assert alarm["TreatMissingData"] == ("breaching" if name in SILENT else "notBreaching")
    assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"]


def own_stack() -> set[str]:
    alarms = resources(nested("Alarms"), "AWS::CloudWatch::Alarm").values()
    return {text(it["AlarmName"]).removeprefix("stack-") for it in alarms}


def test_every_dead_letter_queue_rings_at_its_first_message() -> None:
    watching = {
        dimensions(it)["QueueName"].removeprefix("stack-"): (it["Threshold"], it["EvaluationPeriods"])
        for it in ALARMS.values()
        if it.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }
    assert watching == {queue: (1, 1) for queue in QUEUES if "dead-letters" in queue}


def test_every_queue_is_watched_for_age() -> None:
    ages = {it["QueueName"].removeprefix("stack-") for it in watched("AWS/SQS", "ApproximateAgeOfOldestMessage")}
    assert ages == {queue for queue in QUEUES if "dead-letters" not in queue}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_watched_for_errors_and_throttles(metric: str) -> None:
    assert {it["FunctionName"].removeprefix("stack-") for it in watched("AWS/Lambda", metric)} == functions().keys()


ALERT_FIELDS = {
    "code": "$.detail.event.code",
    "failure": "$.detail.event.failure",
    "tenant": "$.detail.tenant_id",
    "account": "$.detail.account_id",
    "market": "$.detail.event.market",
    "at": "$.detail.event.occurred_at",
    "id": "$.detail.event_id",
}


def test_a_critical_alert_goes_to_people_by_name_and_code_and_never_as_a_whole() -> None:
    (rule,) = resources(nested("Alarms"), "AWS::Events::Rule").values()
    assert (text(rule["EventBusName"]), rule["EventPattern"]) == (
        "<EventBusName>",
        {"source": ["candlecast"], "detail-type": ["alert.critical"]},
    )
    (target,) = rule["Targets"]
    shown = target["InputTransformer"]
    assert (text(target["Arn"]), shown["InputPathsMap"]) == ("<AlertTopic>", ALERT_FIELDS)
    template = text(shown["InputTemplate"])
    assert set(re.findall(r"(?<!\w)<(\w+)>", template)) == ALERT_FIELDS.keys()
    assert json.loads(template).startswith("stack: <code>. "), "one text in quotes, or EventBridge takes it for broken JSON"
    assert runbook({"AlarmDescription": json.loads(template)}) == "critical-alerts.md"


def test_eventbridge_may_publish_to_the_topic_of_alerts_and_to_no_other() -> None:
    policies = resources(nested("Alarms"), "AWS::SNS::TopicPolicy").values()
    services = {text(it["Topics"][0]): it["PolicyDocument"]["Statement"][0] for it in policies}
    assert services["<AlertTopic>"]["Principal"] == {"Service": "events.amazonaws.com"}
    assert "Condition" not in services["<AlertTopic>"], "EventBridge supports none in a topic's policy"
    assert services["<AlarmTopic>"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert "Condition" in services["<AlarmTopic>"]
    key = resources(root(), "AWS::KMS::Key")["Key"]["KeyPolicy"]["Statement"]
    (uses,) = [it for it in key if it["Sid"] == "AlertsToTheTopic"]
    assert uses["Principal"] == {"Service": "events.amazonaws.com"}
    (condition,) = uses["Condition"]["StringEquals"].items()
    topics = resources(nested("Alarms"), "AWS::SNS::Topic")
    assert (condition[0], text(condition[1])) == (
        "kms:EncryptionContext:aws:sns:topicArn",
        f"arn:aws:sns:region:account:{text(topics['AlertTopic']['TopicName'])}",
    )
    assert {"kms:Decrypt", "kms:GenerateDataKey*"} == set(uses["Action"])


def test_an_alert_that_was_not_delivered_rings() -> None:
    (rule,) = resources(nested("Alarms"), "AWS::Events::Rule").values()
    assert watched("AWS/Events", "FailedInvocations") == [{"EventBusName": "<EventBusName>", "RuleName": text(rule["Name"])}]


def test_stream_and_door_are_watched() -> None:
    assert watched("AWS/Lambda", "IteratorAge") == [{"FunctionName": "stack-outbox_relay"}]
    assert watched("AWS/ApiGateway", "5xx") == [{"ApiId": "<ApiId>"}]


def test_what_endangers_orders_and_positions_is_watched() -> None:
    assert {(it["MetricName"], dimensions(it)["service"]) for it in OWN_SERIES} == {
        ("OrdersAmbiguous", "order_executor"),
        ("OrdersExpired", "order_executor"),
        ("SignalToOrderMilliseconds", "order_executor"),
        ("DeploymentPausedSeconds", "reconcile_clock"),
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
        ("LimitsUnavailable", "signal_fanout"),
        ("PoolsUnavailable", "order_executor"),
        ("CriticalAlerts", "outbox_relay"),
        ("PoolLossesReached", "outbox_relay"),
        ("CataloguesWritten", "market_catalogue"),
        ("SchedulesOverdue", "reconcile_clock"),
        ("FiringsRefused", "candle_clock"),
        ("FiringsRefused", "reconcile_clock"),
        ("FiringsRefused", "parity_checker"),
        ("CandlesMissed", "strategy_runner"),
        ("ParityDifferences", "parity_checker"),
        ("HealthSeverity", "health_probe"),
        ("ScheduleDriftSeconds", "candle_clock"),
        ("CandleDriftSeconds", "strategy_runner"),
    }


@pytest.mark.parametrize(
    ("metric", "function"), sorted({(it["MetricName"], dimensions(it)["service"]) for it in OWN_SERIES}), ids=str
)
def test_an_alarm_reads_a_metric_that_its_function_can_publish(metric: str, function: str) -> None:
    assert metric in published_by(function)


def test_a_function_cannot_publish_the_metrics_of_another() -> None:
    assert "OrdersExpired" not in published_by("order_reconciler")
    assert "HealthSeverity" not in published_by("api")


LEVELS = {  # of these the worst counts; all other metrics count what has happened, and their sum counts
    "ApproximateAgeOfOldestMessage",
    "ApproximateNumberOfMessagesVisible",
    "ClaimedAccountConcurrency",
    "ConcurrentExecutions",
    "DeploymentPausedSeconds",
    "HealthSeverity",
    "IteratorAge",
    "NakedPositionSeconds",
    "ScheduleDriftSeconds",
    "SchedulesOverdue",
    "UnreservedConcurrentExecutions",
}
PERCENTILES = {"SignalToOrderMilliseconds", "CandleDriftSeconds"}  # one late order or candle wakes nobody


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reads_the_statistic_that_its_metric_means(name: str) -> None:
    """The rehearsal on the embedded cloud publishes one value in each period, so it cannot tell a sum from a maximum."""
    alarm = ALARMS[name]
    stats = {
        it["MetricStat"]["Metric"]["MetricName"]: it["MetricStat"]["Stat"]
        for it in alarm.get("Metrics", ())
        if "MetricStat" in it
    }
    read = stats or {alarm["MetricName"]: alarm.get("Statistic", alarm.get("ExtendedStatistic"))}
    assert read == {it: "p99" if it in PERCENTILES else "Maximum" if it in LEVELS else "Sum" for it in read}


LONG = {"catalogue-silent": 3 * 3_600}  # the catalogue is written once an hour


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_rings_within_a_quarter_of_an_hour_of_trouble(name: str) -> None:
    """The rehearsal fills as many periods as the alarm asks for, so it cannot tell that these are too many."""
    alarm = ALARMS[name]
    periods = {it["MetricStat"]["Period"] for it in alarm.get("Metrics", ()) if "MetricStat" in it} or {alarm["Period"]}
    assert max(periods) * alarm["EvaluationPeriods"] <= LONG.get(name, 900)


def test_the_concurrency_in_use_is_held_against_the_part_of_the_quota_that_is_not_reserved() -> None:
    read = {it["Id"]: it["MetricStat"]["Metric"] for it in ALARMS["concurrency-near-quota"]["Metrics"] if "MetricStat" in it}
    assert {key: (it["Namespace"], it["MetricName"], dimensions(it)) for key, it in read.items()} == {
        "unreserved": ("AWS/Lambda", "UnreservedConcurrentExecutions", {}),
        "claimed": ("AWS/Lambda", "ClaimedAccountConcurrency", {}),
        "running": ("AWS/Lambda", "ConcurrentExecutions", {}),
    }


def test_alarms_on_our_metrics_use_the_dimensions_that_the_functions_publish() -> None:
    for metric in OWN_SERIES:
        assert dimensions(metric).keys() == {"service", "environment"}
        assert dimensions(metric)["environment"] == "<Environment>"


@pytest.mark.parametrize("name", ["candle_clock", "reconcile_clock"])
def test_three_minutes_without_an_invocation_of_a_clock_ring(name: str) -> None:
    alarm = ALARMS[f"{name.replace('_', '-')}-silent"]
    assert (series(alarm)[0]["MetricName"], dimensions(alarm)) == ("Invocations", {"FunctionName": f"stack-{name}"})
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 3, 3)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_silence_is_an_alarm_only_while_the_schedules_are_on() -> None:
    alarms = nested("Alarms")
    conditions = {
        text(it["Properties"]["AlarmName"]).removeprefix("stack-"): it.get("Condition")
        for it in alarms["Resources"].values()
        if it["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert {name for name, condition in conditions.items() if condition == "ClocksRun"} == SILENT
    assert alarms["Conditions"]["ClocksRun"] == {"Fn::Equals": [{"Ref": "SchedulesState"}, "ENABLED"]}
    assert root()["Resources"]["Alarms"]["Properties"]["Parameters"]["SchedulesState"] == {"Ref": "SchedulesState"}


def test_throttles_of_the_table_and_of_each_of_its_indexes_are_watched() -> None:
    indexes = {it["IndexName"] for it in resources(root(), "AWS::DynamoDB::Table")["Table"]["GlobalSecondaryIndexes"]}
    for metric in ("WriteThrottleEvents", "ReadThrottleEvents"):
        found = watched("AWS/DynamoDB", metric)
        assert {it["TableName"] for it in found} == {"<TableName>"}
        assert {it.get("GlobalSecondaryIndexName") for it in found} == indexes | {None}
    assert root()["Resources"]["Alarms"]["Properties"]["Parameters"]["TableName"] == {
        "Fn::If": ["TableAdopted", {"Fn::Sub": "${AWS::StackName}-state-${TableGeneration}"}, {"Ref": "Table"}]
    }


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if "Metrics" in alarm])
def test_an_expression_reads_each_of_its_metrics_and_no_other(name: str) -> None:
    expressions = [it for it in ALARMS[name]["Metrics"] if "Expression" in it]
    (shown,) = expressions
    used = set(re.findall(r"\b[a-z]+\d?\b", shown["Expression"]))
    assert used == {it["Id"] for it in ALARMS[name]["Metrics"] if "MetricStat" in it}
    assert [it["Id"] for it in ALARMS[name]["Metrics"] if it["ReturnData"]] == [shown["Id"]]


def test_latency_is_watched_at_its_ninety_ninth_percentile() -> None:
    assert ALARMS["signal-to-order-latency"]["ExtendedStatistic"] == "p99"


def test_alarms_and_dashboards_use_metrics_that_the_code_publishes() -> None:
    used = {it["MetricName"] for it in OWN_SERIES}
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
    shown = {(it[1], it[3]) for it in metrics if isinstance(it[0], str) and isinstance(it[2], str)}
    depth, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert {queue for metric, queue in shown if metric == depth} == {f"stack-{it}" for it in QUEUES}
    assert {queue for metric, queue in shown if metric == age} == {f"stack-{it}" for it in QUEUES if "dead" not in it}
    for metric in ("Errors", "Throttles", "Duration", "ConcurrentExecutions"):
        assert {it for name, it in shown if name == metric} == {f"stack-{it}" for it in functions()}
    assert {("IteratorAge", "stack-outbox_relay"), ("5xx", "api-id"), ("4xx", "api-id"), ("Latency", "api-id")} <= shown


def test_every_documented_metric_stands_on_a_dashboard_or_in_an_alarm_and_no_other() -> None:
    shown = own_metrics("BusinessDashboard") | own_metrics("TechnicalDashboard") | {it["MetricName"] for it in OWN_SERIES}
    assert shown == first_cells(OPERATE, "## Metrics\n")


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("BusinessDashboard", {"CriticalAlerts", "LimitBreaches", "EventsPublished", "SlippageBasisPoints"}),
        ("TechnicalDashboard", {"BreakersOpened", "VenuesBraked", "AddressesBlocked", "SchedulesOverdue", "LimitsUnavailable"}),
    ],
)
def test_a_dashboard_shows_what_no_list_of_alarms_explains(name: str, metrics: set[str]) -> None:
    assert own_metrics(name) >= metrics


def widget(name: str, title: str) -> dict[str, Any]:
    (found,) = [it["properties"] for it in dashboard(name)["widgets"] if it["properties"].get("title") == title]
    return dict(found)


def test_errors_are_counted_by_code_over_the_logs_of_every_function() -> None:
    query = widget("TechnicalDashboard", "Errors and refusals by code")["query"]
    assert set(re.findall(r"SOURCE '/aws/lambda/stack-(\w+)'", query)) == functions().keys()
    assert "by service, reason_code" in query


def test_the_query_over_logs_names_no_group_of_a_paper_exchange_that_is_not_deployed() -> None:
    widgets = dashboard("TechnicalDashboard", with_paper_exchange=False)["widgets"]
    (query,) = (it["properties"]["query"] for it in widgets if it["type"] == "log")
    assert set(re.findall(r"SOURCE '/aws/lambda/stack-(\w+)'", query)) == functions().keys() - {"paper_exchange"}
    assert "paper_exchange" not in query
    assert root()["Resources"]["Dashboards"]["Properties"]["Parameters"]["PaperExchange"] == {"Ref": "PaperExchange"}


def test_deliveries_are_those_of_the_alerts_rule_and_of_both_topics() -> None:
    metrics = [it[:-1] for it in widget("TechnicalDashboard", "Alerts and alarms delivered")["metrics"]]
    (rule,) = resources(nested("Alarms"), "AWS::Events::Rule").values()
    of_rule = ["EventBusName", "stack-events", "RuleName", text(rule["Name"])]
    topics = [text(it["TopicName"]) for it in resources(nested("Alarms"), "AWS::SNS::Topic").values()]
    for metric in ("Invocations", "FailedInvocations"):
        assert ["AWS/Events", metric, *of_rule] in metrics
    for topic in topics:
        assert ["AWS/SNS", "NumberOfNotificationsFailed", "TopicName", topic] in metrics


def test_the_cost_on_the_dashboard_is_that_of_the_prices_and_of_each_functions_memory() -> None:
    prices = tomllib.loads((ROOT / "benchmarks" / "report" / "prices.toml").read_text(encoding="utf-8"))["usd"]
    metrics = widget("BusinessDashboard", "Cost of table, functions and events at list prices")["metrics"]
    expressions = {it[0]["label"]: it[0]["expression"] for it in metrics if isinstance(it[0], dict)}
    of_functions = re.findall(r"([\d.]+) \* FILL\((\w+), 0\)", expressions["functions, time"])
    by_function = {name: float(gigabytes) * 1024 for gigabytes, name in of_functions}
    assert by_function == {name: pytest.approx(it["MemorySize"], abs=1) for name, it in functions().items()}
    assert {it[4]["id"]: it[3] for it in metrics if isinstance(it[0], str)} == {name: f"stack-{name}" for name in functions()}
    assert float(expressions["functions, time"].rpartition("* ")[2]) == prices["lambda_gb_second"]
    for label, price in (("table, writes", "dynamodb_million_write_units"), ("table, reads", "dynamodb_million_read_units")):
        assert float(expressions[label].rpartition("* ")[2].split("/")[0]) == prices[price]
    assert float(expressions["events"].rpartition("* ")[2].split("/")[0]) == prices["eventbridge_million_events"]


def test_each_alarm_is_made_to_ring_on_the_embedded_cloud_or_is_held_on_the_template() -> None:
    """tests/e2e/test_alarms.py takes its values from the first table, so each of these alarms rings there."""
    assert not ALARM_VALUES.keys() & HELD_ON_THE_TEMPLATE.keys()
    assert ALARM_VALUES.keys() | HELD_ON_THE_TEMPLATE.keys() == ALARMS.keys()
    for name, values in ALARM_VALUES.items():
        ids = {it["Id"] for it in ALARMS[name].get("Metrics", []) if "MetricStat" in it} or {ONLY}
        assert values.quiet.keys() == ids, name
        assert values.loud.keys() <= ids, name
    for test in HELD_ON_THE_TEMPLATE.values():
        file, _, function = test.partition("::")
        assert f"def {function}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_widgets_of_a_dashboard_do_not_cover_each_other() -> None:
    for name in ("BusinessDashboard", "TechnicalDashboard"):
        taken: set[tuple[int, int]] = set()
        for widget in dashboard(name)["widgets"]:
            columns = range(widget["x"], widget["x"] + widget["width"])
            cells = {(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])}
            assert not cells & taken
            assert max(columns) < 24
            taken |= cells
